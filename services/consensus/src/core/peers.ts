// How far peers say they are, and which of them to ask next. Claims are not checked: a wrong one costs a question.
import { BoundedMap, toHex } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';

export interface Peer {
  readonly nodeId: Uint8Array;
  readonly key: string;
  height: number;
  /** Lowest height that it keeps, as it last said. */
  oldest: number;
  notBeforeMs: number;
  askedMs: number;
}

export class Peers {
  readonly #peers = new BoundedMap<string, Peer>(CONSENSUS_LIMITS.peersMax, 'drop-oldest');

  /** A peer has shown a certificate of this height. */
  claims(nodeId: Uint8Array, height: number): void {
    const peer = this.#of(nodeId);
    peer.height = Math.max(peer.height, height);
  }

  /** It was asked and says so itself. */
  says(key: string, heights: { readonly oldest: number; readonly newest: number }): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    peer.height = heights.newest;
    peer.oldest = heights.oldest;
  }

  /** Not to be asked for a while. */
  rest(key: string, untilMs: number): void {
    const peer = this.#peers.get(key);
    if (peer !== undefined) peer.notBeforeMs = untilMs;
  }

  /** All may be asked again. One that lied costs a question. */
  wake(): void {
    for (const peer of this.#peers.values()) {
      peer.notBeforeMs = Number.NEGATIVE_INFINITY;
      peer.oldest = 0;
    }
  }

  highest(): number {
    let height = 0;
    for (const peer of this.#peers.values()) height = Math.max(height, peer.height);
    return height;
  }

  /** Who may have this height, having shown `claimed` at least, the one that was not asked for longest first. */
  next(height: number, nowMs: number, claimed = height): Peer | undefined {
    let best: Peer | undefined;
    for (const peer of this.#peers.values()) {
      if (peer.height < claimed || peer.oldest > height || peer.notBeforeMs > nowMs) continue;
      if (best === undefined || peer.askedMs < best.askedMs) best = peer;
    }
    return best;
  }

  byKey(key: string | undefined): Peer | undefined {
    return key === undefined ? undefined : this.#peers.get(key);
  }

  get(nodeId: Uint8Array): Peer {
    return this.#of(nodeId);
  }

  #of(nodeId: Uint8Array): Peer {
    const key = toHex(nodeId);
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    const never = Number.NEGATIVE_INFINITY;
    const peer = { nodeId, key, height: 0, oldest: 0, notBeforeMs: never, askedMs: never };
    this.#peers.set(key, peer);
    return peer;
  }
}
