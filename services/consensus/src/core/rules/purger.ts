// Protocol 2.4, purger, and compaction of the journal. What is final, executed, certified and old enough for peers that
// lag is forgotten; what the state holds durably leaves the journal.
import { CONSENSUS_LIMITS } from '../../limits.ts';
import type { Action } from '../action.ts';
import { NOTHING } from '../action.ts';
import { certifiedAnywhere, type View } from '../view.ts';

/** Heights below are executed, certified, and so old that no peer needs them from here. */
export function purgeableBelow(view: View): number {
  const kept = view.epochs.alone ? 0 : CONSENSUS_LIMITS.chainKept;
  return Math.min(view.delivered, certifiedAnywhere(view)) - kept;
}

export function purger(view: View): readonly Action[] {
  const { pool, delivered, certified, committed, journal } = view;
  const below = purgeableBelow(view);
  if (below > pool.lowest) return [{ kind: 'purge', below }];

  const stored = Math.min(delivered, certified, committed);
  const { compactHeights, compactBytes, journalHeightsKept, journalBytesKept } = CONSENSUS_LIMITS;
  // Peers that lag need what the own state does not.
  const { alone } = view.epochs;
  const kept = Math.min(stored - journalHeightsKept, newestPackage(view));
  const height = alone || journal.bytes >= journalBytesKept ? stored : kept;
  const full =
    height - journal.base >= compactHeights ||
    (alone && stored > journal.base && journal.bytes >= compactBytes) ||
    (height > journal.base && journal.bytes >= journalBytesKept);
  return full ? [{ kind: 'compact', height }] : NOTHING;
}

/** Who goes on from a package needs all blocks above it. Without one nobody can. */
function newestPackage({ packages }: View): number {
  return packages.height === 0 ? Number.POSITIVE_INFINITY : packages.height;
}
