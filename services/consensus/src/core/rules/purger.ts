// Protocol 2.4, purger, and compaction of the journal. What is final, executed, certified and old enough for peers that
// lag is forgotten; what the state holds durably leaves the journal.
import { CONSENSUS_LIMITS } from '../../limits.ts';
import type { Action } from '../action.ts';
import { NOTHING } from '../action.ts';
import type { View } from '../view.ts';

/** Heights below are executed, certified, and so old that no peer needs them from here. */
export function purgeableBelow(view: View): number {
  const kept = view.epochs.alone ? 0 : CONSENSUS_LIMITS.chainKept;
  return Math.min(view.delivered, view.certified) - kept;
}

export function purger(view: View): readonly Action[] {
  const { pool, delivered, certified, committed, journal } = view;
  const below = purgeableBelow(view);
  if (below > pool.lowest) return [{ kind: 'purge', below }];

  const stored = Math.min(delivered, certified, committed);
  const full =
    stored - journal.base >= CONSENSUS_LIMITS.compactHeights ||
    (stored > journal.base && journal.bytes >= CONSENSUS_LIMITS.compactBytes);
  return full ? [{ kind: 'compact', height: stored }] : NOTHING;
}
