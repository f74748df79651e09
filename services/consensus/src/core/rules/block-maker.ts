// Protocol 2.4, block maker, with a house rule on when: at once when there is work, slowly when there is none, and not
// while the own execution lags, so that an idle subnet costs little and a call never waits for a timer.
import { CONSENSUS_LIMITS } from '../../limits.ts';
import { type Action, NOTHING } from '../action.ts';
import {
  type Block,
  type HashKey,
  hashOfBlock,
  hashOfStripped,
  type Payload,
  payloadOf,
  stripPayload,
} from '../artifact.ts';
import type { BlockRecord } from '../pool.ts';
import {
  certifiedGapDelayMs,
  rankDelayMs,
  rolesAt,
  roundStartMs,
  subnetAt,
  type View,
} from '../view.ts';
import { expectedSummary, keyPartsFor, opensEpoch } from './epoch-content.ts';
import { haltingAt, mayPass } from './halting.ts';

export function blockMaker(view: View): readonly Action[] {
  const turn = turnOf(view);
  if (turn === undefined) return NOTHING;
  if (view.now.ms < turn.atMs)
    return [{ kind: 'look-again', atMs: earlierTimer(view, turn.atMs, turn.made.timeNanos) }];
  return propose(view, turn.made);
}

/** When the block maker wants to be asked again; undefined when it would propose now. */
export function blockMakerWakeMs(view: View): number | undefined {
  const turn = turnOf(view);
  if (turn === undefined) return Number.POSITIVE_INFINITY;
  if (view.now.ms >= turn.atMs) return undefined;
  return earlierTimer(view, turn.atMs, turn.made.timeNanos);
}

/** When this node proposes, and on what; undefined as long as it may not. */
function turnOf(view: View): { readonly atMs: number; readonly made: Making } | undefined {
  const { pool, parameters } = view;
  const height = pool.notarized + 1;
  const startMs = roundStartMs(view);
  const self = subnetAt(view, height)?.self;
  if (startMs === undefined || self === undefined || height < view.votesFrom) return undefined;
  const rank = rolesAt(view, height)?.makers.indexOf(self) ?? -1;
  if (rank < 0) return undefined;
  const here = pool.at(height);
  if (here?.own.proposal !== undefined) return undefined;
  const better = [...(here?.blocks.values() ?? [])].some(
    (record) => record.block.rank < rank && here?.equivocators.has(record.maker) !== true,
  );
  if (better) return undefined;
  if (pool.notarized - view.certified >= view.epochs.subnetOf(height).hardGap) return undefined;
  // Final but not executed: woken by TipAdvanced. Never a deadlock, since executing them needs no further block.
  if (pool.finalized - view.tip.height >= parameters.executionGapMax) return undefined;
  if (view.delivered - view.committed >= CONSENSUS_LIMITS.uncommittedHeightsMax) return undefined;
  if (view.journal.bytes >= CONSENSUS_LIMITS.uncommittedBytesMax) return undefined;
  const [parent] = pool.notarizedBlocks(pool.notarized);
  if (parent === undefined || haltingAt(view, height) === 'stopped') return undefined;
  // A state that is still being fetched does not know which calls have run.
  if (view.reached < view.journal.base && view.packages.height > 0) return undefined;

  const excluded = idsOnChain(view, parent);
  const timeNanos = max(view.now.unixNanos, parent.block.timeNanos + 1n);
  const turn = { startMs, rankMs: rankDelayMs(view, rank), parent, excluded };
  const atMs =
    certifiedGapDelayMs(view) +
    Math.min(
      withoutWorkAtMs(view, turn),
      withWorkAtMs(view, turn, workSinceMs(view, timeNanos, excluded)),
    );
  return { atMs, made: { parent, rank, timeNanos, excluded } };
}

interface Making {
  readonly parent: BlockRecord;
  readonly rank: number;
  readonly timeNanos: bigint;
  readonly excluded: ReadonlySet<HashKey>;
}

