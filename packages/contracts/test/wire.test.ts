// Our reader and writer beside protobufjs', which is the reference of the wire format.
import protobuf from 'protobufjs/minimal.js';
import { describe, expect, test } from 'vitest';
import { Reader } from '../src/reader.ts';
import { readBytes, readText } from '../src/wire.ts';
import { Writer } from '../src/writer.ts';

/** A small generator of numbers that repeats. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const TEXTS = ['', 'a', 'received', 'é', '\u{1f642} and more', '\ud800 alone', 'x'.repeat(200)];
const INTEGERS = [0, 1, 127, 128, 16_383, 16_384, 2 ** 28, 2 ** 31, 2 ** 32 - 1];
const SAFE = [...INTEGERS, 2 ** 32, 2 ** 35 - 1, 2 ** 49 + 77, Number.MAX_SAFE_INTEGER];
const BIG = [...SAFE.map(BigInt), 2n ** 63n, 2n ** 64n - 1n, 2n ** 56n, 2n ** 28n - 1n];
const LENGTHS = [0, 1, 32, 65, 127, 128, 300, 16_384, 70_000];

function pick<T>(roll: (below: number) => number, values: readonly T[]): T {
  return values[roll(values.length)] as T;
}

/** The same random parts for both. */
function write(roll: (below: number) => number, ours: Writer, theirs: protobuf.Writer): void {
  for (let parts = roll(8); parts >= 0; parts--) {
    const depth = roll(6);
    switch (depth) {
      case 0: {
        const value = pick(roll, INTEGERS);
        ours.uint32(value);
        theirs.uint32(value);
        break;
      }
      case 1: {
        const value = pick(roll, BIG);
        ours.uint64(value);
        const [low, high] = [Number(value & 0xffff_ffffn) | 0, Number(value >> 32n) | 0];
        theirs.uint64({ low, high, unsigned: true } as protobuf.Long);
        break;
      }
      case 2: {
        const value = pick(roll, SAFE);
        ours.safeInteger(value);
        theirs.uint64(value);
        break;
      }
      case 3: {
        const value = new Uint8Array(pick(roll, LENGTHS)).fill(roll(256));
        ours.bytes(value).bool(value.length > 3);
        theirs.bytes(value).bool(value.length > 3);
        break;
      }
      case 4: {
        const value = pick(roll, TEXTS);
        ours.string(value);
        theirs.string(value.toWellFormed());
        break;
      }
      default:
        ours.fork();
        theirs.fork();
        write((below) => roll(below), ours, theirs);
        ours.ldelim();
        theirs.ldelim();
    }
  }
}

describe('the wire format', () => {
  test('is written as protobufjs writes it', () => {
    const ours = new Writer();
    for (let seed = 0; seed < 400; seed++) {
      const theirs = new protobuf.Writer();
      write(dice(seed), ours.begin(), theirs);
      expect(Buffer.from(ours.finish()).equals(Buffer.from(theirs.finish())), `seed ${seed}`).toBe(
        true,
      );
    }
  });

  test('a message that was given up in the middle leaves nothing in the next', () => {
    const writer = new Writer();
    writer.begin().uint32(1).fork().bytes(new Uint8Array(100));
    expect([...writer.begin().fork().uint32(5).ldelim().finish()]).toEqual([1, 5]);
  });

  test('integers are read as protobufjs reads them', () => {
    const roll = dice(7);
    for (let round = 0; round < 5000; round++) {
      const bytes = Uint8Array.from({ length: 1 + roll(11) }, () => roll(2) * 128 + roll(128));
      const exact = (value: bigint): number =>
        value < 2n ** 53n ? Number(value) : Number.POSITIVE_INFINITY;
      const theirs = attempt(
        () => protobuf.Reader.create(bytes).uint64() as unknown as protobuf.Long,
      );
      const value = theirs === undefined ? undefined : bigOf(theirs);
      expect(attempt(() => new Reader(bytes).uint64())).toBe(value);
      const number = attempt(() => new Reader(bytes).number());
      if (value !== undefined && value < 2n ** 53n && canonical(bytes))
        expect(number).toBe(exact(value));
      if (value !== undefined && value >= 2n ** 53n)
        expect(Number.isSafeInteger(number)).toBe(false);
      const low = attempt(() => protobuf.Reader.create(bytes).uint32());
      expect(attempt(() => new Reader(bytes).uint32())).toBe(low);
    }
  });

  test('a small field is copied, one that is most of its message is seen in it', () => {
    const small = new Writer()
      .begin()
      .bytes(new Uint8Array(32).fill(1))
      .bytes(new Uint8Array(500))
      .finish();
    const reader = new Reader(small);
    expect(readBytes(reader).buffer.byteLength).toBe(32);
    const most = readBytes(reader);
    expect([most.length, most.buffer === small.buffer]).toEqual([500, true]);
    const half = new Writer().begin().bytes(new Uint8Array(90)).bytes(new Uint8Array(100)).finish();
    expect(readBytes(new Reader(half)).buffer === half.buffer).toBe(false);
  });

  test('texts are UTF-8, of any length', () => {
    for (const text of TEXTS.map((one) => one.toWellFormed())) {
      expect(readText(new Reader(new Writer().begin().string(text).finish()))).toBe(text);
    }
    expect(() => readText(new Reader(Uint8Array.of(2, 0xc3, 0x28)))).toThrow();
  });

  test('what is cut, endless or a group is refused', () => {
    expect(() => new Reader(Uint8Array.of(5, 1, 2)).skipType(2)).toThrow();
    expect(() => new Reader(new Uint8Array(11).fill(0x80)).uint32()).toThrow();
    expect(() => new Reader(new Uint8Array(11).fill(0x80)).number()).toThrow();
    expect(() => new Reader(new Uint8Array(11).fill(0x80)).uint64()).toThrow();
    for (const wireType of [3, 4, 6, 7]) {
      expect(() => new Reader(new Uint8Array(20)).skipType(wireType)).toThrow();
    }
    expect(() => new Reader(new Uint8Array(3)).skipType(5)).toThrow();
    expect(() => new Reader(new Uint8Array(7)).skipType(1)).toThrow();
  });
});

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

function bigOf(long: protobuf.Long | number): bigint {
  if (typeof long === 'number') return BigInt(long);
  return (BigInt(long.high >>> 0) << 32n) | BigInt(long.low >>> 0);
}

/** Its last group adds something: an overlong form is read, but the two may round it differently. */
function canonical(bytes: Uint8Array): boolean {
  const last = bytes.findIndex((byte) => byte < 0x80);
  return last === 0 || bytes[last] !== 0;
}
