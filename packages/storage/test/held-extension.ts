/** An extension for `extension.compliance.test.ts`: does what it is told, with keys and values as text. */
import type { Extend, Held } from '../src/index.ts';

export type Told =
  | { readonly kind: 'hold'; readonly name: string }
  | { readonly kind: 'release' | 'keep' | 'holdKept' | 'drop'; readonly name: string }
  | { readonly kind: 'kept' }
  | {
      readonly kind: 'read';
      readonly name: string;
      readonly gte: string;
      readonly lt: string;
      readonly bytesMax: number;
    }
  | { readonly kind: 'write'; readonly key: string; readonly value: string }
  | { readonly kind: 'fill'; readonly isFilling: boolean }
  | { readonly kind: 'seen' }
  | { readonly kind: 'throw' }
  /** The whole thread. */
  | { readonly kind: 'die' };

export const extend: Extend = (inside) => {
  const held = new Map<string, Held>();
  const seen: string[] = [];
  const answerTo = async (told: Told): Promise<unknown> => {
    switch (told.kind) {
      case 'hold':
        held.set(told.name, inside.hold());
        return undefined;
      case 'release':
        return held.get(told.name)?.close();
      case 'keep':
        return inside.keep(told.name);
      case 'kept':
        return inside.kept();
      case 'holdKept':
        held.set(told.name, inside.holdKept(told.name));
        return undefined;
      case 'drop':
        return inside.drop(told.name);
      case 'read': {
        const [gte, lt] = [Buffer.from(told.gte), Buffer.from(told.lt)];
        const entries = await held.get(told.name)?.read({ gte, lt, bytesMax: told.bytesMax });
        return entries?.map(({ key, value }) => [textOf(key), textOf(value)]);
      }
      case 'write': {
        const entry = { key: Buffer.from(told.key), value: Buffer.from(told.value) };
        return inside.write([entry], { sync: false });
      }
      case 'fill':
        return inside.fill(told.isFilling);
      case 'seen':
        return seen.splice(0);
      case 'throw':
        throw new Error('as told');
      case 'die':
        setImmediate(() => {
          throw new Error('as told');
        });
        return undefined;
    }
  };
  return {
    writing: (keys) => {
      const before = seen.length;
      for (const key of keys) seen.push(textOf(key));
      return seen
        .slice(before)
        .filter((key) => key.startsWith('twice'))
        .map((key) => ({ key: Buffer.from(`${key}!`), value: Buffer.from('too') }));
    },
    failed: () => {},
    call: async (told) => ({ answer: await answerTo(told as Told) }),
  };
};

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
