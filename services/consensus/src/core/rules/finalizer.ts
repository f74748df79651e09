// Protocol 2.4, finalizer: vote to finalise a height when exactly one of its blocks is notarised and this node has helped
// to notarise no other. A quorum of such votes proves that no other block of the height can ever be notarised:
// c - (t_fin - f) < t_not.
import { type Action, NOTHING } from '../action.ts';
import { isInCommittee, type View } from '../view.ts';

export function finalizer(view: View): readonly Action[] {
  const { pool } = view;
  const from = Math.max(pool.finalized + 1, view.votesFrom);
  for (let height = from; height <= pool.notarized; height += 1) {
    if (!isInCommittee(view, height)) continue;
    const own = pool.at(height)?.own;
    if (own?.finalization !== undefined) continue;
    const [block, another] = pool.notarizedBlocks(height);
    if (block === undefined || another !== undefined) continue;
    const elsewhere = [...(own?.notarizations ?? [])].some((key) => key !== block.key);
    if (elsewhere) continue;
    return [{ kind: 'vote', purpose: 'finalization', height, blockHash: block.hash }];
  }
  return NOTHING;
}
