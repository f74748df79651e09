import {
  assert,
  BoundedMap,
  BoundedQueue,
  BoundedSet,
  bytesEqual,
  compareBytes,
  concatBytes,
  fromHex,
  fromKey,
  InvariantBroken,
  invalid,
  toHex,
  toKey,
  unreachable,
  utf8,
  valid,
} from '@internode/prelude';
import { describe, expect, test } from 'vitest';

describe('assert', () => {
  test('throws InvariantBroken only when the condition fails', () => {
    expect(() => assert(true, 'fine')).not.toThrow();
    expect(() => assert(false, 'two blocks')).toThrow(InvariantBroken);
    expect(() => unreachable({ kind: 'ghost' } as never)).toThrow('unreachable: ghost');
  });

  test('verdicts carry a value or a reason', () => {
    expect(valid(3)).toEqual({ kind: 'valid', value: 3 });
    expect(invalid('short')).toEqual({ kind: 'invalid', reason: 'short' });
  });
});

describe('bytes', () => {
  test('hexadecimal both ways, text refused', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(fromHex(toHex(bytes))).toEqual(bytes);
    for (const size of [0, 1, 31, 32, 33, 64, 4096, 4097, 9000]) {
      const some = Uint8Array.from({ length: size }, (_, i) => 255 - (i % 256));
      expect(fromKey(toKey(some))).toEqual(some);
      expect(toKey(some)).toHaveLength(size);
    }
    expect(toKey(Uint8Array.of(1, 255)) < toKey(Uint8Array.of(2, 0))).toBe(true);
    expect(fromHex('ABcd')).toEqual(new Uint8Array([0xab, 0xcd]));
    expect(() => fromHex('abc')).toThrow(InvariantBroken);
    expect(() => fromHex('0x')).toThrow(InvariantBroken);
  });

  test('order is unsigned and a prefix comes first', () => {
    expect(compareBytes(new Uint8Array([0x7f]), new Uint8Array([0x80]))).toBeLessThan(0);
    expect(compareBytes(new Uint8Array([1]), new Uint8Array([1, 0]))).toBeLessThan(0);
    expect(compareBytes(new Uint8Array([2]), new Uint8Array([1, 0]))).toBeGreaterThan(0);
    expect(compareBytes(utf8('a'), utf8('a'))).toBe(0);
  });

  test('concatenation and equality', () => {
    expect(concatBytes(utf8('ab'), utf8(''), utf8('c'))).toEqual(utf8('abc'));
    expect(bytesEqual(utf8('abc'), utf8('abc'))).toBe(true);
    expect(bytesEqual(utf8('abc'), utf8('abd'))).toBe(false);
    expect(bytesEqual(utf8('abc'), utf8('ab'))).toBe(false);
  });
});

describe('BoundedQueue', () => {
  test('behaves as an array with a limit, over many wraps', () => {
    const queue = new BoundedQueue<number>(10);
    const model: number[] = [];
    for (let i = 0; i < 1000; i++) {
      if ((i * 7) % 5 < 3) {
        const fits = model.length < 10;
        expect(queue.offer(i)).toBe(fits);
        if (fits) model.push(i);
      } else {
        expect(queue.shift()).toBe(model.shift());
      }
      expect([...queue]).toEqual(model);
      expect(queue.peek()).toBe(model[0]);
      expect(queue.size).toBe(model.length);
    }
  });

  test('push drops the oldest when full and answers it', () => {
    const queue = new BoundedQueue<number>(3);
    expect([1, 2, 3, 4, 5].map((item) => queue.push(item))).toEqual([
      undefined,
      undefined,
      undefined,
      1,
      2,
    ]);
    expect([...queue]).toEqual([3, 4, 5]);
  });
});

describe('BoundedMap and BoundedSet', () => {
  test('refusing', () => {
    const map = new BoundedMap<string, number>(2, 'refuse');
    expect([map.set('a', 1), map.set('b', 2), map.set('c', 3)]).toEqual([true, true, false]);
    expect(map.set('a', 9)).toBe(true);
    expect([...map]).toEqual([
      ['a', 9],
      ['b', 2],
    ]);
  });

  test('dropping the oldest', () => {
    const set = new BoundedSet<number>(2, 'drop-oldest');
    for (const member of [1, 2, 1, 3]) expect(set.add(member)).toBe(true);
    expect([...set]).toEqual([2, 3]);
    expect(set.size).toBe(2);
  });
});
