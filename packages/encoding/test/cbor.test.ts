import { encodeWithSelfDescribedTag, encode as referenceEncode } from '@dfinity/cbor';
import type { CborInput, CborValue } from '@internode/encoding';
import { decodeCbor, decodeCborMap, encodeCbor, encodeCborUntagged } from '@internode/encoding';
import type { Verdict } from '@internode/prelude';
import { concatBytes, fromHex, toHex, valid } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import type { Random } from './random.ts';
import { below, mutate, pick, randomBytes, randomOf } from './random.ts';

function decodeHex(hex: string): Verdict<CborValue> {
  return decodeCbor(fromHex(hex));
}

function randomValue(random: Random, depth: number): CborInput {
  const kind = below(random, depth > 0 ? 8 : 6);
  if (kind === 0) return BigInt(below(random, 2 ** 32)) << BigInt(below(random, 33));
  if (kind === 1) return -1n - (BigInt(below(random, 2 ** 32)) << BigInt(below(random, 32)));
  if (kind === 2) return randomBytes(random, below(random, 70));
  if (kind === 3) return 'aé漢😀z'.repeat(below(random, 20));
  if (kind === 4) return random() < 0.5;
  if (kind === 5) return null;
  const size = below(random, 6);
  if (kind === 6) return Array.from({ length: size }, () => randomValue(random, depth - 1));
  const keys = Array.from({ length: size }, (_, i) => `${pick(random, ['k', 'ключ', '_'])}${i}`);
  return Object.fromEntries(keys.map((key) => [key, randomValue(random, depth - 1)]));
}

describe('row 3: CBOR decode of tagged maps, bignum nats, byte-string principals', () => {
  test('a tagged map, and the same untagged', () => {
    const map = { sender: new Uint8Array([4]), ingress_expiry: 1685570400000000000n, small: 5n };
    const tagged = encodeCbor(map);
    expect(toHex(tagged.slice(0, 4))).toBe('d9d9f7a3');
    expect(decodeCborMap(tagged)).toEqual(valid(map));
    expect(decodeCborMap(tagged.slice(3))).toEqual(valid(map));
  });

  test('bignums, small and large, and negative', () => {
    expect(decodeHex('c249010000000000000000')).toEqual(valid(1n << 64n));
    expect(decodeHex('c240')).toEqual(valid(0n));
    expect(decodeHex('c241ff')).toEqual(valid(255n));
    expect(decodeHex('c349010000000000000000')).toEqual(valid(-1n - (1n << 64n)));
    expect(decodeHex(`c25841${'ff'.repeat(65)}`).kind).toBe('invalid');
  });

  test('byte strings are plain copies, also out of a Node Buffer', () => {
    const buffer = Buffer.from('43010203', 'hex');
    const decoded = decodeCbor(buffer);
    buffer.fill(0);
    if (decoded.kind !== 'valid') throw new Error(decoded.reason);
    expect(Object.getPrototypeOf(decoded.value)).toBe(Uint8Array.prototype);
    expect(decoded.value).toEqual(new Uint8Array([1, 2, 3]));
  });

  test('names of inherited properties are ordinary keys', () => {
    const decoded = decodeHex('a2695f5f70726f746f5f5f0168746f537472696e6702');
    expect(decoded.kind).toBe('valid');
    if (decoded.kind !== 'valid') return;
    expect(Object.entries(decoded.value as object)).toEqual([
      ['__proto__', 1n],
      ['toString', 2n],
    ]);
    expect(decodeHex('a0')).toEqual(valid({}));
  });

  test('short texts that differ inside only, and such that are not ASCII', () => {
    for (const text of [
      'abc',
      'aXc',
      'abc',
      'aéc',
      'abc',
      'aß',
      '',
      'abc',
      'x'.repeat(24),
      'x'.repeat(25),
    ])
      for (let i = 0; i < 2; i++) expect(decodeCbor(encodeCbor(text))).toEqual(valid(text));
    expect(decodeHex('a263616263016361586302')).toEqual(valid({ abc: 1n, aXc: 2n }));
  });

  test('integer keys where they are asked for', () => {
    const cose = fromHex('a301022003216178');
    expect(decodeCbor(cose, { keys: 'integer' })).toEqual(valid({ '1': 2n, '-1': 3n, '-2': 'x' }));
    expect(decodeCbor(cose).kind).toBe('invalid');
    expect(decodeCbor(fromHex('a201020103'), { keys: 'integer' }).kind).toBe('invalid');
    expect(decodeCbor(fromHex('a1613102'), { keys: 'integer' }).kind).toBe('invalid');
  });

  test('indefinite arrays and maps', () => {
    expect(decodeHex('9f0102ff')).toEqual(valid([1n, 2n]));
    expect(decodeHex('bf6161f4ff')).toEqual(valid({ a: false }));
  });
});

