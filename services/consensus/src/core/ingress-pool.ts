// Ingress that waits for a block, and the ids of ingress that is final. Consensus holds it so that making a block asks
// nobody. p2p keeps the original and offers it again, hence dropping here loses nothing.
// A message is known by the hash of all its bytes. Its author may sign one request twice, to different bytes: such versions
// stand side by side under their request id, since a block of somebody else may name either.
import type { Ingress } from '@internode/contracts';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { type HashKey, idOfIngress, keyOf, sizeOfIngress } from './artifact.ts';

/** Who is charged for a message of a peer; own ones are charged by p2p, before they come here. */
export interface Origin {
  /** Hex principal of the verified sender. */
  readonly author: string;
  /** Hex node id. */
  readonly peer: string;
}

export interface Held {
  readonly id: Uint8Array;
  readonly idKey: HashKey;
  readonly ingress: Ingress;
  readonly bytes: number;
  readonly origin: Origin | undefined;
  readonly receivedMs: number;
}

export type Refused = 'full' | 'author over its limit' | 'peer over its limit';

/** More than between two heights that gather for longer (block maker). */
const HEIGHTS_LATELY = 16;

interface Finished {
  readonly height: number;
  readonly keys: readonly HashKey[];
  readonly lastExpiryNanos: bigint;
}

interface Load {
  messages: number;
  bytes: number;
}

