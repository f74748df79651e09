// Protocol 2.4, purger, and compaction of the journal. What is final, executed, certified and old enough for peers that
// lag is forgotten; what the state holds durably leaves the journal.
import { CONSENSUS_LIMITS } from '../../limits.ts';
import type { Action } from '../action.ts';
import { NOTHING } from '../action.ts';
import type { View } from '../view.ts';

export function purger(view: View): readonly Action[] {
  const { pool, delivered, certified, committed, subnet, journal } = view;
  const done = Math.min(delivered, certified);
  const below = done - (subnet.alone ? 0 : CONSENSUS_LIMITS.chainKept);
  if (below > pool.lowest) return [{ kind: 'purge', below }];

  const stored = Math.min(done, committed);
  const full =
    stored - journal.base >= CONSENSUS_LIMITS.compactHeights ||
    (stored > journal.base && journal.bytes >= CONSENSUS_LIMITS.compactBytes);
  return full ? [{ kind: 'compact', height: stored }] : NOTHING;
}
