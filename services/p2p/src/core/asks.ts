// Questions to peers and theirs to us: at most once, bounded per peer, each with an end.
import type {
  AnswerChunk,
  AnswerPeer,
  AskPeer,
  PeerQuestion,
  PeerTopic,
} from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { ASK_LIMITS, FRAME_LIMITS } from '../limits.ts';
import { Assembly, chunksOf } from './assembly.ts';
import type { Misdeed } from './event.ts';
import { Late } from './late.ts';
import type { Outbox } from './outbox.ts';
import type { Members, Peer } from './peer.ts';

const ASK_ID_BYTES = 16;
const TIMER = 'ask/';

interface Open {
  readonly askId: Uint8Array;
  readonly topic: PeerTopic;
  readonly peer: Peer;
  assembly: Assembly | undefined;
}

interface Theirs {
  readonly topic: PeerTopic;
  readonly untilMs: number;
}

export class Asks {
  readonly #outbox: Outbox;
  readonly #members: Members;
  readonly #ours = new Map<string, Open>();
  readonly #oursOf = new Map<Peer, number>();
  readonly #late = new Late();
  /** By peer, then by topic and id, in order of arrival. */
  readonly #theirs = new Map<Peer, Map<string, Theirs>>();

  constructor(outbox: Outbox, members: Members) {
    this.#outbox = outbox;
    this.#members = members;
  }

  get size(): number {
    return this.#ours.size;
  }

  isTimer(token: string): boolean {
    return token.startsWith(TIMER);
  }

  ask({ askId, topic, peer: nodeId, body, timeoutMs }: AskPeer): void {
    const key = keyOf(topic, askId);
    if (this.#ours.has(key)) return;
    const peer = this.#members.get(nodeId);
    const open = peer === undefined ? 0 : (this.#oursOf.get(peer) ?? 0);
    const fail = (failure: string): void =>
      this.#answered({ askId, topic, nodeId }, new Uint8Array(0), failure);
    if (askId.length !== ASK_ID_BYTES) return fail('malformed');
    if (peer === undefined) return fail('not a member');
    if (!peer.up) return fail('not connected');
    if (body.length > FRAME_LIMITS.questionBytesMax) return fail('question too large');
    if (open >= ASK_LIMITS.openPerPeerMax) return fail('busy');
    this.#ours.set(key, { askId, topic, peer, assembly: undefined });
    this.#oursOf.set(peer, open + 1);
    peer.expect(FRAME_LIMITS.answerBytesMax);
    this.#outbox.send(peer, { kind: 'ask', ask: { askId, topic, body } });
    this.#outbox.waitFor(`${TIMER}${key}`, Math.min(timeoutMs, ASK_LIMITS.timeoutMsMax));
  }

  timer(token: string): void {
    this.#fail(token.slice(TIMER.length), 'no answer in time');
  }

  linkDown(peer: Peer): void {
    for (const [key, open] of this.#ours) {
      if (open.peer !== peer) continue;
      this.#outbox.cancel(`${TIMER}${key}`);
      this.#fail(key, 'connection lost');
    }
    this.#theirs.delete(peer);
  }

  hearAnswer(peer: Peer, chunk: AnswerChunk): Misdeed | undefined {
    const key = keyOf(chunk.topic, chunk.askId);
    const open = this.#ours.get(key);
    if (open?.peer !== peer)
      return this.#late.has(peer, key) ? undefined : 'chunk nobody asked for';
    const tooLarge = chunk.size > FRAME_LIMITS.answerBytesMax;
    if (!tooLarge) open.assembly ??= new Assembly(chunk.size);
    const body = tooLarge ? 'malformed' : open.assembly?.add(chunk);
    if (body === undefined) return undefined;
    this.#outbox.cancel(`${TIMER}${key}`);
    if (body === 'malformed') {
      this.#fail(key, 'malformed answer');
      return 'chunk malformed';
    }
    this.#close(key, open);
    const { askId, topic } = open;
    this.#answered({ askId, topic, nodeId: peer.nodeId }, body, '');
    return undefined;
  }

  hearQuestion(peer: Peer, { askId, topic, body }: PeerQuestion): Misdeed | undefined {
    if (askId.length !== ASK_ID_BYTES || body.length > FRAME_LIMITS.questionBytesMax)
      return 'question malformed';
    const { ms } = this.#outbox.now;
    const theirs = this.#theirs.get(peer) ?? new Map<string, Theirs>();
    this.#theirs.set(peer, theirs);
    const key = keyOf(topic, askId);
    if (theirs.has(key)) return undefined;
    for (const [old, { untilMs }] of theirs) {
      if (untilMs > ms) break;
      theirs.delete(old);
    }
    if (theirs.size >= ASK_LIMITS.openPerPeerMax) {
      this.#outbox.limited(peer, 'questions');
      return undefined;
    }
    theirs.set(key, { topic, untilMs: ms + ASK_LIMITS.answerWithinMs });
    this.#outbox.publish({ kind: 'PeerAsked', askId, topic, peer: peer.nodeId, body });
    return undefined;
  }

  answer({ askId, topic, peer: nodeId, body }: AnswerPeer): void {
    const peer = this.#members.get(nodeId);
    if (peer === undefined || !this.#theirs.get(peer)?.delete(keyOf(topic, askId))) return;
    if (body.length > FRAME_LIMITS.answerBytesMax) {
      this.#outbox.observe({ kind: 'AskFailed', peer: peer.key, failure: 'answer too large' });
      return;
    }
    for (const chunk of chunksOf(body))
      this.#outbox.send(peer, { kind: 'answer', answer: { askId, topic, ...chunk } }, true);
  }

  #fail(key: string, failure: string): void {
    const open = this.#ours.get(key);
    if (open === undefined) return;
    this.#close(key, open);
    const { askId, topic, peer } = open;
    this.#late.add(peer, key);
    this.#answered({ askId, topic, nodeId: peer.nodeId }, new Uint8Array(0), failure);
  }

  #close(key: string, { peer }: Open): void {
    this.#ours.delete(key);
    const left = (this.#oursOf.get(peer) ?? 1) - 1;
    if (left === 0) this.#oursOf.delete(peer);
    else this.#oursOf.set(peer, left);
  }

  #answered(
    ask: { readonly askId: Uint8Array; readonly topic: PeerTopic; readonly nodeId: Uint8Array },
    body: Uint8Array,
    failure: string,
  ): void {
    const { askId, topic, nodeId: peer } = ask;
    if (failure !== '') this.#outbox.observe({ kind: 'AskFailed', peer: toHex(peer), failure });
    this.#outbox.publish({ kind: 'PeerAnswered', askId, topic, peer, body, failure });
  }
}

function keyOf(topic: PeerTopic, askId: Uint8Array): string {
  return `${topic}/${toHex(askId)}`;
}
