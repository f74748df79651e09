// How a node that did not hear what was dealt comes by it: it asks its peers, one at a time, for its own rows and then until all is
// here; and it answers those that ask. What comes is checked, so any peer will do; one that lies is blamed.
import type {
  PeerAnswered,
  PeerAsked,
  SharingAnswer,
  Summary,
  Transcript,
} from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { BoundedMap, bytesEqual, concatBytes, toHex, utf8 } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import type { Outbox } from './outbox.ts';
import type { Sharings } from './sharings.ts';
import { ANSWER, QUESTION } from './wire.ts';

interface Ask {
  readonly askId: Uint8Array;
  readonly peer: Uint8Array;
  readonly transcript: Transcript;
}

const TIMER = 'sharing/ask';
const ASK_ID_BYTES = 16;

export class SharingAsks {
  readonly #nodeId: Uint8Array;
  readonly #outbox: Outbox;
  readonly #sharings: Sharings;
  #running: Summary | undefined;
  #ask: Ask | undefined;
  #isWaiting = false;
  #asked = 0;
  /** Whose turn it is; not everybody begins with the same peer. */
  #turn: number;
  /** Questions in a row that brought nothing. */
  #vain = 0;
  /** By peer: until when its questions have used up what it may ask. */
  readonly #busyUntilMs = new BoundedMap<string, number>(
    BEACON_LIMITS.sharingPeersMax,
    'drop-oldest',
  );

  constructor(nodeId: Uint8Array, outbox: Outbox, sharings: Sharings) {
    this.#nodeId = nodeId;
    this.#turn = nodeId[0] ?? 0;
    this.#outbox = outbox;
    this.#sharings = sharings;
  }

  advance(running: Summary): void {
    this.#running = running;
    this.#vain = 0;
  }

  /** Asks for what is missing, soon or when a question that is open has had its time. */
  lookAfter(): void {
    const transcript = this.#sharings.wanted();
    if (this.#isWaiting || transcript === undefined || this.#peers().length === 0) return;
    this.#isWaiting = true;
    const { sharingAskAfterMs, sharingAskMsMax } = BEACON_LIMITS;
    const rounds = Math.floor(this.#vain / this.#peers().length);
    // What was dealt before the chain that is known here, nobody but peers can tell.
    const isOld = !this.#sharings.isOfChain(transcript.target);
    const delayMs =
      isOld && rounds === 0 ? 0 : Math.min(sharingAskAfterMs * 2 ** rounds, sharingAskMsMax);
    this.#outbox.add({ kind: 'wait', token: TIMER, delayMs });
  }

  timer(token: string): void {
    if (token !== TIMER) return;
    this.#isWaiting = false;
    if (this.#ask !== undefined) this.#nothingCame();
    this.#ask = undefined;
    const transcript = this.#sharings.wanted();
    const peers = this.#peers();
    const peer = peers[this.#turn % peers.length];
    if (transcript === undefined || peer === undefined) return;
    this.#question(transcript, peer);
  }

  #question(transcript: Transcript, peer: Uint8Array): void {
    const { target } = transcript;
    const { unixNanos } = this.#outbox.now;
    this.#asked += 1;
    const seed = concatBytes(this.#nodeId, utf8(`sharing ${unixNanos} ${this.#asked}`));
    const askId = sha256(seed).slice(0, ASK_ID_BYTES);
    const first = this.#sharings.firstMissing(transcript);
    this.#ask = { askId, peer, transcript };
    const body = QUESTION.encode({ target, first });
    const timeoutMs = BEACON_LIMITS.sharingTimeoutMs;
    this.#outbox.publish({ kind: 'AskPeer', askId, topic: 'key_shares', peer, body, timeoutMs });
    // p2p says so itself when no answer comes; its word may be lost.
    this.#isWaiting = true;
    this.#outbox.add({ kind: 'wait', token: TIMER, delayMs: timeoutMs + timeoutMs / 2 });
  }

  hearAnswer({ askId, topic, peer, body, failure }: PeerAnswered): void {
    const ask = this.#ask;
    if (topic !== 'key_shares' || ask === undefined || !bytesEqual(ask.askId, askId)) return;
    if (!bytesEqual(ask.peer, peer)) return;
    this.#ask = undefined;
    this.#isWaiting = false;
    const took = failure === '' ? this.#take(ask.transcript, body) : 'nothing';
    if (took === 'lie') {
      const reason = 'not what the key was made from';
      const artifact = 'key_shares';
      this.#outbox.observe({ kind: 'ArtifactRejected', artifact, peer: toHex(peer), reason });
    }
    if (took === 'news') {
      this.#vain = 0;
      const next = this.#sharings.wanted();
      // From whoever has answered well.
      if (next !== undefined) return this.#question(next, peer);
    } else {
      this.#nothingCame();
    }
    this.#outbox.add({ kind: 'cancel', token: TIMER });
    this.lookAfter();
  }

  #nothingCame(): void {
    this.#turn += 1;
    this.#vain += 1;
  }

  #take(transcript: Transcript, body: Uint8Array): 'news' | 'nothing' | 'lie' {
    const decoded = ANSWER.decode(body);
    if (decoded.kind !== 'valid') return 'lie';
    const { found } = decoded.value;
    return found === undefined ? 'nothing' : this.#sharings.take(transcript, found);
  }

  hearQuestion({ askId, topic, peer, body }: PeerAsked): void {
    if (topic !== 'key_shares') return;
    const decoded = QUESTION.decode(body);
    if (decoded.kind !== 'valid' || !this.#mayAsk(peer)) return;
    const { target, first } = decoded.value;
    const found = this.#sharings.rowsFrom(target, first);
    const answer: SharingAnswer = found === undefined ? {} : { found };
    this.#outbox.publish({
      kind: 'AnswerPeer',
      askId,
      topic,
      peer,
      body: ANSWER.encode(answer),
    });
  }

  #mayAsk(peer: Uint8Array): boolean {
    const { sharingAnswersAtOnce, sharingAnswerAgainMs } = BEACON_LIMITS;
    const nowMs = this.#outbox.now.ms;
    const key = toHex(peer);
    const busyUntilMs = Math.max(nowMs, this.#busyUntilMs.get(key) ?? nowMs) + sharingAnswerAgainMs;
    if (busyUntilMs > nowMs + sharingAnswersAtOnce * sharingAnswerAgainMs) return false;
    this.#busyUntilMs.set(key, busyUntilMs);
    return true;
  }

  /** Whom to ask; nobody when the keys are none of this node's business. */
  #peers(): readonly Uint8Array[] {
    const running = this.#running;
    if (running === undefined) return [];
    const records = [running.current.record, running.next.record, running.record];
    const ids = new Map(
      records.flatMap(({ nodes }) => nodes.map(({ nodeId }) => [toHex(nodeId), nodeId] as const)),
    );
    return ids.delete(toHex(this.#nodeId)) ? [...ids.values()] : [];
  }
}
