import { utf8 } from '@internode/prelude';
import { afterEach, describe, expect, test } from 'vitest';
import { MemoryStore } from '../src/memory.ts';
import { RocksStore } from '../src/rocksdb.ts';
import type { Told } from './held-extension.ts';
import { temporaryDir } from './temporary.ts';

const extension = new URL('./held-extension.ts', import.meta.url);
const stores: RocksStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

async function startAt(path: string): Promise<RocksStore> {
  const store = await RocksStore.open({ path, extension });
  stores.push(store);
  return store;
}

async function opened() {
  const store = await startAt(temporaryDir());
  const write = (key: string, value: string | undefined) =>
    store.write([{ key: utf8(key), value: value === undefined ? undefined : utf8(value) }], {
      sync: false,
    });
  const tell = (told: Told) => store.call(told);
  return { store, write, tell };
}

describe('an extension', () => {
  test('holds what was there when it was asked, in the order of asking', async () => {
    const { write, tell } = await opened();
    const order = [
      write('a', '1'),
      write('b', '1'),
      tell({ kind: 'hold', name: 'x' }),
      write('a', '2'),
      write('b', undefined),
    ];
    await Promise.all([...order, write('c', '1')]);
    const all = { kind: 'read', name: 'x', gte: 'a', lt: 'z', bytesMax: 1e6 } as const;
    expect(await tell(all)).toEqual([
      ['a', '1'],
      ['b', '1'],
    ]);
    await tell({ kind: 'hold', name: 'y' });
    expect(await tell({ ...all, name: 'y' })).toEqual([
      ['a', '2'],
      ['c', '1'],
    ]);
    await tell({ kind: 'release', name: 'y' });
    // Nothing is wrong with the store.
    await expect(tell({ ...all, name: 'y' })).rejects.toMatchObject({ code: 'full' });
    expect(await tell({ ...all, gte: 'b' })).toEqual([['b', '1']]);
  });

  test('reads on, elsewhere, beyond what was read ahead, and to the end', async () => {
    const { store, tell } = await opened();
    const keys = Array.from({ length: 2_000 }, (_, i) => `k${String(i).padStart(5, '0')}`);
    await store.write(
      keys.map((key) => ({ key: utf8(key), value: new Uint8Array(100).fill(65) })),
      { sync: false },
    );
    await tell({ kind: 'hold', name: 'x' });
    const read = async (gte: string, lt: string, bytesMax: number) =>
      ((await tell({ kind: 'read', name: 'x', gte, lt, bytesMax })) as string[][]).map(
        ([key]) => key,
      );
    const found: (string | undefined)[] = [];
    for (let gte = 'k'; ; ) {
      const some = await read(gte, 'l', 7_000);
      const last = some.at(-1);
      if (last === undefined) break;
      found.push(...some);
      gte = `${last}\0`;
    }
    expect(found).toEqual(keys);
    expect(await read('k00500', 'k00503', 1e6)).toEqual(['k00500', 'k00501', 'k00502']);
    expect(await read('k00503', 'k00504', 1e6)).toEqual(['k00503']);
    expect(await read('k00100', 'k00101', 1)).toEqual(['k00100']);
    expect(await read('k01999', 'z', 1e6)).toEqual(['k01999']);
    expect(await read('z', 'zz', 1e6)).toEqual([]);
    expect(await read('k00000', 'k00002', 1e6)).toEqual(['k00000', 'k00001']);
  });

  test('keeps what was there for later lives, whatever is written, flushed and merged since', async () => {
    const path = temporaryDir();
    const first = await startAt(path);
    const fill = async (store: RocksStore, round: number) => {
      for (let i = 0; i < 40; i++) {
        const batch = Array.from({ length: 250 }, (_, j) => ({
          key: utf8(`k${String(i * 250 + j).padStart(5, '0')}`),
          value: new Uint8Array(4_000).fill(round),
        }));
        await store.write(batch, { sync: false });
      }
    };
    await fill(first, 1);
    await first.write([{ key: utf8('last'), value: utf8('1') }], { sync: false });
    const keeping = first.call({ kind: 'keep', name: 'one' });
    const writing = fill(first, 2);
    await Promise.all([
      keeping,
      writing,
      first.write([{ key: utf8('last'), value: utf8('2') }], { sync: false }),
    ]);
    await fill(first, 3);
    await first.call({ kind: 'keep', name: 'two' });
    expect(await first.call({ kind: 'kept' })).toEqual(['one', 'two']);
    await stores.pop()?.close();
    const second = await startAt(path);
    await fill(second, 4);
    const found = async (name: string) => {
      await second.call({ kind: 'holdKept', name });
      const read = (gte: string) =>
        second.call({ kind: 'read', name, gte, lt: 'z', bytesMax: 1e6 }) as Promise<string[][]>;
      const values = new Set<number | undefined>();
      let count = 0;
      for (let gte = 'k0'; ; ) {
        const some = await read(gte);
        const last = some.at(-1)?.[0];
        if (last === undefined) return { values: [...values], count };
        for (const [key, value] of some) {
          if (key === 'last') return { values: [...values], count, last: value };
          values.add(value?.charCodeAt(0));
          count += 1;
        }
        gte = `${last}\0`;
      }
    };
    expect(await found('one')).toEqual({ values: [1], count: 10_000, last: '1' });
    expect(await found('two')).toEqual({ values: [3], count: 10_000, last: '2' });
    await second.call({ kind: 'drop', name: 'one' });
    expect(await second.call({ kind: 'kept' })).toEqual(['two']);
    await second.call({ kind: 'holdKept', name: 'three' });
    await expect(
      second.call({ kind: 'read', name: 'three', gte: 'k', lt: 'z', bytesMax: 1 }),
    ).rejects.toThrow('cannot be opened');
  });

  test('adds to the batches of others, in one', async () => {
    const { store, write } = await opened();
    await write('twice', '1');
    expect(await store.get(utf8('twice!'))).toEqual(new Uint8Array(utf8('too')));
  });

  test('writes in turn, and is told of the batches of others but not of its own', async () => {
    const { store, write, tell } = await opened();
    await Promise.all([
      write('a', '1'),
      tell({ kind: 'write', key: 'a', value: '2' }),
      write('b', '1'),
    ]);
    expect(await store.get(utf8('a'))).toEqual(new Uint8Array(utf8('2')));
    expect(await tell({ kind: 'seen' })).toEqual(['a', 'b']);
    await expect(tell({ kind: 'throw' })).rejects.toThrow('as told');
  });

  test('has the store opened for being filled, in turn with batches, and loses nothing by it', async () => {
    const path = temporaryDir();
    const first = await startAt(path);
    const write = (key: string) =>
      first.write([{ key: utf8(key), value: utf8(key) }], { sync: true });
    const tell = (told: Told) => first.call(told);
    await write('a');
    await tell({ kind: 'hold', name: 'x' });
    await Promise.all([
      write('b'),
      tell({ kind: 'fill', isFilling: true }),
      tell({ kind: 'write', key: 'c', value: 'c' }),
      tell({ kind: 'fill', isFilling: true }),
      write('d'),
    ]);
    const read = { kind: 'read', gte: 'a', lt: 'z', bytesMax: 1e6 } as const;
    await expect(tell({ ...read, name: 'x' })).rejects.toMatchObject({ code: 'full' });
    await tell({ kind: 'hold', name: 'y' });
    await Promise.all([
      tell({ kind: 'write', key: 'e', value: 'e' }),
      tell({ kind: 'fill', isFilling: false }),
      write('f'),
    ]);
    const keys = async (store: RocksStore) => {
      await store.call({ kind: 'hold', name: 'z' });
      return ((await store.call({ ...read, name: 'z' })) as string[][]).map(([key]) => key);
    };
    const all = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(await keys(first)).toEqual(all);
    // A life that ends while it is filled: the next opens as always.
    await tell({ kind: 'fill', isFilling: true });
    await write('g');
    await stores.pop()?.close();
    const second = await startAt(path);
    expect(await keys(second)).toEqual([...all, 'g']);
    await second.call({ kind: 'fill', isFilling: false });
    expect(await keys(second)).toEqual([...all, 'g']);
  });

  test('is not there unless it was asked for', async () => {
    const store = await RocksStore.open({ path: temporaryDir() });
    stores.push(store);
    await expect(store.call({})).rejects.toThrow('no extension');
  });
});

describe('a store in memory', () => {
  test('holds what was there too', () => {
    const store = new MemoryStore();
    const write = (key: string, value: string) =>
      store.writeNow([{ key: utf8(key), value: utf8(value) }], { sync: false });
    write('a', '1');
    write('b', '1');
    const held = store.holdNow();
    write('a', '2');
    write('c', '1');
    const read = (bytesMax: number) =>
      held
        .readNow({ gte: utf8('a'), lt: utf8('z'), bytesMax })
        .map(({ key, value }) => Buffer.from(key).toString() + Buffer.from(value).toString());
    expect(read(1e6)).toEqual(['a1', 'b1']);
    expect(read(1)).toEqual(['a1']);
  });
});
