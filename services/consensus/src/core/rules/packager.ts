// Catch-up packages (protocol 2.8): those of peers are checked, the newest that holds is kept. One that is ahead of what this
// node can reach by itself is adopted: the chain goes on from its block, and state fetches what it proves.
import { CONSENSUS_LIMITS } from '../../limits.ts';
import { type Action, NOTHING } from '../action.ts';
import { heightOf } from '../packages.ts';
import type { View } from '../view.ts';

export function packager(view: View): readonly Action[] {
  const { packages } = view;
  for (const { package: offered, peer, isChecking } of packages.offered) {
    if (heightOf(offered) <= packages.height) return [{ kind: 'forget-package', peer }];
    if (isChecking) return adopt(view);
    return [{ kind: 'check-package', peer }];
  }
  return adopt(view);
}

function adopt(view: View): readonly Action[] {
  const { packages, delivered, pool, now, notarizedMs } = view;
  const { newest, height, aheadMs } = packages;
  if (newest === undefined || height <= delivered) return NOTHING;
  // Peers keep so many blocks: a node that is not further behind gets there by itself, unless it does not move.
  const isNear =
    height <= Math.max(pool.finalized, delivered + CONSENSUS_LIMITS.journalHeightsKept);
  const stillMs = Math.max(aheadMs, notarizedMs) + CONSENSUS_LIMITS.adoptAfterMs;
  const atMs = isNear ? stillMs : aheadMs;
  return now.ms < atMs ? [{ kind: 'look-again', atMs }] : [{ kind: 'adopt' }];
}
