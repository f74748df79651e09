/** Whom to ask for what is missing, and who has lost our trust. */
import { toHex } from '@internode/prelude';
import { SYNC_LIMITS } from '../limits.ts';

interface Peer {
  readonly id: Uint8Array;
  asked: number;
  /** Questions in a row without an answer. */
  failures: number;
  /** Not asked before. */
  restsUntilMs: number;
  /** Gave what is not what its hash says: not asked any more. */
  lied: boolean;
}

export class SyncPeers {
  readonly #peers = new Map<string, Peer>();
  #turn = 0;

  /** Those that may be asked from now on. Whoever lied stays out. */
  set(ids: readonly Uint8Array[]): void {
    const now = new Set(ids.map(toHex));
    for (const [key, { lied }] of this.#peers) {
      if (!now.has(key) && !lied) this.#peers.delete(key);
    }
    for (const id of ids) {
      const key = toHex(id);
      if (this.#peers.has(key) || this.#peers.size >= SYNC_LIMITS.peersMax) continue;
      this.#peers.set(key, { id, asked: 0, failures: 0, restsUntilMs: 0, lied: false });
    }
  }

  /** The one with the least to do, in turn; undefined when nobody can be asked now. */
  next(nowMs: number): Uint8Array | undefined {
    let best: Peer | undefined;
    const all = [...this.#peers.values()];
    for (let i = 0; i < all.length; i++) {
      const peer = all[(i + this.#turn) % all.length] as Peer;
      if (peer.lied || peer.restsUntilMs > nowMs || peer.asked >= this.#shareOf(peer)) continue;
      if (best === undefined || peer.asked < best.asked) best = peer;
    }
    if (best === undefined) return undefined;
    this.#turn += 1;
    best.asked += 1;
    return best.id;
  }

  /** Who did not answer the last time gets one question at a time. */
  #shareOf({ failures }: Peer): number {
    return failures > 0 ? 1 : SYNC_LIMITS.askedOfPeerMax;
  }

  /** How many could be asked sooner or later. */
  get trusted(): number {
    let count = 0;
    for (const { lied } of this.#peers.values()) if (!lied) count += 1;
    return count;
  }

  answered(id: Uint8Array): void {
    const peer = this.#done(id);
    if (peer !== undefined) peer.failures = 0;
  }

  /** It rests, the longer the more often it failed. */
  failed(id: Uint8Array, nowMs: number): void {
    const peer = this.#done(id);
    if (peer === undefined) return;
    peer.failures += 1;
    const { restMs, restMsMax } = SYNC_LIMITS;
    peer.restsUntilMs = nowMs + Math.min(restMsMax, restMs * 2 ** (peer.failures - 1));
  }

  /** It is not asked before a while, without blame. */
  rests(id: Uint8Array, untilMs: number): void {
    const peer = this.#peers.get(toHex(id));
    if (peer !== undefined) peer.restsUntilMs = untilMs;
  }

  lied(id: Uint8Array): void {
    const peer = this.#peers.get(toHex(id));
    if (peer !== undefined) peer.lied = true;
  }

  #done(id: Uint8Array): Peer | undefined {
    const peer = this.#peers.get(toHex(id));
    if (peer !== undefined) peer.asked = Math.max(0, peer.asked - 1);
    return peer;
  }
}
