// Who is not honest in a life, and how: drawn from its seed.
import type { SubnetDealing } from '@internode/beacon';
import { assert } from '@internode/prelude';
import { type NodeSetup, Random } from '@internode/sim';
import type { Crypto } from '../crypto.ts';
import { corrupted, type Temptation } from './behaviour.ts';
import {
  floodingOffers,
  floodingPeer,
  lyingKeyServer,
  lyingServer,
  lyingStateServer,
  silent,
  spoiledFrames,
} from './carriers.ts';
import { badDealer, falseComplaints } from './dealers.ts';
import { equivocatingMaker, forger, hastyMaker, lawlessMaker } from './makers.ts';
import {
  earlyShares,
  equivocatingVoter,
  falseProofs,
  invalidShares,
  invalidVotes,
  partialVoter,
  turncoat,
  withheldShares,
  withheldVotes,
} from './voters.ts';

const TEMPTATIONS: Readonly<Record<string, Temptation>> = {
  equivocatingMaker,
  lawlessMaker,
  hastyMaker,
  forger,
  equivocatingVoter,
  partialVoter,
  withheldVotes,
  withheldShares,
  invalidVotes,
  invalidShares,
  falseProofs,
  earlyShares,
  turncoat,
  floodingPeer,
  floodingOffers,
  spoiledFrames,
  lyingServer,
  lyingStateServer,
  silent,
  badDealer,
  falseComplaints,
  lyingKeyServer,
};

export const TEMPTED: readonly string[] = Object.keys(TEMPTATIONS);

/** A twin is an honest replica that runs twice under one identity. */
export type Fault =
  | { readonly kind: 'twin' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'tempted'; readonly by: readonly string[] };

/** By number of the member. At most f of n. */
export type Faults = ReadonlyMap<number, Fault>;

export function drawFaults(seed: string, n: number, drawsMax?: number): Faults {
  const random = new Random(`${seed}/faults`, drawsMax);
  const max = Math.floor((n - 1) / 3);
  const count = random.chance(0.2) ? 0 : 1 + random.below(Math.max(1, max));
  const faults = new Map<number, Fault>();
  while (faults.size < Math.min(count, max) && !random.exhausted) {
    faults.set(random.below(n), drawFault(random));
  }
  return faults;
}

function drawFault(random: Random): Fault {
  if (random.chance(0.2)) return { kind: 'twin' };
  if (random.chance(0.05)) return { kind: 'absent' };
  const by = Array.from({ length: 1 + random.below(3) }, () => random.pick(TEMPTED));
  return { kind: 'tempted', by: [...new Set(by)] };
}

/** From the words of a command. */
export function faultsOf(words: readonly (readonly [number, readonly string[]])[]): Faults {
  return new Map(
    words.map(([number, by]): [number, Fault] => {
      const [first = ''] = by;
      if (first === 'twin' || first === 'absent') return [number, { kind: first }];
      const unknown = by.find((name) => TEMPTATIONS[name] === undefined);
      if (unknown !== undefined)
        throw new Error(`--faults ${unknown} is unknown: twin, absent, ${TEMPTED.join(', ')}`);
      return [number, { kind: 'tempted', by }];
    }),
  );
}

export interface Corruption {
  readonly number: number;
  readonly by: readonly string[];
  readonly dealing: SubnetDealing;
  readonly crypto: Crypto;
  readonly random: Random;
}

export function corrupt(
  setup: NodeSetup,
  { number, by, dealing, crypto, random }: Corruption,
): NodeSetup {
  const node = dealing.nodes[number];
  assert(node !== undefined, 'a subnet has this node');
  const behaviours = by.map((name) => {
    const temptation = TEMPTATIONS[name];
    assert(temptation !== undefined, `${name} is not known`);
    return temptation({ subnet: dealing.subnet, node, crypto, random: random.fork(name) });
  });
  return corrupted(setup, behaviours);
}
