// Who is qualified, and which key follows: pure functions of what is in the chain.

import type { Verdict } from '@internode/prelude';
import { assert, bytesEqual, compareBytes, invalid, toHex, valid } from '@internode/prelude';
import type { BlsEngine } from '../bls-engine.ts';
import { lagrangeCoefficients, reduce, scalarFromBytes, scalarToBytes } from '../bls-scalar.ts';
import { judgeOpened } from './complaint.ts';
import { isResharing, positionOf } from './context.ts';
import type { DkgComplaint, DkgConfig, DkgDealing, DkgEngines, DkgTranscript } from './types.ts';
import { checkDealingForm } from './verify.ts';

/** What the chain holds of one key generation, in its order. Everything has passed `verifyDealing` and `verifyComplaint`. */
export interface DkgRecord {
  readonly config: DkgConfig;
  readonly dealings: readonly DkgDealing[];
  readonly complaints: readonly DkgComplaint[];
}

/**
 * The dealings that count, in the order of the chain: the first of each dealer, without those that a complaint convicts.
 * What does not belong here is passed over.
 */
export function qualifiedDealings(engines: DkgEngines, record: DkgRecord): readonly DkgDealing[] {
  const { config, dealings, complaints } = record;
  const byDealer = new Map<string, DkgDealing>();
  for (const dealing of dealings) {
    const name = toHex(dealing.dealer);
    if (byDealer.has(name) || checkDealingForm(config, dealing).kind !== 'valid') continue;
    byDealer.set(name, dealing);
  }
  for (const complaint of complaints) {
    const name = toHex(complaint.dealer);
    const dealing = byDealer.get(name);
    if (dealing === undefined) continue;
    const guilty = judgeOpened(engines, { config, dealing, complaint });
    if (guilty.kind === 'valid' && guilty.value === 'dealer') byDealer.delete(name);
  }
  return [...byDealer.values()];
}

/** The key that was generated, or nothing when it failed: too few qualified dealers. */
export function transcriptOf(engines: DkgEngines, record: DkgRecord): DkgTranscript | undefined {
  const { config } = record;
  const qualified = qualifiedDealings(engines, record);
  if (qualified.length < config.dealingsNeeded) return undefined;
  // Any `dealingsNeeded` old shares give the old secret. A fresh key is better off with all the randomness there is.
  const used = isResharing(config) ? qualified.slice(0, config.dealingsNeeded) : qualified;
  const combined = engines.bls.combineCommitments(
    used.map((dealing) => dealing.commitments),
    isResharing(config) ? used.map((dealing) => oldIndexOf(config, dealing.dealer)) : undefined,
  );
  if (combined.kind !== 'valid') return undefined;
  const positions = config.receivers.map((_, position) => position);
  const shareKeys = engines.bls.evaluateCommitments(combined.value, positions);
  if (shareKeys.kind !== 'valid') return undefined;
  return {
    target: config.target,
    threshold: config.threshold,
    members: config.receivers,
    groupKey: combined.value[0] as Uint8Array,
    shareKeys: shareKeys.value,
    dealers: used.map(({ dealer }) => dealer).sort(compareBytes),
  };
}

/** A receiver's secret share of the generated key, from what it found in the dealings that count. */
export function secretShareOf(
  bls: BlsEngine,
  request: {
    readonly config: DkgConfig;
    readonly transcript: DkgTranscript;
    readonly receiver: Uint8Array;
    readonly opened: readonly { readonly dealer: Uint8Array; readonly share: Uint8Array }[];
  },
): Verdict<Uint8Array> {
  const { config, transcript, receiver, opened } = request;
  const key = transcript.shareKeys[positionOf(transcript.members, receiver)];
  if (key === undefined) return invalid('dkg: not a receiver');
  const { dealers } = transcript;
  const shares: bigint[] = [];
  for (const dealer of dealers) {
    const found = opened.find((one) => bytesEqual(one.dealer, dealer));
    if (found === undefined) return invalid('dkg: the share of a dealer is missing');
    if (positionOf(config.dealers, dealer) < 0) return invalid('dkg: not a dealer');
    shares.push(scalarFromBytes(found.share));
  }
  const weights = isResharing(config)
    ? lagrangeCoefficients(dealers.map((dealer) => oldIndexOf(config, dealer)))
    : dealers.map(() => 1n);
  const sum = shares.reduce(
    (total, share, i) => reduce(total + share * (weights[i] as bigint)),
    0n,
  );
  if (sum === 0n) return invalid('dkg: share of zero');
  const secret = scalarToBytes(sum);
  return bytesEqual(bls.publicKey(secret), key) ? valid(secret) : invalid('dkg: another share');
}

function oldIndexOf(config: DkgConfig, dealer: Uint8Array): number {
  const index = config.dealerIndices[positionOf(config.dealers, dealer)];
  assert(index !== undefined, 'dkg: a dealer has an old index');
  return index;
}
