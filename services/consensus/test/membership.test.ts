import { sha256 } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import {
  committeeSize,
  faultsTolerated,
  makersMax,
  quorum,
  rolesOf,
  shuffle,
} from '../src/core/membership.ts';

describe('numbers of protocol 2.1', () => {
  test('faults of the published subnet sizes', () => {
    const published = [
      [1, 0],
      [4, 1],
      [7, 2],
      [13, 4],
      [28, 9],
      [34, 11],
      [40, 13],
      [500, 166],
    ] as const;
    for (const [n, f] of published) expect(faultsTolerated(n)).toBe(f);
    expect(committeeSize(500)).toBe(499);
    expect(quorum(500)).toBe(333);
    expect(quorum(1)).toBe(1);
    expect(quorum(4)).toBe(3);
    expect(makersMax(4)).toBe(2);
  });

  test('safety and liveness of notarisation and finalisation, all n up to 600', () => {
    for (let n = 1; n <= 600; n += 1) {
      const c = committeeSize(n);
      const f = faultsTolerated(n);
      const t = quorum(n);
      // A finalised block's honest voters keep every rival below the notarisation threshold.
      expect(c - (t - f)).toBeLessThan(t);
      // The honest alone reach it.
      expect(c - f).toBeGreaterThanOrEqual(t);
      expect(makersMax(n)).toBeGreaterThan(f);
      expect(c).toBeLessThanOrEqual(n);
    }
  });
});

describe('the shuffle', () => {
  test('is a permutation, the same for the same seed, another for another purpose or seed', () => {
    for (const n of [1, 2, 4, 13, 40, 500]) {
      const seed = sha256(utf8(`seed ${n}`));
      const order = shuffle(n, seed, 'rank');
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      expect(shuffle(n, seed, 'rank')).toEqual(order);
      if (n < 13) continue;
      expect(shuffle(n, seed, 'committee')).not.toEqual(order);
      expect(shuffle(n, sha256(seed), 'rank')).not.toEqual(order);
    }
  });

  test('puts everybody everywhere about equally often', () => {
    const n = 5;
    const rounds = 5_000;
    const counts = Array.from({ length: n }, () => new Array<number>(n).fill(0));
    for (let round = 0; round < rounds; round += 1) {
      for (const [place, member] of shuffle(n, utf8(`${round}`), 'rank').entries()) {
        const row = counts[place] as number[];
        row[member] = (row[member] as number) + 1;
      }
    }
    // Chi squared with 16 degrees of freedom: above 45 once in ten thousand seeds.
    const expected = rounds / n;
    const chi = counts.flat().reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chi).toBeLessThan(45);
  });

  test('roles: f + 1 makers, 3f + 1 voters', () => {
    const roles = rolesOf(6, utf8('beacon'));
    expect(roles.makers).toHaveLength(2);
    expect(roles.committee.size).toBe(4);
  });
});
