// Multi-signatures for the solver: a sum is checked once; when it is wrong, halves are checked until the bad votes are found.
// Keys count only with the proof of possession of their holders, checked once per key.
import {
  type BlsEngine,
  type ProvenKey,
  verifyMultiSignature,
  verifyPossession,
} from '@internode/crypto';
import { BoundedMap, toHex } from '@internode/prelude';
import type { MultiCheck, VoteKey } from './core/multi-votes.ts';
import type { ConsensusAnswer, ConsensusTask } from './core/task.ts';

type Task = Extract<ConsensusTask, { kind: 'sum-votes' }>;
type Share = Task['shares'][number];
type Answer = Extract<ConsensusAnswer, { kind: 'summed' }>;

const KEYS_MAX = 2_048;
const PROVEN = new WeakMap<BlsEngine, BoundedMap<string, ProvenKey | 'bad'>>();

export function verifyMulti(bls: BlsEngine, check: MultiCheck): boolean {
  const { keys, message, signature } = check;
  const publicKeys: ProvenKey[] = [];
  for (const key of keys) {
    const known = proven(bls, key);
    if (known === undefined) return false;
    publicKeys.push(known);
  }
  return verifyMultiSignature(bls, { publicKeys, message, signature }).kind === 'valid';
}

/** A quorum of them whose sum holds, if there is one, and whose votes are bad. */
export function sumVotes(bls: BlsEngine, { message, quorum, shares }: Task): Answer {
  const culprits: number[] = [];
  let left = [...shares].sort((a, b) => a.index - b.index);
  while (left.length >= quorum) {
    const chosen = left.slice(0, quorum);
    const signature = holds(bls, message, chosen);
    if (signature !== undefined)
      return { kind: 'summed', signature, signers: chosen.map(({ index }) => index), culprits };
    const bad = new Set(badAmong(bls, message, chosen));
    // Two halves that hold where the whole does not: no curve does that, and a loop that may not end is worse.
    if (bad.size === 0) break;
    culprits.push(...bad);
    left = left.filter(({ index }) => !bad.has(index));
  }
  return { kind: 'summed', signature: undefined, signers: [], culprits };
}

function badAmong(
  bls: BlsEngine,
  message: Uint8Array,
  shares: readonly Share[],
): readonly number[] {
  if (holds(bls, message, shares) !== undefined) return [];
  if (shares.length === 1) return shares.map(({ index }) => index);
  const half = shares.length >> 1;
  return [
    ...badAmong(bls, message, shares.slice(0, half)),
    ...badAmong(bls, message, shares.slice(half)),
  ];
}

/** The sum, when it is a signature by all of them. */
function holds(
  bls: BlsEngine,
  message: Uint8Array,
  shares: readonly Share[],
): Uint8Array | undefined {
  const sum = bls.aggregateSignatures(shares.map(({ signature }) => signature));
  if (sum.kind !== 'valid') return undefined;
  return verifyMulti(bls, { keys: shares, message, signature: sum.value }) ? sum.value : undefined;
}

function proven(bls: BlsEngine, { key, proof }: VoteKey): ProvenKey | undefined {
  const known = PROVEN.get(bls) ?? new BoundedMap(KEYS_MAX, 'drop-oldest');
  PROVEN.set(bls, known);
  const name = `${toHex(key)}/${toHex(proof)}`;
  let verdict = known.get(name);
  if (verdict === undefined) {
    const judged = verifyPossession(bls, key, proof);
    verdict = judged.kind === 'valid' ? judged.value : 'bad';
    known.set(name, verdict);
  }
  return verdict === 'bad' ? undefined : verdict;
}
