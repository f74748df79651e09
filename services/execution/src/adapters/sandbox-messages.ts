/** What the pool and its workers say to each other, and how bytes are made cheap to send. */
import type { Answer, Collected, Task } from '../sandbox/interface.ts';
import type { PreparedModule } from '../sandbox/modules.ts';

export type ToWorker =
  | {
      readonly kind: 'tasks';
      readonly tasks: readonly { readonly id: number; readonly task: Task }[];
    }
  /** Prepared by another worker. */
  | { readonly kind: 'adopt'; readonly module: PreparedModule }
  /** A canister of some worker uses the module, or no longer does: all workers keep such modules. */
  | { readonly kind: 'use'; readonly key: string }
  | { readonly kind: 'release'; readonly key: string }
  | { readonly kind: 'stop' };

export interface Answered {
  readonly id: number;
  readonly answer: Answer;
  /** With a `prepared` answer: for the other workers to adopt. */
  readonly module?: PreparedModule;
}

export interface FromWorker {
  readonly answers: readonly Answered[];
}

export interface WorkerSettings {
  readonly cacheDirectory: string | undefined;
  readonly instancesMax: number;
  /** There are other workers, which must learn of prepared modules. */
  readonly shares: boolean;
}

/**
 * The same value with every array of bytes on a buffer of its own: a view on a large buffer would
 * take the whole buffer along when it is cloned. Answers `value` itself when nothing had to change.
 */
export function compacted<T>(value: T): T {
  return compact(value) as T;
}

function compact(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) {
    const whole = value.byteLength === value.buffer.byteLength && value.constructor === Uint8Array;
    return whole ? value : Uint8Array.prototype.slice.call(value);
  }
  if (Array.isArray(value)) {
    const items = value.map(compact);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  return compactRecord(value as Record<string, unknown>);
}

function compactRecord(record: Record<string, unknown>): unknown {
  let copy: Record<string, unknown> | undefined;
  for (const name in record) {
    const before = record[name];
    const after = compact(before);
    if (after === before) continue;
    copy ??= { ...record };
    copy[name] = after;
  }
  return copy ?? record;
}

/** Puts the pages of a collection on one buffer, which can be handed over instead of cloned. */
export function packed(canisters: readonly Collected[]): {
  readonly canisters: readonly Collected[];
  readonly buffer: ArrayBuffer;
} {
  const changes = canisters.flatMap(({ memories }) => memories);
  const total = changes
    .flatMap(({ pages }) => pages)
    .reduce((sum, { content }) => sum + content.length, 0);
  const all = new Uint8Array(total);
  let end = 0;
  const place = (content: Uint8Array): Uint8Array => {
    all.set(content, end);
    end += content.length;
    return all.subarray(end - content.length, end);
  };
  const moved = canisters.map((canister) => ({
    ...canister,
    memories: canister.memories.map((change) => ({
      ...change,
      pages: change.pages.map(({ index, content }) => ({ index, content: place(content) })),
    })),
  }));
  return { canisters: moved, buffer: all.buffer };
}
