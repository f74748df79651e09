import { sha224, sha256 } from '@internode/crypto';
import { nodeHashEngine } from '@internode/crypto/fast';
import { nobleHashEngine, setHashEngine } from '@internode/encoding';
import { InvariantBroken, toHex, utf8 } from '@internode/prelude';
import { expect, test } from 'vitest';
import { bytesOf } from './random.ts';

test('both engines compute the same hashes, also of Buffers and views', () => {
  const random = bytesOf('hash engines');
  for (let length = 0; length < 300; length++) {
    const input = random(length);
    for (const view of [input, Buffer.from(input), random(length + 9).subarray(4, 4 + length)]) {
      expect(nodeHashEngine.sha256(view)).toEqual(nobleHashEngine.sha256(view));
      expect(nodeHashEngine.sha224(view)).toEqual(nobleHashEngine.sha224(view));
    }
  }
  const large = new Uint8Array(100_000).fill(0xe9);
  expect(nodeHashEngine.sha256(large)).toEqual(nobleHashEngine.sha256(large));
});

test('a host installs an engine behind the door, but no other function', () => {
  const calls: number[] = [];
  const counting = {
    sha256: (bytes: Uint8Array) => {
      calls.push(bytes.length);
      return nodeHashEngine.sha256(bytes);
    },
    sha224: nodeHashEngine.sha224,
  };
  try {
    setHashEngine(counting);
    calls.length = 0;
    expect(toHex(sha256(utf8('abc'))).slice(0, 8)).toBe('ba7816bf');
    expect(toHex(sha224(utf8('abc'))).slice(0, 8)).toBe('23097d22');
    expect(calls).toEqual([3]);
    const swapped = { sha256: nodeHashEngine.sha224, sha224: nodeHashEngine.sha224 };
    expect(() => setHashEngine(swapped)).toThrow(InvariantBroken);
  } finally {
    setHashEngine(nobleHashEngine);
  }
});
