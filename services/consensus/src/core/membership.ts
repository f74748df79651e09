// Who may do what at a height (protocol 2.1). Node ids are sorted, then shuffled by a generator seeded with the beacon of
// the height before, so that a height's makers and voters are unknown until the height before is notarised.
import { separator, sha256 } from '@internode/encoding';
import { assert, concatBytes, utf8 } from '@internode/prelude';

/** How many of `n` nodes may misbehave in any way: f = floor((n - 1) / 3). */
export function faultsTolerated(n: number): number {
  assert(Number.isSafeInteger(n) && n >= 1, 'faultsTolerated: n');
  return Math.floor((n - 1) / 3);
}

/** Voters per height: 3f + 1, so that quorums are exact. */
export function committeeSize(n: number): number {
  return 3 * faultsTolerated(n) + 1;
}

/** Votes that notarise or finalise: c - f(c) = 2f + 1. Any two quorums share an honest node. */
export function quorum(n: number): number {
  const committee = committeeSize(n);
  return committee - faultsTolerated(committee);
}

/** Nodes that may propose at a height: f + 1, hence at least one honest. */
export function makersMax(n: number): number {
  return faultsTolerated(n) + 1;
}

export type ShufflePurpose =
  | 'committee'
  | 'rank'
  | 'dealers'
  | 'notarization-aggregators'
  | 'finalization-aggregators';

/** A permutation of 0 … n-1 that everyone derives alike from `seed`: Fisher–Yates with SHA-256 in counter mode. */
export function shuffle(n: number, seed: Uint8Array, purpose: ShufflePurpose): readonly number[] {
  const draw = generator(concatBytes(separator(`internode-shuffle-${purpose}`), sha256(seed)));
  const order = Array.from({ length: n }, (_, i) => i);
  for (let last = n - 1; last > 0; last -= 1) {
    const other = draw(last + 1);
    const moved = order[last] as number;
    order[last] = order[other] as number;
    order[other] = moved;
  }
  return order;
}

/** Uniform whole numbers below a bound; rejection keeps them unbiased. */
function generator(seed: Uint8Array): (bound: number) => number {
  let block = new Uint8Array(0);
  let offset = 0;
  let counter = 0;
  const word = (): number => {
    if (offset === block.length) {
      block = new Uint8Array(sha256(concatBytes(seed, utf8(String(counter)))));
      counter += 1;
      offset = 0;
    }
    const value = new DataView(block.buffer).getUint32(offset);
    offset += 4;
    return value;
  };
  return (bound) => {
    const fair = Math.floor(2 ** 32 / bound) * bound;
    for (;;) {
      const value = word();
      if (value < fair) return value % bound;
    }
  };
}

/** The roles of one height, by member index (position in the sorted list of node ids). */
export interface Roles {
  /** Members in order of rank; only the first `makersMax` propose. */
  readonly makers: readonly number[];
  readonly committee: ReadonlySet<number>;
}

/** The roles at the height after the one whose beacon is given. */
export function rolesOf(n: number, beacon: Uint8Array): Roles {
  return {
    makers: shuffle(n, beacon, 'rank').slice(0, makersMax(n)),
    committee: new Set(shuffle(n, beacon, 'committee').slice(0, committeeSize(n))),
  };
}
