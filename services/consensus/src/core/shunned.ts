// Peers that brought what no honest node has: for a while nothing of the kind is taken from them, so that proofs that fail
// cost little, whoever sends them.
import { BoundedMap } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';

export class Shunned {
  readonly #untilMs = new BoundedMap<string, number>(CONSENSUS_LIMITS.peersMax, 'drop-oldest');

  add(peer: string, nowMs: number): void {
    this.#untilMs.set(peer, nowMs + CONSENSUS_LIMITS.peerLiedMs);
  }

  has(peer: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(peer);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#untilMs.delete(peer);
    return false;
  }
}
