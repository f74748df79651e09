import { describe, expect, test } from 'vitest';
import {
  HostTrap,
  STABLE_PAGE_BYTES,
  STABLE_PAGES_MAX,
  STABLE_PIECE_BYTES,
  StableMemory,
} from '../../src/wasm/index.ts';

const read = (memory: StableMemory, offset: number, length: number): Uint8Array => {
  const target = new Uint8Array(length).fill(0xee);
  memory.read(offset, target);
  return target;
};

const pageOf = (value: number): Uint8Array => new Uint8Array(STABLE_PAGE_BYTES).fill(value);

describe('stable memory', () => {
  test('grows to 500 GiB, no further, and untouched pages are zero', () => {
    const memory = new StableMemory();
    expect(memory.grow(STABLE_PAGES_MAX)).toBe(0);
    expect(memory.size * STABLE_PAGE_BYTES).toBe(500 * 2 ** 30);
    expect(memory.grow(1)).toBe(-1);
    expect(memory.grow(0)).toBe(STABLE_PAGES_MAX);
    expect(memory.grow(Number.NaN)).toBe(-1);
    const last = 500 * 2 ** 30 - 3;
    memory.write(last, Uint8Array.of(1, 2, 3));
    expect(read(memory, last - 2, 5)).toEqual(Uint8Array.of(0, 0, 1, 2, 3));
    memory.commit();
    const { pieces } = memory.collectDirty();
    expect(pieces.map(({ index }) => index)).toEqual([(500 * 2 ** 30) / STABLE_PIECE_BYTES - 1]);
  });

  test('accesses out of bounds trap and change nothing', () => {
    const memory = new StableMemory();
    memory.grow(1);
    for (const [offset, length] of [
      [65_536, 1],
      [65_530, 7],
      [-1, 1],
      [Number.NaN, 1],
      [2 ** 60, 1],
    ] as const) {
      expect(() => memory.write(offset, new Uint8Array(length))).toThrow(HostTrap);
      expect(() => memory.read(offset, new Uint8Array(length))).toThrow(HostTrap);
    }
    expect(memory.pagesWritten).toBe(0);
    memory.write(65_536, new Uint8Array(0));
  });

  test('agrees with a plain array through commits, rollbacks and restores', () => {
    let seed = 3;
    const below = (end: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * end);
    };
    const size = 6 * STABLE_PAGE_BYTES;
    let memory = new StableMemory();
    memory.grow(6);
    memory.commit();
    let committed = new Uint8Array(size);
    const image = new Map<number, Uint8Array>();
    for (let round = 0; round < 300; round++) {
      const plain = committed.slice();
      const writes = Array.from({ length: below(6) + 1 }, () => {
        const bytes = new Uint8Array(below(4) === 0 ? below(150_000) : below(40)).fill(below(256));
        return { bytes, offset: Math.min(below(size), size - bytes.length) };
      });
      for (const { bytes, offset } of writes) plain.set(bytes, offset);
      const run = (): void => {
        for (const { bytes, offset } of writes) memory.write(offset, bytes);
        expect(Buffer.compare(read(memory, 0, size), plain)).toBe(0);
      };
      for (;;) {
        try {
          run();
          break;
        } catch (error) {
          if (memory.absence === undefined) throw error;
          const { page } = memory.takeAbsence();
          memory.rollback();
          const bytes = image.get(page)?.slice();
          const pages = bytes === undefined ? [] : [{ index: page, bytes }];
          memory.supply({ from: page, to: page + 1 }, pages);
        }
      }
      if (below(2) === 0) {
        memory.rollback();
      } else {
        memory.commit();
        committed = plain;
      }
      expect(Buffer.compare(read(memory, 0, size), committed)).toBe(0);
      if (below(10) > 0) continue;
      for (const { index, bytes } of memory.collectDirty().pieces) {
        const start = index * STABLE_PIECE_BYTES;
        const page = Math.floor(start / STABLE_PAGE_BYTES);
        const whole = image.get(page) ?? new Uint8Array(STABLE_PAGE_BYTES);
        whole.set(bytes, start - page * STABLE_PAGE_BYTES);
        image.set(page, whole);
      }
      memory = new StableMemory(6);
    }
  });

  test('an absent page ends the access, is named with its neighbours, and what is here is not replaced', () => {
    const memory = new StableMemory(10);
    memory.supply({ from: 0, to: 2 }, [{ index: 1, bytes: pageOf(1) }]);
    memory.supply({ from: 7, to: 8 }, []);
    expect(read(memory, STABLE_PAGE_BYTES, 1)).toEqual(Uint8Array.of(1));
    expect(read(memory, 7 * STABLE_PAGE_BYTES, 1)).toEqual(Uint8Array.of(0));
    expect(() => read(memory, 2 * STABLE_PAGE_BYTES - 1, 2)).toThrow(HostTrap);
    expect(memory.takeAbsence()).toEqual({ page: 2, around: { from: 2, to: 7 } });
    expect(() => memory.write(9 * STABLE_PAGE_BYTES, Uint8Array.of(5))).toThrow(HostTrap);
    expect(memory.takeAbsence()).toEqual({ page: 9, around: { from: 8, to: 10 } });
    expect(memory.absence).toBeUndefined();
    memory.write(STABLE_PAGE_BYTES, Uint8Array.of(2));
    memory.commit();
    memory.supply(
      { from: 0, to: 10 },
      [1, 3].map((index) => ({ index, bytes: pageOf(9) })),
    );
    expect(read(memory, STABLE_PAGE_BYTES, 1)).toEqual(Uint8Array.of(2));
    expect(read(memory, 3 * STABLE_PAGE_BYTES, 1)).toEqual(Uint8Array.of(9));
    expect(read(memory, 4 * STABLE_PAGE_BYTES, 1)).toEqual(Uint8Array.of(0));
    memory.grow(1);
    expect(read(memory, 10 * STABLE_PAGE_BYTES, 1)).toEqual(Uint8Array.of(0));
  });

  test('rollback undoes growth, and changes can be set aside', () => {
    const memory = new StableMemory();
    memory.grow(1);
    memory.commit();
    memory.grow(2);
    memory.write(70_000, Uint8Array.of(9));
    const changes = memory.pendingChanges();
    memory.rollback();
    expect(memory.size).toBe(1);
    memory.applyChanges(changes);
    expect(memory.size).toBe(3);
    expect(read(memory, 70_000, 1)).toEqual(Uint8Array.of(9));
    memory.rollback();
    expect(memory.collectDirty()).toEqual({ pieces: [], size: 1 });
  });
});
