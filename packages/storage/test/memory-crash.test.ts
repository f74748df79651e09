import { describe, expect, test } from 'vitest';
import { MemoryJournal, MemoryStore } from '../src/memory.ts';

/** A journal whose syncs happen when the test says so. */
function journal() {
  const syncs: (() => void)[] = [];
  const memory = new MemoryJournal((sync) => syncs.push(sync));
  const told: number[] = [];
  const append = (n: number): void => memory.append(Uint8Array.of(n), () => told.push(n));
  const entries = (): number[] => {
    const numbers: number[] = [];
    memory.replay((entry) => numbers.push(entry[0] ?? -1));
    return numbers;
  };
  return { memory, syncs, told, append, entries };
}

describe('MemoryJournal', () => {
  test.each([0, 1, 2, 3])('a crash that %i of three unsynced entries survive', (survivors) => {
    const { memory, syncs, told, append, entries } = journal();
    append(0);
    syncs[0]?.();
    for (const n of [1, 2, 3]) append(n);
    memory.crash(survivors);
    expect(entries()).toEqual([0, 1, 2, 3].slice(0, 1 + survivors));
    // Syncs asked for before the crash come too late.
    for (const sync of syncs) sync();
    expect(told).toEqual([0]);
    append(9);
    syncs.at(-1)?.();
    expect(told).toEqual([0, 9]);
    expect(entries().at(-1)).toBe(9);
  });

  test('a compaction is all or nothing in a crash', () => {
    for (const survivors of [0, 1, 2]) {
      const { memory, syncs, append, entries } = journal();
      append(1);
      syncs[0]?.();
      memory.compact([Uint8Array.of(7), Uint8Array.of(8)], () => {});
      append(2);
      memory.crash(survivors);
      expect(entries()).toEqual([[1], [7, 8], [7, 8, 2]][survivors]);
    }
  });

  test('syncing one syncs all before it, in order', () => {
    const { syncs, told, append } = journal();
    for (const n of [1, 2, 3]) append(n);
    syncs[2]?.();
    expect(told).toEqual([1, 2, 3]);
    syncs[0]?.();
    expect(told).toEqual([1, 2, 3]);
  });

  test('a full disk syncs nothing until there is space', () => {
    const { memory, syncs, told, append } = journal();
    memory.setFull(true);
    append(1);
    append(2);
    for (const sync of syncs.splice(0)) sync();
    expect(told).toEqual([]);
    memory.setFull(false);
    for (const sync of syncs) sync();
    expect(told).toEqual([1, 2]);
  });
});

describe('MemoryStore', () => {
  const key = Uint8Array.of(1);
  const readNow = (store: MemoryStore): number | undefined => store.getNow(key)?.[0];
  const write = (store: MemoryStore, value: number | undefined, sync: boolean): void =>
    store.writeNow([{ key, value: value === undefined ? undefined : Uint8Array.of(value) }], {
      sync,
    });

  test.each([0, 1, 2, 3])('a crash that %i of three unsynced batches survive', (survivors) => {
    const store = new MemoryStore();
    write(store, 1, true);
    write(store, 2, false);
    write(store, undefined, false);
    write(store, 4, false);
    expect(readNow(store)).toBe(4);
    store.crash(survivors);
    expect(readNow(store)).toBe([1, 2, undefined, 4][survivors]);
    expect(store.unsyncedCount).toBe(0);
  });

  test('one key twice in a lost batch is restored as it was', () => {
    const store = new MemoryStore();
    write(store, 1, true);
    store.writeNow(
      [
        { key, value: Uint8Array.of(2) },
        { key, value: Uint8Array.of(3) },
      ],
      { sync: false },
    );
    store.crash(0);
    expect(readNow(store)).toBe(1);
  });

  test('a full disk refuses writes whole and serves reads', async () => {
    const store = new MemoryStore();
    write(store, 1, true);
    store.setFull(true);
    await expect(store.write([{ key, value: undefined }], { sync: true })).rejects.toMatchObject({
      code: 'full',
    });
    expect(readNow(store)).toBe(1);
    store.setFull(false);
    write(store, 2, true);
    expect(readNow(store)).toBe(2);
  });
});
