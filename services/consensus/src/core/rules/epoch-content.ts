// What a block must and may carry beside calls: the summary at the first height of an epoch, and nothing else there; key
// generation elsewhere. Makers take what is right by the same judgement by which validators judge.
import type { Complaint, Dealing, Payload, Summary } from '@internode/contracts';
import { CONSENSUS_LIMITS } from '../../limits.ts';
import type { Action } from '../action.ts';
import {
  dealingKey,
  type EpochOnChain,
  epochOn,
  examinationKey,
  judgeComplaint,
  judgeDealing,
  judgeKeyGeneration,
} from '../key-generation.ts';
import type { BlockRecord } from '../pool.ts';
import { sameSummary, summaryAfter } from '../summary.ts';
import type { View } from '../view.ts';

export type Expected =
  | { readonly kind: 'summary'; readonly summary: Summary }
  /** Something has to be computed or heard of first. */
  | { readonly kind: 'pending'; readonly actions: readonly Action[] };

/** Whether the block of this height opens an epoch. */
export function opensEpoch(view: View, height: number): boolean {
  return height > 0 && view.epochs.at(height)?.from === height;
}

/** The one summary that a child of `parent` with this certified height may carry. */
export function expectedSummary(
  view: View,
  parent: BlockRecord,
  certifiedHeight: number,
): Expected {
  const known = view.records.at(certifiedHeight);
  if (known === undefined) return { kind: 'pending', actions: [] };
  const epoch = epochOn(view, parent);
  const generated = view.transcripts.of(epoch);
  if (generated.kind === 'pending')
    return { kind: 'pending', actions: generated.missing.map(generate) };
  const height = parent.block.height + 1;
  const { record } = known;
  const { transcripts } = generated;
  const facts = { height, record, generated: transcripts, seed: parent.hash };
  return { kind: 'summary', summary: summaryAfter(epoch.summary, facts) };
}

export function generate(
  computation: Extract<Action, { kind: 'generate' }>['computation'],
): Action {
  return { kind: 'generate', computation };
}

/** Dealings and complaints for a child of `parent`: what holds and is not in the chain yet. */
export function keyPartsFor(
  view: View,
  parent: BlockRecord,
): { readonly dealings: readonly Dealing[]; readonly complaints: readonly Complaint[] } {
  const { items } = view.keyDesk;
  const dealings: Dealing[] = [];
  const complaints = new Map<string, Complaint>();
  if (items.size === 0) return { dealings, complaints: [] };
  const epoch = epochOn(view, parent);
  const height = parent.block.height + 1;
  for (const item of items.values()) {
    if (item.kind === 'dealing') {
      if (dealings.length === CONSENSUS_LIMITS.dealingsPerBlock) continue;
      if (holds(view, judgeDealing(epoch, height, item.dealing))) dealings.push(item.dealing);
    } else {
      const key = dealingKey(item.complaint);
      if (complaints.size === CONSENSUS_LIMITS.complaintsPerBlock || complaints.has(key)) continue;
      if (holds(view, judgeComplaint(epoch, item.complaint))) complaints.set(key, item.complaint);
    }
  }
  return { dealings, complaints: [...complaints.values()] };
}

function holds(view: View, judged: ReturnType<typeof judgeDealing>): boolean {
  return typeof judged !== 'string' && view.keyDesk.verdict(examinationKey(judged)) === 'good';
}

export type ContentJudgement =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong'; readonly reason: string }
  | { readonly kind: 'pending'; readonly actions: readonly Action[] };

const RIGHT: ContentJudgement = { kind: 'right' };

export function judgeContent(
  view: View,
  record: BlockRecord,
  parent: BlockRecord,
): ContentJudgement {
  const { height, certifiedHeight } = record.block;
  const payload = record.stripped?.payload;
  if (payload === undefined) return RIGHT;
  const { summary, ingressIds, dealings, complaints } = payload;
  const parts = dealings.length + complaints.length;
  if (!opensEpoch(view, height)) {
    if (summary !== undefined) return wrong('a summary within an epoch');
    return parts === 0 ? RIGHT : judgeParts(view, epochOn(view, parent), { height, payload });
  }
  if (summary === undefined) return wrong('no summary at the first height of an epoch');
  if (ingressIds.length + parts > 0) return wrong('more than a summary');
  const expected = expectedSummary(view, parent, certifiedHeight);
  if (expected.kind === 'pending') return expected;
  return sameSummary(expected.summary, summary) ? RIGHT : wrong('another summary than follows');
}

function judgeParts(
  view: View,
  epoch: EpochOnChain,
  block: { readonly height: number; readonly payload: Pick<Payload, 'dealings' | 'complaints'> },
): ContentJudgement {
  const examinations = judgeKeyGeneration(epoch, block.height, block.payload);
  if (typeof examinations === 'string') return wrong(examinations);
  const actions: Action[] = [];
  let isOpen = false;
  for (const examination of examinations) {
    const key = examinationKey(examination);
    const verdict = view.keyDesk.verdict(key);
    if (verdict === 'bad') return wrong(`${examination.kind} does not hold`);
    if (verdict === undefined) actions.push({ kind: 'examine', key, examination });
    if (verdict !== 'good') isOpen = true;
  }
  return isOpen ? { kind: 'pending', actions } : RIGHT;
}

function wrong(reason: string): ContentJudgement {
  return { kind: 'wrong', reason };
}
