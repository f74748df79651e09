// Who is qualified, and which key follows: pure functions of what is in the chain.

import { compareBytes, toHex } from '@internode/prelude';
import { judgeOpened } from './complaint.ts';
import { isResharing, oldIndexOf } from './context.ts';
import { sharingHash, sharingOf } from './sharing.ts';
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
  const byDealer = [...used].sort((a, b) => compareBytes(a.dealer, b.dealer));
  return {
    target: config.target,
    threshold: config.threshold,
    members: config.receivers,
    groupKey: combined.value[0] as Uint8Array,
    shareKeys: shareKeys.value,
    dealers: byDealer.map(({ dealer }) => dealer),
    sharingHash: sharingHash(sharingOf(config, byDealer).sharing),
  };
}
