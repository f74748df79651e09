// A small seeded generator, so that a failing property fails again.

import { sha256 } from '@internode/encoding';
import { utf8 } from '@internode/prelude';

export type Random = () => number;

/** Uniform numbers in [0, 1), the same for the same seed (xorshift128). */
export function randomOf(seed: string): Random {
  const state = new Uint32Array(sha256(utf8(seed)).slice(0, 16).buffer);
  return () => {
    let t = state[3] as number;
    const s = state[0] as number;
    state.copyWithin(1, 0, 3);
    t ^= t << 11;
    t ^= t >>> 8;
    state[0] = t ^ s ^ (s >>> 19);
    return (state[0] as number) / 2 ** 32;
  };
}

/** A whole number in [0, end). */
export function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[below(random, items.length)] as T;
}

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => below(random, 256));
}

/** `bytes` with a few bytes changed, cut, inserted or repeated. */
export function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  const changed = [...bytes];
  for (let times = 1 + below(random, 4); times > 0; times--) {
    const at = below(random, changed.length + 1);
    const kind = below(random, 4);
    if (kind === 0) changed[Math.min(at, Math.max(0, changed.length - 1))] = below(random, 256);
    else if (kind === 1) changed.splice(at, 1 + below(random, 3));
    else if (kind === 2) changed.splice(at, 0, below(random, 256));
    else changed.splice(at, 0, ...changed.slice(at, at + below(random, 8)));
  }
  return Uint8Array.from(changed);
}