describe('what the decoder refuses', () => {
  test.each([
    ['', 'truncated'],
    ['0000', 'trailing bytes'],
    ['d9d9f7', 'truncated'],
    ['d9d9f7d9d9f700', 'tag'],
    ['81d9d9f700', 'tag'],
    ['a2616101616102', 'duplicate'],
    ['a2616101616101', 'duplicate'],
    ['a10102', 'not text'],
    ['f97e00', 'float'],
    ['fa00000000', 'float'],
    ['fb0000000000000000', 'float'],
    ['f7', 'undefined'],
    ['f820', 'simple'],
    ['ff', 'simple'],
    ['9f', 'truncated'],
    ['5f4101ff', 'additional'],
    ['1c', 'additional'],
    ['5b7fffffffffffffff', 'truncated'],
    ['9b7fffffffffffffff', 'truncated'],
    ['bbffffffffffffffff', 'truncated'],
    ['1b00', 'truncated'],
    ['61ff', 'UTF-8'],
    ['63eda080', 'UTF-8'],
    ['c101', 'tag'],
    ['c200', 'bignum'],
  ])('%s: %s', (hex, reason) => {
    const verdict = decodeHex(hex);
    expect(verdict.kind).toBe('invalid');
    if (verdict.kind === 'invalid') expect(verdict.reason).toContain(reason);
  });

  test('depth: 64 inside one another pass, 65 do not, a million do not overflow', () => {
    expect(decodeHex(`${'81'.repeat(64)}00`).kind).toBe('valid');
    expect(decodeHex(`${'81'.repeat(65)}00`)).toMatchObject({ reason: 'cbor: too deep' });
    expect(decodeCbor(new Uint8Array(1_000_000).fill(0x9f)).kind).toBe('invalid');
    expect(decodeCbor(fromHex(`${'81'.repeat(4)}00`), { depthMax: 3 }).kind).toBe('invalid');
  });

  test('items: memory is bounded, however small the items', () => {
    const many = new Uint8Array(200_000).fill(0xa0);
    many[0] = 0x9f;
    many[many.length - 1] = 0xff;
    expect(decodeCbor(many)).toMatchObject({ reason: 'cbor: too many items' });
    expect(decodeCbor(many, { itemsMax: 200_000 }).kind).toBe('valid');
  });

  test('not a map', () => {
    for (const hex of ['80', '40', '00', 'f6', '60']) {
      expect(decodeCborMap(fromHex(hex)).kind).toBe('invalid');
    }
  });
});

describe('properties', () => {
  test('what is encoded decodes to the same', () => {
    const random = randomOf('cbor round trip');
    for (let i = 0; i < 2000; i++) {
      const value = randomValue(random, 4);
      expect(decodeCbor(encodeCbor(value))).toEqual(valid(value));
      expect(decodeCbor(encodeCborUntagged(value))).toEqual(valid(value));
    }
  });

  test('the encoder equals the one of the clients', () => {
    const random = randomOf('cbor reference');
    for (let i = 0; i < 500; i++) {
      const value = randomValue(random, 3);
      expect(toHex(encodeCborUntagged(value))).toBe(toHex(referenceEncode(value as never)));
      expect(toHex(encodeCbor(value))).toBe(toHex(encodeWithSelfDescribedTag(value as never)));
    }
    expect(toHex(encodeCborUntagged([5, 24, 256, 65536, 2 ** 32, -1, -25, 1n << 64n]))).toBe(
      '88051818190100' + '1a000100001b0000000100000000' + '203818c249010000000000000000',
    );
  });

  test('random and mutated bytes never throw', () => {
    const random = randomOf('cbor fuzz');
    let accepted = 0;
    for (let i = 0; i < 20_000; i++) {
      const good = encodeCbor(randomValue(random, 3));
      const bytes = i % 2 === 0 ? mutate(random, good) : randomBytes(random, below(random, 40));
      const verdict = decodeCbor(bytes);
      if (verdict.kind !== 'valid') continue;
      accepted += 1;
      expect(decodeCbor(encodeCbor(verdict.value as CborInput))).toEqual(verdict);
    }
    expect(accepted).toBeGreaterThan(500);
  });

  test('every cut of a document is refused', () => {
    const document = encodeCbor({ a: [1, 'two', new Uint8Array(3)], b: { c: 1n << 70n } });
    for (let length = 0; length < document.length; length++) {
      expect(decodeCbor(document.slice(0, length)).kind).toBe('invalid');
    }
    expect(decodeCbor(concatBytes(document, new Uint8Array(1))).kind).toBe('invalid');
  });
});
