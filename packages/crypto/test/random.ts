// A small seeded source, so that a failing property fails again.

import { sha256 } from '@internode/crypto';
import { concatBytes, utf8 } from '@internode/prelude';

/** Answers `length` bytes, the same sequence for the same seed. */
export function bytesOf(seed: string): (length: number) => Uint8Array {
  let block = 0;
  let left = new Uint8Array(0);
  return (length) => {
    while (left.length < length) {
      left = new Uint8Array(concatBytes(left, sha256(utf8(`${seed} ${block++}`))));
    }
    const bytes = left.slice(0, length);
    left = left.slice(length);
    return bytes;
  };
}

/** A whole number in [0, end), for small `end`. */
export function below(random: (length: number) => Uint8Array, end: number): number {
  const [a = 0, b = 0, c = 0] = random(3);
  return (a * 65536 + b * 256 + c) % end;
}
