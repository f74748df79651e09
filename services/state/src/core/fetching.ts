/**
 * Fetches parts of a checkpoint from several peers at once. What comes is handed on to be verified; until it is, the part
 * counts as missing. Bounded: so many parts are asked for or held at a time, whatever peers do.
 */
import type { Instant } from '@internode/actor';
import type { PeerAnswered, SyncOutcome, SyncPart } from '@internode/contracts';
import { bytesEqual, concatBytes, toHex } from '@internode/prelude';
import { SYNC_LIMITS } from '../limits.ts';
import { QUESTION } from './exchange.ts';
import type { Outbox } from './outbox.ts';
import { SyncPeers } from './sync-peers.ts';

/** What one question asks for. */
export interface Wanted {
  readonly part: SyncPart;
  readonly indices: readonly number[];
}

export interface Got {
  readonly wanted: Wanted;
  readonly peer: Uint8Array;
  readonly answer: Uint8Array;
}

interface Asked {
  readonly wanted: Wanted;
  readonly peer: Uint8Array;
  readonly deadlineMs: number;
}

export class Fetching {
  readonly peers = new SyncPeers();
  readonly #out: Outbox;
  readonly #seed: Uint8Array;
  #manifestRoot: Uint8Array = new Uint8Array(0);
  /** In reverse: the next one is the last. */
  #missing: Wanted[] = [];
  readonly #asked = new Map<string, Asked>();
  /** Handed on and not verified and stored yet. */
  #held = 0;
  #count = 0;

  constructor(out: Outbox, seed: Uint8Array) {
    this.#out = out;
    this.#seed = seed;
  }

  /** Nothing that is on its way counts any more. */
  begin(manifestRoot: Uint8Array): void {
    this.#manifestRoot = manifestRoot;
    this.#missing = [];
    for (const { peer } of this.#asked.values()) this.peers.answered(peer);
    this.#asked.clear();
    this.#held = 0;
  }

  want(wanted: readonly Wanted[]): void {
    this.#missing.push(...wanted.toReversed());
  }

  /** All that was wanted was fetched and kept. */
  get isDone(): boolean {
    return this.#missing.length + this.#asked.size + this.#held === 0;
  }

  /** Asks for as much as may be asked for now. */
  proceed(now: Instant): void {
    this.#expire(now);
    while (this.#missing.length > 0 && this.#asked.size + this.#held < SYNC_LIMITS.partsMax) {
      const peer = this.peers.next(now.ms);
      if (peer === undefined) return;
      const wanted = this.#missing.pop() as Wanted;
      this.#ask(now, wanted, peer);
    }
  }

  #ask(now: Instant, wanted: Wanted, peer: Uint8Array): void {
    const { answerMs, answerGraceMs } = SYNC_LIMITS;
    const askId = this.#nextId();
    this.#asked.set(toHex(askId), { wanted, peer, deadlineMs: now.ms + answerMs + answerGraceMs });
    const { part, indices } = wanted;
    const body = QUESTION.encode({ manifestRoot: this.#manifestRoot, part, indices });
    this.#out.say({ kind: 'AskPeer', askId, topic: 'state_sync', peer, body, timeoutMs: answerMs });
  }

  /** What an answer brings, if it is one to a question of ours. */
  take(now: Instant, answered: PeerAnswered): Got | undefined {
    const key = toHex(answered.askId);
    const asked = this.#asked.get(key);
    if (asked === undefined || !bytesEqual(asked.peer, answered.peer)) return undefined;
    this.#asked.delete(key);
    const { wanted, peer } = asked;
    if (answered.failure !== '') {
      this.peers.failed(peer, now.ms);
      this.#missing.push(wanted);
      return undefined;
    }
    this.peers.answered(peer);
    this.#held += 1;
    return { wanted, peer, answer: answered.body };
  }

  /** The peer has no content for us, or not now. */
  refused(now: Instant, got: Got, outcome: SyncOutcome): void {
    if (outcome === 'no_such_part') return this.rejected(got, 'does not know a part that there is');
    this.#held -= 1;
    const restMs = outcome === 'busy' ? SYNC_LIMITS.busyRestMs : SYNC_LIMITS.unknownRestMs;
    this.peers.rests(got.peer, now.ms + restMs);
    this.#missing.push(got.wanted);
  }

  /** What was handed on is verified and stored. */
  kept(): void {
    this.#held -= 1;
  }

  /** What was handed on could not be stored. */
  lost({ wanted }: Got): void {
    this.#held -= 1;
    this.#missing.push(wanted);
  }

  /** What was handed on is not what was asked for. */
  rejected({ wanted, peer }: Got, reason: string): void {
    this.#held -= 1;
    this.peers.lied(peer);
    this.#out.observe({ kind: 'SyncPeerDropped', peer, reason });
    this.#missing.push(wanted);
  }

  /** Our own p2p says when no answer came; if that is lost too, we say it ourselves. */
  #expire(now: Instant): void {
    for (const [key, { wanted, peer, deadlineMs }] of this.#asked) {
      if (deadlineMs > now.ms) continue;
      this.#asked.delete(key);
      this.peers.failed(peer, now.ms);
      this.#missing.push(wanted);
    }
  }

  #nextId(): Uint8Array {
    const count = new Uint8Array(8);
    new DataView(count.buffer).setBigUint64(0, BigInt(this.#count++));
    return concatBytes(this.#seed.subarray(0, 8), count);
  }
}
