// Admitted ingress that waits for a block, and the ids of ingress that is final. Consensus holds it so that making a block
// asks nobody. p2p keeps the original and offers it again, hence dropping here loses nothing.
import type { Ingress } from '@internode/contracts';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { type HashKey, keyOf, sizeOfIngress } from './artifact.ts';

interface Finished {
  readonly height: number;
  readonly keys: readonly HashKey[];
  readonly lastExpiryNanos: bigint;
}

export class IngressPool {
  readonly #waiting = new Map<HashKey, Ingress>();
  readonly #heightOfFinal = new Map<HashKey, number>();
  #finished: Finished[] = [];
  #bytes = 0;

  get size(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The height at which this id became final, while remembered. */
  finalHeight(key: HashKey): number | undefined {
    return this.#heightOfFinal.get(key);
  }

  /** False when full. Offering twice is offering once. */
  offer(ingress: Ingress): boolean {
    const key = keyOf(ingress.requestId);
    const bytes = sizeOfIngress(ingress);
    if (this.#waiting.has(key)) return true;
    if (this.#waiting.size >= CONSENSUS_LIMITS.ingressMessagesMax) return false;
    if (this.#bytes + bytes > CONSENSUS_LIMITS.ingressBytesMax) return false;
    this.#waiting.set(key, ingress);
    this.#bytes += bytes;
    return true;
  }

  /** The next messages for a block of this time, oldest first, without `excluded`; expired ones are forgotten. */
  select(timeNanos: bigint, excluded: ReadonlySet<HashKey>): readonly Ingress[] {
    const chosen: Ingress[] = [];
    let bytes = 0;
    for (const [key, ingress] of this.#waiting) {
      if (ingress.expiryNanos < timeNanos) {
        this.#forget(key, ingress);
        continue;
      }
      if (excluded.has(key) || ingress.expiryNanos > timeNanos + CONSENSUS_LIMITS.ingressAheadNanos)
        continue;
      const size = sizeOfIngress(ingress);
      if (bytes + size > CONSENSUS_LIMITS.payloadBytesMax) break;
      bytes += size;
      chosen.push(ingress);
      if (chosen.length === CONSENSUS_LIMITS.payloadMessagesMax) break;
    }
    return chosen;
  }

  /** Whether `select` would find something. */
  hasWork(timeNanos: bigint, excluded: ReadonlySet<HashKey>): boolean {
    for (const [key, ingress] of this.#waiting) {
      if (excluded.has(key) || ingress.expiryNanos < timeNanos) continue;
      if (ingress.expiryNanos <= timeNanos + CONSENSUS_LIMITS.ingressAheadNanos) return true;
    }
    return false;
  }

  /** These messages are final: they never enter a block again while they are valid. */
  finish(height: number, ingress: readonly Ingress[], timeNanos: bigint): void {
    const keys = ingress.map((message) => keyOf(message.requestId));
    let lastExpiryNanos = 0n;
    for (const [index, message] of ingress.entries()) {
      const key = keys[index] as HashKey;
      const waiting = this.#waiting.get(key);
      if (waiting !== undefined) this.#forget(key, waiting);
      this.#heightOfFinal.set(key, height);
      if (message.expiryNanos > lastExpiryNanos) lastExpiryNanos = message.expiryNanos;
    }
    if (keys.length > 0) this.#finished.push({ height, keys, lastExpiryNanos });
    this.#forgetExpired(timeNanos);
  }

  #forgetExpired(timeNanos: bigint): void {
    let count = 0;
    for (const finished of this.#finished) {
      const full = this.#heightOfFinal.size > CONSENSUS_LIMITS.recentIdsMax;
      if (finished.lastExpiryNanos >= timeNanos && !full) break;
      for (const key of finished.keys) this.#heightOfFinal.delete(key);
      count += 1;
    }
    // Rarely, so that its cost does not show.
    if (count > 0) this.#finished = this.#finished.slice(count);
  }

  #forget(key: HashKey, ingress: Ingress): void {
    this.#waiting.delete(key);
    this.#bytes -= sizeOfIngress(ingress);
  }
}