function propose(view: View, made: Making): readonly Action[] {
  const { parent, rank, timeNanos, excluded } = made;
  const height = parent.block.height + 1;
  const certifiedHeight = Math.max(
    Math.min(view.certified, parent.block.height),
    parent.block.certifiedHeight,
  );
  if (opensEpoch(view, height)) {
    const expected = expectedSummary(view, parent, certifiedHeight);
    if (expected.kind === 'pending') return expected.actions;
    const payload = { ...payloadOf([]), summary: expected.summary };
    return [
      blockOf(view, { parent, rank, timeNanos, certifiedHeight }, { payload, ingressIds: [] }),
    ];
  }
  const halting = haltingAt(view, height);
  const held = view.ingress
    .select(timeNanos, excluded)
    .filter(({ ingress }) => mayPass(halting, ingress));
  const parts = halting === 'empty' ? NO_PARTS : keyPartsFor(view, parent);
  const payload = { ...payloadOf(held.map(({ ingress }) => ingress)), ...parts };
  const ingressIds = held.map(({ id }) => id);
  return [blockOf(view, { parent, rank, timeNanos, certifiedHeight }, { payload, ingressIds })];
}

const NO_PARTS = { dealings: [], complaints: [] };

function blockOf(
  view: View,
  context: Pick<Block, 'rank' | 'timeNanos' | 'certifiedHeight'> & { readonly parent: BlockRecord },
  content: { readonly payload: Payload; readonly ingressIds: readonly Uint8Array[] },
): Action {
  const { parent, rank, timeNanos, certifiedHeight } = context;
  const { payload, ingressIds } = content;
  const height = parent.block.height + 1;
  const block: Block = {
    height,
    parent: parent.hash,
    rank,
    registryVersion: view.epochs.subnetOf(height).registryVersion,
    certifiedHeight,
    timeNanos,
    payloadHash: hashOfStripped(stripPayload(payload, ingressIds)),
  };
  return { kind: 'propose', block, payload, ingressIds, hash: hashOfBlock(block) };
}

/** Request ids that a child of `parent` must not repeat: those on the chain that are not yet remembered as final. */
function idsOnChain(view: View, parent: BlockRecord): ReadonlySet<HashKey> {
  const ids = new Set<HashKey>();
  for (const record of view.pool.chain(parent, view.delivered)) {
    for (const key of record.ingressKeys) ids.add(key);
  }
  return ids;
}

interface Turn {
  readonly startMs: number;
  readonly rankMs: number;
  readonly parent: BlockRecord;
  readonly excluded: ReadonlySet<HashKey>;
}

/**
 * Counted from when the work came here, not from the start of a round that began long ago: else all ranks propose at once after
 * a pause, two blocks are notarised, and neither can become final.
 */
function withWorkAtMs(view: View, turn: Turn, sinceMs: number | undefined): number {
  if (sinceMs === undefined) return Number.POSITIVE_INFINITY;
  const pacedMs = turn.startMs + paceMs(view, turn);
  return turn.rankMs === 0 ? pacedMs : Math.max(pacedMs, sinceMs) + turn.rankMs;
}

function withoutWorkAtMs(view: View, { startMs, rankMs, parent }: Turn): number {
  const { epochs, parameters, tempo } = view;
  const idleMs = epochs.alone ? parameters.idleBlockMs : parameters.idleBlockOfSeveralMs;
  // What waits in a notarised block becomes final with a block above it at the latest.
  if (!isWaitedFor(view, parent)) return startMs + rankMs + idleMs;
  return startMs + rankMs + (isSplit(view, parent) ? 0 : Math.min(idleMs, tempo.unitMs));
}

/** Whether this node cannot vote to finalise a block, nor others who saw the same of its maker: then only a block above it helps. */
function isSplit({ pool }: View, { key, block: { height } }: BlockRecord): boolean {
  const votes = pool.at(height)?.own?.notarizations ?? [];
  return pool.notarizedBlocks(height).length > 1 || [...votes].some((other) => other !== key);
}

/** Whether calls, or work of the execution, are in blocks that are notarised and not final. */
function isWaitedFor(view: View, parent: BlockRecord): boolean {
  const { pool, tip } = view;
  if (pool.notarized === pool.finalized) return false;
  for (const { ingressKeys } of pool.chain(parent, pool.finalized))
    if (ingressKeys.length > 0) return true;
  const { workPending, nextTimerNanos } = tip;
  return workPending || (nextTimerNanos !== undefined && nextTimerNanos <= parent.block.timeNanos);
}

