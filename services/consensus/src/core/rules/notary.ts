// Protocol 2.4, notary: vote for the valid block of lowest rank at notarised + 1, once its delay is over. May vote for
// several blocks of one height, in falling rank; a maker with two blocks (no proof yet) gets votes for both.
import { type Action, NOTHING } from '../action.ts';
import type { BlockRecord } from '../pool.ts';
import {
  certifiedGapDelayMs,
  isInCommittee,
  rankDelayMs,
  roundStartMs,
  type View,
} from '../view.ts';
import { haltingAt } from './halting.ts';

const GROWTH_PER_UNFINALIZED = 1.5;

/** The wait before a block of this rank is notarised (protocol 2.5). */
export function notaryDelayMs(view: View, rank: number): number {
  const { initialNotaryDelayMs } = view.parameters;
  const unfinalized = view.pool.notarized - view.pool.finalized;
  const growing = rankDelayMs(view, rank) * GROWTH_PER_UNFINALIZED ** unfinalized;
  return initialNotaryDelayMs + growing + certifiedGapDelayMs(view);
}

export function notary(view: View): readonly Action[] {
  const { pool } = view;
  const height = pool.notarized + 1;
  const startMs = roundStartMs(view);
  if (startMs === undefined || !isInCommittee(view, height)) return NOTHING;
  if (pool.notarized - view.certified >= view.epochs.subnetOf(height).hardGap) return NOTHING;
  if (height < view.votesFrom || haltingAt(view, height) === 'stopped') return NOTHING;
  const own = pool.at(height)?.own;
  for (const record of lowestRanked(view, height)) {
    if (own?.notarizations.has(record.key) === true) continue;
    // A finalisation vote, also one from before a restart, promised that there is no other block.
    if (own?.finalization !== undefined && own.finalization !== record.key) continue;
    const atMs = startMs + notaryDelayMs(view, record.block.rank);
    if (view.now.ms < atMs) return [{ kind: 'look-again', atMs }];
    return [{ kind: 'vote', purpose: 'notarization', height, blockHash: record.hash }];
  }
  return NOTHING;
}

/** The valid blocks of the lowest rank whose maker has not been caught. */
function lowestRanked(view: View, height: number): readonly BlockRecord[] {
  const here = view.pool.at(height);
  if (here === undefined) return [];
  const standing = [...here.blocks.values()].filter(
    (record) => !here.equivocators.has(record.maker),
  );
  const lowest = Math.min(...standing.map((record) => record.block.rank));
  return standing.filter((record) => record.block.rank === lowest);
}
