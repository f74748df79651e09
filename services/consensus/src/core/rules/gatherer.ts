// Bodies that blocks lack are asked for: the maker first, since it has them; others by their adverts. Again and again, ever more
// slowly, until they are here or the block is of no use any more: a block naming messages nobody has costs little.
import { CONSENSUS_LIMITS } from '../../limits.ts';
import type { Action } from '../action.ts';
import type { View } from '../view.ts';

export function gatherer(view: View): readonly Action[] {
  const actions: Action[] = [];
  const { bodiesAgainMs, bodiesAgainMaxMs } = CONSENSUS_LIMITS;
  for (const { id, missing, record, asks, askedMs } of view.gathering.all.values()) {
    if (missing.size === 0 || record.stripped === undefined) continue;
    const waitMs = Math.min(bodiesAgainMaxMs, bodiesAgainMs * 2 ** (asks - 1));
    const atMs = asks === 0 ? view.now.ms : askedMs + waitMs;
    if (view.now.ms < atMs) actions.push({ kind: 'look-again', atMs });
    else {
      const message = {
        kind: 'RequestArtifacts',
        artifactKind: 'ingress',
        ids: [...missing.values()],
        fromNode: record.stripped.maker,
      } as const;
      actions.push({ kind: 'ask-bodies', id, message });
    }
  }
  return actions;
}
