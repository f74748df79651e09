// The bus may lose anything: what is missing is asked for again, each kind at most once per `askAgainMs`. Catching up by
// package when peers are far ahead needs their packages, which arrive by p2p.
import type { CatchUpPackage, Message } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../../limits.ts';
import type { Action } from '../action.ts';
import type { AskToken, View } from '../view.ts';
import { opensEpoch } from './epoch-content.ts';

interface Missing {
  readonly token: AskToken;
  readonly message: Message | undefined;
  readonly everyMs: number;
}

export function catchUp(view: View): readonly Action[] {
  if (!view.started) return [];
  const actions: Action[] = [];
  for (const { token, message, everyMs } of missing(view)) {
    const atMs = (view.asked.get(token) ?? Number.NEGATIVE_INFINITY) + everyMs;
    if (view.now.ms < atMs) actions.push({ kind: 'look-again', atMs });
    else if (message !== undefined) actions.push({ kind: 'ask', token, message });
    else actions.push({ kind: 'repeat-batches', from: view.tip.height + 1 });
  }
  return actions;
}

function* missing(view: View): Generator<Missing> {
  const { askAgainMs, batchAgainMs, batchAgainMaxMs, syncAgainMs } = CONSENSUS_LIMITS;
  const { pool, delivered } = view;
  for (let height = pool.finalized; height <= pool.notarized; height += 1) {
    if (view.beacons.has(height)) continue;
    yield { token: 'beacon', message: { kind: 'RequestBeacon', height }, everyMs: askAgainMs };
    break;
  }
  const next = delivered + 1;
  if (next <= pool.finalized && !view.tapes.has(next)) {
    yield { token: 'tape', message: { kind: 'RequestTape', height: next }, everyMs: askAgainMs };
  }
  if (view.certified < delivered || view.tip.height < delivered) {
    yield { token: 'certified', message: { kind: 'RequestCertified' }, everyMs: askAgainMs };
  }
  if (view.records.missed || lacksRecord(view))
    yield { token: 'record', message: { kind: 'RequestSubnetRecord' }, everyMs: askAgainMs };
  const unsynced = packageToSync(view);
  if (unsynced !== undefined)
    yield { token: 'sync', message: syncState(view, unsynced), everyMs: syncAgainMs };
  if (view.tip.height < delivered) {
    const everyMs = view.batchesRepeated ? batchAgainMaxMs : batchAgainMs;
    yield { token: 'batch', message: undefined, everyMs };
  }
}

/** The next block is a summary, and the record for it is not here. */
function lacksRecord(view: View): boolean {
  const { pool, certified, records } = view;
  return (
    opensEpoch(view, pool.notarized + 1) &&
    records.at(Math.min(certified, pool.notarized)) === undefined
  );
}

/** The package whose state has to be fetched: the journal begins above everything that state has. */
function packageToSync({
  packages,
  reached,
  journal,
  delivered,
}: View): CatchUpPackage | undefined {
  const { newest, height } = packages;
  if (newest === undefined || height > delivered || height < journal.base) return undefined;
  return reached < journal.base ? newest : undefined;
}

function syncState(view: View, newest: CatchUpPackage): Message {
  const { current, next } = view.epochLog.opening.summary;
  const members = new Map<string, Uint8Array>();
  for (const { nodeId } of [...current.record.nodes, ...next.record.nodes])
    members.set(toHex(nodeId), nodeId);
  members.delete(toHex(view.epochs.nodeId));
  return { kind: 'SyncState', package: newest, peers: [...members.values()] };
}
