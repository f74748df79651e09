// What k6's scripts make themselves, because k6 has no library for it, against what the replica reads.
import { createHash, randomBytes } from 'node:crypto';
import { decodeCborMap, encodeCbor, principalFromText, principalToText } from '@internode/encoding';
import { describe, expect, test } from 'vitest';

// They are JavaScript, as k6 runs them.
const load = (name: string) => import(new URL(`../../k6/lib/${name}.js`, import.meta.url).href);
const { sha224 } = await load('sha224');
const { encode, decode } = await load('cbor');
const { principalBytes } = await load('principal');

describe('of k6', () => {
  test.each([0, 1, 55, 56, 63, 64, 91, 119, 120, 1_000])('SHA-224 of %i bytes', (length) => {
    const message = new Uint8Array(randomBytes(length));
    expect(Buffer.from(sha224(message)).toString('hex')).toBe(
      createHash('sha224').update(message).digest('hex'),
    );
  });

  test('CBOR of a request is what the replica reads, numbers of any size included', () => {
    const content = {
      request_type: 'read_state',
      sender: Uint8Array.of(4),
      ingress_expiry: 1_790_000_000_000_000_000n,
      paths: [[Uint8Array.of(1), new Uint8Array(300)], []],
      arg: new Uint8Array(70_000),
    };
    const bytes = encode({ content, sender_sig: new Uint8Array(64) });
    expect(Buffer.from(bytes).equals(encodeCbor({ content, sender_sig: new Uint8Array(64) }))).toBe(
      true,
    );
    expect(decodeCborMap(bytes).kind).toBe('valid');
    for (const number of [0n, 23n, 24n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n])
      expect(decode(encode(number))).toBe(Number(number));
  });

  test('CBOR of an answer is read, and what ends too early or too late is refused', () => {
    const bytes = encodeCbor({
      status: 'replied',
      certificate: Uint8Array.of(1, 2),
      list: [1n, 'a'],
    });
    expect(decode(new Uint8Array(bytes))).toEqual({
      status: 'replied',
      certificate: Uint8Array.of(1, 2),
      list: [1, 'a'],
    });
    for (let length = 0; length < bytes.length; length++)
      expect(() => decode(bytes.subarray(0, length))).toThrow('too early');
    expect(() => decode(Uint8Array.of(...bytes, 0))).toThrow('follows');
  });

  test('principals are read from their text', () => {
    for (const length of [0, 1, 10, 29]) {
      const bytes = new Uint8Array(randomBytes(length));
      const text = principalToText(bytes as never);
      expect(principalFromText(text).kind).toBe('valid');
      expect(principalBytes(text)).toEqual(bytes);
    }
    expect(() => principalBytes('not a principal!')).toThrow('is no principal');
  });
});
