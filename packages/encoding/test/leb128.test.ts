import {
  decodeSignedLeb128,
  decodeUnsignedLeb128,
  encodeSignedLeb128,
  encodeUnsignedLeb128,
} from '@internode/encoding';
import { fromHex, toHex } from '@internode/prelude';
import { expect, test } from 'vitest';
import { below, randomBytes, randomOf } from './random.ts';

test.each([
  [0n, '00'],
  [127n, '7f'],
  [128n, '8001'],
  [624485n, 'e58e26'],
  [2n ** 31n, '8080808008'],
  [2n ** 64n, '80808080808080808002'],
])('unsigned %s is %s', (value, hex) => {
  expect(toHex(encodeUnsignedLeb128(value))).toBe(hex);
  expect(decodeUnsignedLeb128(fromHex(hex))).toMatchObject({ value: { value } });
});

test.each([
  [0n, '00'],
  [-1n, '7f'],
  [63n, '3f'],
  [64n, 'c000'],
  [-64n, '40'],
  [-65n, 'bf7f'],
  [-123456n, 'c0bb78'],
  [-(2n ** 27n), '80808040'],
  [2n ** 64n, '80808080808080808002'],
])('signed %s is %s', (value, hex) => {
  expect(toHex(encodeSignedLeb128(value))).toBe(hex);
  expect(decodeSignedLeb128(fromHex(hex))).toMatchObject({ value: { value } });
});

test('every number returns, followed by other bytes', () => {
  const random = randomOf('leb128');
  for (let i = 0; i < 5000; i++) {
    let value = 0n;
    for (const byte of randomBytes(random, below(random, 20))) value = value * 256n + BigInt(byte);
    const unsigned = encodeUnsignedLeb128(value);
    const negative = encodeSignedLeb128(-value);
    const expected = { value, end: unsigned.length };
    expect(decodeUnsignedLeb128(new Uint8Array([...unsigned, 9]))).toMatchObject({
      value: expected,
    });
    expect(decodeSignedLeb128(negative)).toMatchObject({
      value: { value: -value, end: negative.length },
    });
    if (value < 2n ** 53n) expect(encodeUnsignedLeb128(Number(value))).toEqual(unsigned);
  }
});

test('truncated and endless numbers are refused', () => {
  expect(decodeUnsignedLeb128(fromHex('')).kind).toBe('invalid');
  expect(decodeUnsignedLeb128(fromHex('8080')).kind).toBe('invalid');
  expect(decodeSignedLeb128(fromHex('8080808080')).kind).toBe('invalid');
  expect(decodeUnsignedLeb128(new Uint8Array(100_000).fill(0x80)).kind).toBe('invalid');
  expect(decodeUnsignedLeb128(fromHex('8000'))).toMatchObject({ value: { value: 0n, end: 2 } });
});
