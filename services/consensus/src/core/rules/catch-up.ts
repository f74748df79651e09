// The bus may lose anything: what is missing is asked for again, each kind at most once per `askAgainMs`. Catching up by
// package when peers are far ahead needs their packages, which arrive by p2p.
import type { Message } from '@internode/contracts';
import { CONSENSUS_LIMITS } from '../../limits.ts';
import type { Action } from '../action.ts';
import type { AskToken, View } from '../view.ts';

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
  const { askAgainMs, batchAgainMs } = CONSENSUS_LIMITS;
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
  if (view.tip.height < delivered)
    yield { token: 'batch', message: undefined, everyMs: batchAgainMs };
}
