// Protocol 2.4, validator: what may leave the unvalidated section. Judges each artifact against the pool; signatures are
// checked off the step, between two judgements. An artifact that cannot be judged yet stays.

import { unreachable } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../../limits.ts';
import type { Action } from '../action.ts';
import { bytesOfProposal, bytesOfVote } from '../artifact.ts';
import { multiCheckOf } from '../multi-votes.ts';
import type { Artifact, Unvalidated, View } from '../view.ts';
import { certifiedAnywhere, rolesAt, subnetAt } from '../view.ts';
import { checksOfCertificate } from '../vote-scheme.ts';
import { judgeProposal } from './validate-proposal.ts';

/** What to do with one artifact now. */
export type Judgement =
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject'; readonly reason: string }
  | { readonly kind: 'forget' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'look-again'; readonly atMs: number }
  | { readonly kind: 'gather' }
  /** Cannot be judged before this is done. */
  | { readonly kind: 'need'; readonly actions: readonly Action[] }
  | Omit<Extract<Action, { kind: 'check' }>, 'id'>
  | Extract<Action, { kind: 'accuse' }>;

const WAIT: Judgement = { kind: 'wait' };
const FORGET: Judgement = { kind: 'forget' };

/**
 * Answers with everything that can be said at once. An accepted artifact changes what the others are judged by, so the
 * pass ends there; checks are counted, so that no more votes are checked than a quorum needs.
 */
export function validator(view: View): readonly Action[] {
  const actions: Action[] = [];
  const checking = countChecking(view);
  for (const item of itemsDue(view)) {
    const judgement = judge(view, item, checking);
    switch (judgement.kind) {
      case 'wait':
        break;
      case 'look-again':
      case 'accuse':
        actions.push(judgement);
        if (judgement.kind === 'accuse') return actions;
        break;
      case 'need':
        actions.push(...judgement.actions);
        // Judged again when it is under way, so that two blocks with the same dealing have it examined once.
        if (judgement.actions.length > 0) return actions;
        break;
      case 'check':
        count(checking, item.artifact);
        actions.push({ ...judgement, id: item.id });
        break;
      case 'reject':
        actions.push({ kind: 'reject', id: item.id, reason: judgement.reason });
        break;
      case 'forget':
      case 'gather':
        actions.push({ kind: judgement.kind, id: item.id });
        break;
      case 'accept':
        actions.push({ kind: 'accept', id: item.id });
        return actions;
      default:
        unreachable(judgement);
    }
  }
  return actions;
}

/** Those above the next height are not judged yet, however many there are. */
function* itemsDue(view: View): Generator<Unvalidated> {
  for (const [height, items] of view.unvalidatedAt)
    if (height <= view.pool.notarized + 1) yield* items.values();
}

function judge(view: View, item: Unvalidated, checking: ReadonlyMap<string, number>): Judgement {
  const { artifact } = item;
  if (artifact.height <= view.pool.finalized) return FORGET;
  if (item.signatures === 'checking') return WAIT;
  // Bounds the validated pool (protocol 2.4): certificates above the own notarised height follow one by one.
  if (artifact.height > view.pool.notarized + 1) return WAIT;
  const { hardGap, executionLagMax } = CONSENSUS_LIMITS;
  if (artifact.height > certifiedAnywhere(view) + hardGap + 1) return WAIT;
  if (artifact.height > view.delivered + hardGap + 1) return WAIT;
  if (artifact.height > view.tip.height + executionLagMax) return WAIT;
  const good = item.signatures === 'good';
  switch (artifact.kind) {
    case 'block_proposal':
      return judgeProposal(view, artifact.record, item);
    case 'share':
      return judgeShare(view, artifact, good, checking);
    case 'certificate':
      return judgeCertificate(view, artifact, good);
    case 'equivocation_proof':
      return judgeEquivocation(view, artifact, good);
    default:
      return unreachable(artifact);
  }
}

function judgeShare(
  view: View,
  share: Extract<Artifact, { kind: 'share' }>,
  good: boolean,
  checking: ReadonlyMap<string, number>,
): Judgement {
  const { pool } = view;
  const { height, key, signer, purpose, vote } = share;
  const here = pool.at(height);
  if (here?.certificates[purpose].has(key) === true) return FORGET;
  if (purpose === 'notarization' && height <= pool.notarized) return FORGET;
  const roles = rolesAt(view, height);
  if (roles === undefined) return WAIT;
  if (!roles.committee.has(signer))
    return { kind: 'reject', reason: 'signer is not in the committee' };
  const votes = here?.votesFor(purpose, key);
  if (votes?.has(signer) === true) return FORGET;
  const votable =
    purpose === 'notarization' ? here?.blocks.has(key) === true : pool.isNotarized(height, key);
  if (!votable) return WAIT;
  if (good) return { kind: 'accept' };
  const subnet = view.epochs.subnetOf(height);
  if ((votes?.size ?? 0) + (checking.get(counterOf(share)) ?? 0) >= subnet.quorum) return WAIT;
  const { publicKey } = subnet.member(signer);
  const message = bytesOfVote(purpose, subnet.subnetId, vote);
  return { kind: 'check', checks: [{ publicKey, message, signature: vote.signature }] };
}

function judgeCertificate(
  view: View,
  artifact: Extract<Artifact, { kind: 'certificate' }>,
  good: boolean,
): Judgement {
  const { pool } = view;
  const { height, key, purpose, certificate } = artifact;
  if (pool.at(height)?.certificates[purpose].has(key) === true) return FORGET;
  const roles = rolesAt(view, height);
  if (roles === undefined) return WAIT;
  if (good) return { kind: 'accept' };
  const subnet = view.epochs.subnetOf(height);
  const judged = { purpose, certificate, committee: roles.committee };
  if (subnet.scheme === 'multi') {
    const multi = multiCheckOf(subnet, judged);
    if (multi.kind === 'valid') return { kind: 'check', checks: [], multi: multi.value };
    return { kind: 'reject', reason: multi.reason };
  }
  const checks = checksOfCertificate(subnet, judged);
  if (checks.kind === 'valid') return { kind: 'check', checks: checks.value };
  return { kind: 'reject', reason: checks.reason };
}

function judgeEquivocation(
  view: View,
  artifact: Extract<Artifact, { kind: 'equivocation_proof' }>,
  good: boolean,
): Judgement {
  const { pool } = view;
  const { height, maker, proof } = artifact;
  if (pool.at(height)?.equivocators.has(maker) === true) return FORGET;
  if (good) return { kind: 'accept' };
  const subnet = subnetAt(view, height);
  if (subnet === undefined) return WAIT;
  const { publicKey } = subnet.member(maker);
  const checks = [
    { hash: proof.firstHash, signature: proof.firstSignature },
    { hash: proof.secondHash, signature: proof.secondSignature },
  ].map(({ hash, signature }) => {
    const message = bytesOfProposal(subnet.subnetId, height, hash);
    return { publicKey, message, signature };
  });
  return { kind: 'check', checks };
}

function countChecking(view: View): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of itemsDue(view)) {
    if (item.signatures === 'checking') count(counts, item.artifact);
  }
  return counts;
}

function count(counts: Map<string, number>, artifact: Artifact): void {
  if (artifact.kind !== 'share') return;
  const counter = counterOf(artifact);
  counts.set(counter, (counts.get(counter) ?? 0) + 1);
}

function counterOf(share: Extract<Artifact, { kind: 'share' }>): string {
  return `${share.purpose}/${share.height}/${share.key}`;
}