/** Since when there has been something to do; undefined when there is nothing. */
function workSinceMs(
  view: View,
  timeNanos: bigint,
  excluded: ReadonlySet<HashKey>,
): number | undefined {
  const { now, tip } = view;
  if (!view.settled) return Number.NEGATIVE_INFINITY;
  const sinceMs = [view.ingress.workSinceMs(timeNanos, excluded)];
  // What execution said counts only while no newer block is on its way to do that work.
  if (tip.height >= view.pool.notarized) {
    const { workPending, nextTimerNanos } = tip;
    if (workPending) sinceMs.push(view.tipMs);
    if (nextTimerNanos !== undefined && nextTimerNanos <= timeNanos)
      sinceMs.push(Math.max(view.tipMs, now.ms - Number(timeNanos - nextTimerNanos) / 1e6));
  }
  const known = sinceMs.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Under load a height's fixed cost is shared by more calls: the fuller the last block, the longer the next gathers. */
function paceMs(view: View, turn: Turn): number {
  const { startMs, parent, excluded } = turn;
  const { pacePerMessageMs, paceMaxMs, minBlockMs } = view.parameters;
  const waiting = view.ingress.size - excluded.size;
  if (waiting >= CONSENSUS_LIMITS.payloadMessagesMax) return 0;
  if (view.epochs.alone) return paceAloneMs(view, turn);
  const others = Math.max(0, parent.ingressKeys.length - 1);
  // Counted from the round of the parent: after a pause a call waits for nothing.
  const leastMs = Math.max(0, minBlockMs - (view.notarizedMs - view.notarizedBeforeMs));
  if (others === 0) return leastMs;
  // Callers who wait for their answers come again together: with them the next block is as full as this one.
  const { certifiedWaitMaxMs, quietMs } = view.parameters;
  if (view.certified < parent.block.height) return Math.max(leastMs, certifiedWaitMaxMs);
  const waitedMs = Math.max(0, Math.min(certifiedWaitMaxMs, view.certifiedMs - startMs));
  const gathersMs = Math.floor(Math.min(paceMaxMs, others * pacePerMessageMs));
  const quietAtMs = Math.max(waitedMs, view.ingress.newestMs - startMs) + quietMs;
  return Math.max(leastMs, Math.min(waitedMs + gathersMs, quietAtMs));
}

/** After each so many heights it is looked whether there are more callers than lately. */
const LOOK_HEIGHTS = 8;

/**
 * Clients that were answered come back, some milliseconds apart. Once as many as last time are here, nothing is on its way to be
 * certified and no more come, there is nothing left to wait for; else two halves take turns and each pays for a height. That no
 * more come takes a timer's millisecond to see, which is saved while as many are here as ever came lately.
 */
function paceAloneMs(view: View, { startMs, parent }: Turn): number {
  const { alonePerMessageMs, aloneMaxMs, aloneQuietMs } = view.parameters;
  const { ingress, certified } = view;
  const last = parent.ingressKeys.length;
  const gathersMs = Math.min(aloneMaxMs, Math.max(0, last - 1) * alonePerMessageMs);
  if (ingress.size < last || certified < parent.block.height) return gathersMs;
  // As many as at most lately: nobody is missing. Now and then that is looked at again, or two parts never become one.
  const isFull = ingress.size >= ingress.mostLately && parent.block.height % LOOK_HEIGHTS !== 0;
  if (isFull) return 0;
  return Math.min(gathersMs, Math.max(0, ingress.newestMs + aloneQuietMs - startMs));
}

/** A canister's timer may be due before the idle block is. One that is due counts as work already: nothing wakes earlier. */
function earlierTimer(view: View, atMs: number, timeNanos: bigint): number {
  const { nextTimerNanos, height } = view.tip;
  if (nextTimerNanos === undefined || height < view.pool.notarized) return atMs;
  if (nextTimerNanos <= timeNanos) return atMs;
  const dueMs = view.now.ms + Number((nextTimerNanos - view.now.unixNanos) / 1_000_000n) + 1;
  return Math.min(atMs, dueMs);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
