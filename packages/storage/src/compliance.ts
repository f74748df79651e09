// What every Journal and every Store must do, run against each of them. Imported by tests only.
import type { Journal } from '@internode/actor';
import { utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import type { Store } from './store.ts';

export interface JournalUnderTest {
  /** Opens the same journal again and again; `lose` says what happens to unsynced writes before it. */
  open(): Promise<Journal>;
  /** Ends the current one: `clean` waits for the disk; `crash` is a power cut, right now. */
  end(how: 'clean' | 'crash'): Promise<void>;
}

export function journalCompliance(name: string, make: () => Promise<JournalUnderTest>): void {
  describe(`journal: ${name}`, () => {
    test('replays what was appended, in order, as copies', async () => {
      const under = await make();
      const journal = await under.open();
      // A Buffer, whose own slice() would share its bytes.
      const entry = Buffer.from('first');
      journal.append(entry, () => {});
      entry.fill(0);
      journal.append(new Uint8Array(0), () => {});
      await appended(journal, 'third');
      const again = await (await ended(under, 'clean')).open();
      expect(textsOf(again)).toEqual(['first', '', 'third']);
      await under.end('clean');
    });

    test('tells `durable` in order, later than `append`, and what it told survives a power cut', async () => {
      const under = await make();
      const journal = await under.open();
      const told: number[] = [];
      for (let i = 0; i < 500; i++) journal.append(utf8(`entry ${i}`), () => told.push(i));
      expect(told).toEqual([]);
      await until(() => told.length >= 100);
      const safe = told.length;
      const again = await (await ended(under, 'crash')).open();
      expect(told.slice(0, safe)).toEqual(Array.from({ length: safe }, (_, i) => i));
      const texts = textsOf(again);
      expect(texts.length).toBeGreaterThanOrEqual(safe);
      expect(texts).toEqual(texts.map((_, i) => `entry ${i}`));
      await under.end('clean');
    });

    test('replays in the same process what is not durable yet', async () => {
      const under = await make();
      const journal = await under.open();
      await appended(journal, 'a');
      journal.compact([utf8('b')], () => {});
      journal.append(utf8('c'), () => {});
      expect(textsOf(journal)).toEqual(['b', 'c']);
      await under.end('clean');
    });

    test('compacts: what was before is gone, what comes after follows', async () => {
      const under = await make();
      const journal = await under.open();
      for (let i = 0; i < 50; i++) journal.append(utf8(`old ${i}`), () => {});
      const order: string[] = [];
      journal.compact([utf8('x'), utf8('y')], () => order.push('compacted'));
      journal.append(utf8('z'), () => order.push('appended'));
      await until(() => order.length === 2);
      expect(order).toEqual(['compacted', 'appended']);
      const again = await (await ended(under, 'crash')).open();
      expect(textsOf(again)).toEqual(['x', 'y', 'z']);
      await appended(again, 'w');
      const last = await (await ended(under, 'clean')).open();
      expect(textsOf(last)).toEqual(['x', 'y', 'z', 'w']);
      await under.end('clean');
    });

    test('takes entries of several megabytes', async () => {
      const under = await make();
      const journal = await under.open();
      const large = new Uint8Array(9_000_000).fill(7);
      journal.append(large, () => {});
      journal.append(large, () => {});
      await appended(journal, 'end');
      const again = await (await ended(under, 'crash')).open();
      const lengths: number[] = [];
      again.replay((entry) => lengths.push(entry.length));
      expect(lengths).toEqual([9_000_000, 9_000_000, 3]);
      await under.end('clean');
    });
  });
}

export interface StoreUnderTest {
  open(): Promise<Store>;
  end(how: 'clean' | 'crash'): Promise<void>;
}

export function storeCompliance(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`store: ${name}`, () => {
    test('writes, reads, deletes', async () => {
      const under = await make();
      const store = await under.open();
      await store.write([change('a', '1'), change('b', '2'), change('b', '3')], { sync: false });
      await store.write([change('a', undefined), change('empty', '')], { sync: true });
      expect(await store.get(utf8('a'))).toBeUndefined();
      expect(textOf(await store.get(utf8('b')))).toBe('3');
      const many = await store.getMany([utf8('empty'), utf8('none'), utf8('b')]);
      expect(many.map(textOf)).toEqual(['', undefined, '3']);
      await store.write([], { sync: true });
      await under.end('clean');
    });

    test('values are plain arrays, the caller may keep and change them', async () => {
      const under = await make();
      const store = await under.open();
      const value = Buffer.from('value');
      await store.write([{ key: utf8('k'), value }], { sync: false });
      value.fill(0);
      const read = (await store.get(utf8('k'))) as Uint8Array;
      expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype);
      read.fill(0);
      expect(textOf(await store.get(utf8('k')))).toBe('value');
      await under.end('clean');
    });

    test('ranges are in byte order, from gte to before lt, limited', async () => {
      const under = await make();
      const store = await under.open();
      const keys = [[0], [1, 0], [1, 255], [1], [2], [127], [128], [255, 255]];
      const batch = keys.map((key) => ({ key: Uint8Array.from(key), value: Uint8Array.from(key) }));
      await store.write(batch, { sync: false });
      const of = async (gte: number[], lt: number[], limit: number) => {
        const range = { gte: Uint8Array.from(gte), lt: Uint8Array.from(lt), limit };
        return (await store.range(range)).map(({ key }) => [...key]);
      };
      expect(await of([], [255, 255], 100)).toEqual([
        [0],
        [1],
        [1, 0],
        [1, 255],
        [2],
        [127],
        [128],
      ]);
      expect(await of([1], [2], 2)).toEqual([[1], [1, 0]]);
      expect(await of([1, 1], [128], 100)).toEqual([[1, 255], [2], [127]]);
      expect(await of([3], [3], 100)).toEqual([]);
      const range = { gte: Uint8Array.of(1), lt: Uint8Array.of(2) };
      await store.deleteRange(range, { sync: true });
      expect(await of([], [255, 255, 255], 100)).toEqual([[0], [2], [127], [128], [255, 255]]);
      await under.end('clean');
    });

    test('a synced batch and all before it survive a crash, whole batches only', async () => {
      const under = await make();
      const store = await under.open();
      const keys = Array.from({ length: 200 }, (_, i) => `key ${i}`);
      await store.write([change('early', 'x')], { sync: false });
      await store.write(
        keys.map((key) => change(key, 'old')),
        { sync: true },
      );
      void store
        .write(
          keys.map((key) => change(key, 'new')),
          { sync: false },
        )
        .catch(() => {});
      const again = await (await ended(under, 'crash')).open();
      expect(textOf(await again.get(utf8('early')))).toBe('x');
      const values = new Set((await again.getMany(keys.map((key) => utf8(key)))).map(textOf));
      expect(values.size).toBe(1);
      expect(['old', 'new']).toContain([...values][0]);
      await under.end('clean');
    });

    test('answers in the order of asking', async () => {
      const under = await make();
      const store = await under.open();
      const reads = Array.from({ length: 50 }, (_, i) => {
        void store.write([change('n', String(i))], { sync: i % 7 === 0 });
        return store.get(utf8('n'));
      });
      expect((await Promise.all(reads)).map(textOf)).toEqual(reads.map((_, i) => String(i)));
      await under.end('clean');
    });
  });
}

async function ended<Under extends { end(how: 'clean' | 'crash'): Promise<void> }>(
  under: Under,
  how: 'clean' | 'crash',
): Promise<Under> {
  await under.end(how);
  return under;
}

function appended(journal: Journal, text: string): Promise<void> {
  return new Promise((resolve) => journal.append(utf8(text), resolve));
}

function textsOf(journal: Journal): string[] {
  const texts: string[] = [];
  journal.replay((entry) => texts.push(new TextDecoder().decode(entry)));
  return texts;
}

function change(key: string, value: string | undefined) {
  return { key: utf8(key), value: value === undefined ? undefined : utf8(value) };
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}
