// Dealings and complaints that wait for a block are examined off the step, once each; what can never be in a block any more
// is forgotten. Keys are computed ahead, as soon as no dealing can follow: the summary then waits for nothing.
import { dealingsEnd } from '@internode/crypto';
import { type Action, NOTHING } from '../action.ts';
import { type Item, subjectOf } from '../key-desk.ts';
import {
  type EpochOnChain,
  epochOn,
  examinationKey,
  judgeComplaint,
  judgeDealing,
} from '../key-generation.ts';
import type { View } from '../view.ts';
import { generate } from './epoch-content.ts';

export function examiner(view: View): readonly Action[] {
  const { summary } = view.epochLog.opening;
  if (summary.configs.length === 0 && view.keyDesk.items.size === 0) return NOTHING;
  return [...examine(view), ...compute(view)];
}

function examine(view: View): readonly Action[] {
  const { keyDesk, delivered, epochLog } = view;
  if (keyDesk.items.size === 0) return NOTHING;
  const { summary } = epochLog.opening;
  const recorded = epochLog.recorded.filter(({ height }) => height > summary.height);
  const epoch = { summary, recorded };
  const actions: Action[] = [];
  const taken = new Set<string>();
  for (const [id, item] of keyDesk.items) {
    const judged = judge(epoch, delivered + 1, item);
    if (judged === 'early') continue;
    if (typeof judged === 'string') {
      actions.push({ kind: 'forget-part', id });
      continue;
    }
    const key = examinationKey(judged);
    const verdict = keyDesk.verdict(key);
    const subject = subjectOf(item);
    if (verdict === 'bad') actions.push({ kind: 'reject-part', id, reason: 'does not hold' });
    else if (verdict === 'good') {
      if (taken.has(subject)) actions.push({ kind: 'forget-part', id });
      taken.add(subject);
    } else if (verdict === undefined) actions.push({ kind: 'examine', key, examination: judged });
  }
  return actions;
}

/** A complaint may come before the block with the dealing. */
function judge(epoch: EpochOnChain, height: number, item: Item) {
  if (item.kind === 'dealing') return judgeDealing(epoch, height, item.dealing);
  const judged = judgeComplaint(epoch, item.complaint);
  return judged === 'complaint about a dealing that is not in the chain' ? 'early' : judged;
}

function compute(view: View): readonly Action[] {
  const { pool, epochLog } = view;
  const { summary } = epochLog.opening;
  if (summary.configs.length === 0 || pool.notarized + 1 < dealingsEnd(summary)) return NOTHING;
  const [tip] = pool.notarizedBlocks(pool.notarized);
  if (tip === undefined) return NOTHING;
  const epoch = epochOn(view, tip);
  if (epoch.summary.height !== summary.height) return NOTHING;
  const generated = view.transcripts.of(epoch);
  return generated.kind === 'known' ? NOTHING : generated.missing.map(generate);
}