export class IngressPool {
  /** By request id: the versions of one message, never none. */
  readonly #waiting = new Map<HashKey, Held[]>();
  readonly #byId = new Map<HashKey, Held>();
  readonly #heightOfFinal = new Map<HashKey, number>();
  readonly #own: Load = { messages: 0, bytes: 0 };
  readonly #peers: Load = { messages: 0, bytes: 0 };
  readonly #loads = new Map<string, Load>();
  /** f, of now: what f peers may fill leaves room for the others. */
  readonly #faults: () => number;
  readonly #nowMs: () => number;
  #finished: Finished[] = [];
  /** How many ended together, of the newest heights with any. */
  readonly #lately: number[] = [];
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(faults: () => number, nowMs: () => number) {
    this.#faults = faults;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** When one was last taken in. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** Messages of the fullest of the newest heights; of few nothing follows. */
  get mostLately(): number {
    if (this.#lately.length < HEIGHTS_LATELY) return Number.POSITIVE_INFINITY;
    return Math.max(...this.#lately);
  }

  get bytes(): number {
    return this.#own.bytes + this.#peers.bytes;
  }

  /** The height at which this request id became final, while remembered. */
  finalHeight(key: HashKey): number | undefined {
    return this.#heightOfFinal.get(key);
  }

  get(idKey: HashKey): Held | undefined {
    return this.#byId.get(idKey);
  }

  /** Offering twice is offering once. Only what is verified is offered. */
  offer(ingress: Ingress, origin?: Origin, id = idOfIngress(ingress)): 'held' | Refused {
    const idKey = keyOf(id);
    if (this.#byId.has(idKey)) return 'held';
    const bytes = sizeOfIngress(ingress);
    const refusal = this.#refusal(origin, bytes);
    if (refusal !== undefined) return refusal;
    const key = keyOf(ingress.requestId);
    const versions = this.#waiting.get(key);
    if (versions !== undefined && versions.length >= CONSENSUS_LIMITS.ingressVersionsMax)
      return 'author over its limit';
    const held = { id, idKey, ingress, bytes, origin, receivedMs: this.#nowMs() };
    if (versions === undefined) this.#waiting.set(key, [held]);
    else versions.push(held);
    this.#byId.set(idKey, held);
    this.#newestMs = held.receivedMs;
    this.#charge(held, 1);
    return 'held';
  }

  /** The next messages for a block of this time, oldest first, without `excluded`; expired ones are forgotten. */
  select(timeNanos: bigint, excluded: ReadonlySet<HashKey>): readonly Held[] {
    const chosen: Held[] = [];
    let bytes = 0;
    for (const [key, versions] of this.#waiting) {
      const held = versions[0] as Held;
      const { expiryNanos } = held.ingress;
      if (expiryNanos < timeNanos) {
        this.#forget(key, versions);
        continue;
      }
      if (excluded.has(key) || expiryNanos > timeNanos + CONSENSUS_LIMITS.ingressAheadNanos)
        continue;
      if (bytes + held.bytes > CONSENSUS_LIMITS.payloadBytesMax) break;
      bytes += held.bytes;
      chosen.push(held);
      if (chosen.length === CONSENSUS_LIMITS.payloadMessagesMax) break;
    }
    return chosen;
  }

  /** When the oldest that `select` would find was received; undefined when it would find nothing. */
  workSinceMs(timeNanos: bigint, excluded: ReadonlySet<HashKey>): number | undefined {
    for (const [key, versions] of this.#waiting) {
      const { ingress, receivedMs } = versions[0] as Held;
      const { expiryNanos } = ingress;
      if (excluded.has(key) || expiryNanos < timeNanos) continue;
      if (expiryNanos <= timeNanos + CONSENSUS_LIMITS.ingressAheadNanos) return receivedMs;
    }
    return undefined;
  }

  /** These messages are final: no version of them ever enters a block again while they are valid. */
  finish(
    height: number,
    ingress: readonly Ingress[],
    keys: readonly HashKey[],
    timeNanos: bigint,
  ): void {
    let lastExpiryNanos = 0n;
    for (const [index, { expiryNanos }] of ingress.entries()) {
      const key = keys[index] as HashKey;
      const versions = this.#waiting.get(key);
      if (versions !== undefined) this.#forget(key, versions);
      this.#heightOfFinal.set(key, height);
      if (expiryNanos > lastExpiryNanos) lastExpiryNanos = expiryNanos;
    }
    if (keys.length > 0) {
      this.#finished.push({ height, keys, lastExpiryNanos });
      this.#lately.push(keys.length);
      if (this.#lately.length > HEIGHTS_LATELY) this.#lately.shift();
    }
    this.#forgetExpired(timeNanos);
  }

  #refusal(origin: Origin | undefined, bytes: number): Refused | undefined {
    const { ingressMessagesMax, ingressBytesMax } = CONSENSUS_LIMITS;
    const total = origin === undefined ? this.#own : this.#peers;
    if (!fits(total, bytes, ingressMessagesMax, ingressBytesMax)) return 'full';
    if (origin === undefined) return undefined;
    const { ingressPerAuthorMax, ingressBytesPerAuthorMax } = CONSENSUS_LIMITS;
    const author = this.#load(`author/${origin.author}`);
    if (!fits(author, bytes, ingressPerAuthorMax, ingressBytesPerAuthorMax))
      return 'author over its limit';
    const peer = this.#load(`peer/${origin.peer}`);
    const shares = this.#faults() + 1;
    return fits(peer, bytes, ingressMessagesMax / shares, ingressBytesMax / shares)
      ? undefined
      : 'peer over its limit';
  }

  #load(name: string): Load {
    return this.#loads.get(name) ?? { messages: 0, bytes: 0 };
  }

  #charge({ origin, bytes }: Held, messages: 1 | -1): void {
    const total = origin === undefined ? this.#own : this.#peers;
    total.messages += messages;
    total.bytes += messages * bytes;
    if (origin === undefined) return;
    for (const name of [`author/${origin.author}`, `peer/${origin.peer}`]) {
      const load = this.#load(name);
      load.messages += messages;
      load.bytes += messages * bytes;
      if (load.messages === 0) this.#loads.delete(name);
      else this.#loads.set(name, load);
    }
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

  #forget(key: HashKey, versions: readonly Held[]): void {
    this.#waiting.delete(key);
    for (const held of versions) {
      this.#byId.delete(held.idKey);
      this.#charge(held, -1);
    }
  }
}

function fits(load: Load, bytes: number, messagesMax: number, bytesMax: number): boolean {
  return load.messages < messagesMax && load.bytes + bytes <= bytesMax;
}
