// Catches up with peers that are ahead: asks for final blocks, one range at a time, and for bodies that no advert leads to. What
// comes goes the way of all artifacts and is judged like them; beacons and tapes go to the own beacon, which checks them.
import type { AskPeer, Message, PeerAnswered } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { concatBytes, toHex, utf8 } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import {
  ANSWER,
  type ChainAnswer,
  type ChainLink,
  type ChainQuestion,
  idOfIngress,
  keyOf,
  QUESTION,
} from './artifact.ts';
import type { Gathered } from './gathering.ts';
import type { IngressDesk } from './ingress-desk.ts';
import { artifactOfCertificate, artifactOfProposal, completed, faultOfIngress } from './intake.ts';
import type { Outbox } from './outbox.ts';
import { type Peer, Peers } from './peers.ts';
import type { State } from './state.ts';
import { Values } from './values.ts';
import type { Artifact } from './view.ts';

const ASK_ID_BYTES = 16;
const NEVER = Number.POSITIVE_INFINITY;

interface Ask {
  readonly peer: Peer;
  readonly untilMs: number;
  readonly for: 'range' | 'heights' | { readonly block: string };
}

export class Chase {
  readonly #state: State;
  readonly #outbox: Outbox;
  readonly #nodeId: Uint8Array;
  readonly #desk: IngressDesk;
  readonly #values: Values;
  readonly peers = new Peers();
  readonly #asks = new Map<string, Ask>();
  /** When bodies of a block may be asked for again. */
  readonly #bodiesAtMs = new Map<string, number>();
  #heightsMs = Number.NEGATIVE_INFINITY;
  #pool: State['pool'];
  #count = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #progress = { finalized: 0, notarized: 0, delivered: 0, ms: Number.NEGATIVE_INFINITY };
  /** Answers in a row that moved nothing. */
  #idle = 0;

  constructor(world: {
    readonly state: State;
    readonly outbox: Outbox;
    readonly nodeId: Uint8Array;
    readonly desk: IngressDesk;
  }) {
    this.#state = world.state;
    this.#pool = world.state.pool;
    this.#outbox = world.outbox;
    this.#nodeId = world.nodeId;
    this.#desk = world.desk;

    this.#values = new Values(world.state, world.outbox);
  }

  /** Does what is due; answers when to look again. */
  drive(): number {
    if (this.#state.epochs.alone) return NEVER;
    if (this.#pool !== this.#state.pool) this.#begin();
    this.#expire();
    const heightsMs = this.#askHeights();
    const rangeMs = this.#askRange();
    const bodiesMs = this.#askBodies();
    const valuesMs = this.#values.relay((peer) => this.#avoid(peer));
    const asksMs = [...this.#asks.values()].map(({ untilMs }) => untilMs);
    return Math.min(heightsMs, rangeMs, bodiesMs, valuesMs, ...asksMs);
  }

  /** The chain goes on from a package: what was asked for is of no use, and who did not have it may have what follows. */
  #begin(): void {
    this.#pool = this.#state.pool;
    this.#asks.clear();
    this.peers.wake();
    this.#idle = 0;
  }

  hear({ askId, topic, peer, body, failure }: PeerAnswered): void {
    const key = toHex(askId);
    const ask = this.#asks.get(key);
    if (topic !== 'catch_up_range' || ask === undefined || ask.peer.key !== toHex(peer)) return;
    this.#asks.delete(key);
    if (failure !== '') return this.#rest(ask.peer, CONSENSUS_LIMITS.peerSilentMs);
    const decoded = ANSWER.decode(body);
    if (decoded.kind !== 'valid') return this.#lied(ask.peer.key);
    const { answer } = decoded.value;
    if (answer.kind === 'bodies') return this.#takeBodies(ask, answer.bodies.ingress);
    const { seenHeight: seen, remembers } = answer.range;
    this.#state.lock.hear(ask.peer.key, { seen, remembers });
    if (ask.for === 'range') this.#takeRange(ask.peer, answer.range);
  }

  #takeRange(peer: Peer, { links, oldestHeight, newestHeight }: RangeAnswer): void {
    this.peers.says(peer.key, { oldest: oldestHeight, newest: newestHeight });
    const { finalized, notarized } = this.#state.pool;
    const heights = links.map(({ proposal }) => proposal.block.height);
    const ascending = heights.every((height, i) => i === 0 || height === (heights[i - 1] ?? 0) + 1);
    const asked = heights[0] === undefined || heights[0] <= notarized + 1;
    if (!ascending || !asked || links.length > CONSENSUS_LIMITS.rangeHeightsMax)
      return this.#lied(peer.key);
    for (const link of links) {
      const { height } = link.proposal.block;
      this.#values.offer(peer.nodeId, { height, beacon: link.beacon, tape: link.tape });
      if (height <= finalized) continue;
      if (!this.#takeLink(peer, link)) return this.#lied(peer.key);
    }
    if (links.length === 0) this.#rest(peer, CONSENSUS_LIMITS.peerSilentMs);
  }

  /** False when no honest node says this. */
  #takeLink(peer: Peer, link: ChainLink): boolean {
    const { epochs } = this.#state;
    const proposal = artifactOfProposal(epochs, link.proposal);
    const notarization = artifactOfCertificate(epochs, 'notarization', link.notarization);
    // Its epoch is known when the summary before it is final: it is asked for again then.
    if (proposal.kind === 'undecided' || notarization.kind === 'undecided') return true;
    if (proposal.kind === 'invalid' || notarization.kind === 'invalid') return false;
    if (proposal.value.kind !== 'artifact' || notarization.value.kind !== 'artifact') return false;
    const whole = withBodies(proposal.value.artifact, link);
    if (whole === undefined) return false;
    // Finality first: no vote is wasted on what is final.
    if (link.finalization !== undefined) {
      const finalization = artifactOfCertificate(epochs, 'finalization', link.finalization);
      if (finalization.kind !== 'valid' || finalization.value.kind !== 'artifact') return false;
      this.#add(peer, finalization.value.artifact);
    }
    this.#add(peer, notarization.value.artifact);
    this.#add(peer, whole);
    return true;
  }

  #add(peer: Peer, artifact: Artifact): void {
    const { section } = this.#state;
    const name = artifact.kind === 'block_proposal' ? artifact.record.key : nameOf(artifact);
    const id = `range/${peer.key}/${name}`;
    if (section.isSettled(id)) return;
    const { record } = artifact.kind === 'block_proposal' ? artifact : { record: undefined };
    const bytes = record?.proposal?.payload.ingress.reduce(
      (n, { envelope }) => n + envelope.length,
      0,
    );
    section.add({ id, artifact, peer: peer.key, bytes: 1_000 + (bytes ?? 0) });
  }

  #takeBodies(ask: Ask, ingress: BodiesAnswer): void {
    for (const message of ingress) {
      if (faultOfIngress(message) !== undefined) return this.#lied(ask.peer.key);
      this.#desk.hearFromPeer(message, ask.peer.key, idOfIngress(message));
    }
    if (ingress.length === 0) this.#rest(ask.peer, CONSENSUS_LIMITS.peerSilentMs);
    // The next slice at once.
    else if (typeof ask.for === 'object') this.#bodiesAtMs.delete(ask.for.block);
  }

  #askRange(): number {
    const { pool, now, delivered, tip } = this.#state;
    const { finalized } = pool;
    this.#noteProgress();
    const highest = this.peers.highest();
    // Final here, but its tape is missing: peers' beacons may have forgotten it, their blocks hold it.
    const lacksTape = delivered < finalized && !this.#state.tapes.has(delivered + 1);
    if (highest <= finalized && !lacksTape) return NEVER;
    if (delivered - tip.height >= CONSENSUS_LIMITS.executionLagMax) return NEVER;
    if ([...this.#asks.values()].some((ask) => ask.for === 'range')) return NEVER;
    const far = highest > pool.notarized + CONSENSUS_LIMITS.lookAhead && !this.#rangeUnderWay();
    const { stalledMs, askAgainMs } = CONSENSUS_LIMITS;
    const atMs = far
      ? this.#askedMs + (this.#idle === 0 ? 0 : askAgainMs)
      : Math.max(this.#progress.ms, this.#askedMs) + stalledMs;
    if (now.ms < atMs) return atMs;
    const from = this.#rangeFrom(highest, lacksTape);
    // One more, for the beacon that the next one is signed over.
    const fromHeight = Math.max(1, from - 1);
    const peer = this.#whoHas(from, lacksTape);
    if (peer === undefined) return now.ms + CONSENSUS_LIMITS.peerSilentMs;
    this.#askedMs = now.ms;
    this.#idle += 1;
    const range = { fromHeight, toHeight: fromHeight + CONSENSUS_LIMITS.rangeHeightsMax - 1 };
    this.#ask(peer, { question: { kind: 'range', range } }, 'range');
    return NEVER;
  }

  #noteProgress(): void {
    const { pool, now, delivered } = this.#state;
    const { finalized, notarized } = pool;
    const before = this.#progress;
    const moved =
      finalized > before.finalized || notarized > before.notarized || delivered > before.delivered;
    if (!moved) return;
    this.#progress = { finalized, notarized, delivered, ms: now.ms };
    this.#idle = 0;
  }

  #rangeFrom(highest: number, lacksTape: boolean): number {
    const { pool, delivered } = this.#state;
    const { finalized, notarized } = pool;
    if (lacksTape && (highest <= finalized || this.#idle % 3 === 2)) return delivered + 1;
    // A chunk without a finalisation leads no further by itself: the next one follows what it notarised.
    return (this.#idle % 2 === 0 ? finalized : notarized) + 1;
  }

  #whoHas(height: number, lacksTape: boolean): Peer | undefined {
    const { epochs, pool, now } = this.#state;
    if (!lacksTape) return this.peers.next(height, now.ms);
    // Any member may: what is final here may be so there without having been shown.
    const members = epochs.at(pool.notarized)?.subnet;
    for (const [index, { nodeId }] of members?.members.entries() ?? [])
      if (index !== members?.self) this.peers.get(nodeId);
    return this.peers.next(height, now.ms, 0);
  }

  /** What the last answer brought is still being judged. */
  #rangeUnderWay(): boolean {
    const { unvalidated, now } = this.#state;
    if (now.ms >= this.#progress.ms + CONSENSUS_LIMITS.stalledMs) return false;
    for (const id of unvalidated.keys()) if (id.startsWith('range/')) return true;
    return false;
  }

  #askBodies(): number {
    const { gathering, now } = this.#state;
    let wakeMs = NEVER;
    for (const id of this.#bodiesAtMs.keys())
      if (gathering.get(id) === undefined) this.#bodiesAtMs.delete(id);
    for (const gathered of gathering.all.values()) {
      const { id, missing, asks } = gathered;
      if (missing.size === 0 || asks < CONSENSUS_LIMITS.bodyAsksBeforeQuestion) continue;
      if (this.#isAskedFor(id)) continue;
      const atMs = this.#bodiesAtMs.get(id) ?? now.ms;
      if (now.ms < atMs) wakeMs = Math.min(wakeMs, atMs);
      else this.#askBodiesOf(gathered);
    }
    return wakeMs;
  }

  /** The peer that brought the block, and its maker, in turn. */
  #askBodiesOf({ id, missing, record, asks }: Gathered): void {
    const { unvalidated, now } = this.#state;
    const { maker } = record.stripped ?? {};
    const bearer = this.peers.byKey(unvalidated.get(id)?.peer)?.nodeId;
    const asked = asks % 2 === 0 ? (bearer ?? maker) : maker;
    this.#bodiesAtMs.set(id, now.ms + CONSENSUS_LIMITS.peerSilentMs);
    if (asked === undefined || toHex(asked) === toHex(this.#nodeId)) return;
    const ingressIds = [...missing.values()];
    const bodies = { height: record.block.height, blockHash: record.hash, ingressIds };
    this.#ask(this.peers.get(asked), { question: { kind: 'bodies', bodies } }, { block: id });
  }

  #isAskedFor(block: string): boolean {
    return [...this.#asks.values()].some(
      (ask) => typeof ask.for === 'object' && ask.for.block === block,
    );
  }

  /** How far the others have been, while this node does not know what it has signed. */
  #askHeights(): number {
    const { lock, epochs, pool, now } = this.#state;
    const members = epochs.at(pool.notarized)?.subnet;
    if (lock.isKnown || members === undefined) return NEVER;
    const atMs = this.#heightsMs + CONSENSUS_LIMITS.askAgainMs;
    if (now.ms < atMs) return atMs;
    this.#heightsMs = now.ms;
    const range = { fromHeight: 1, toHeight: 0 };
    for (const index of lock.unanswered(members)) {
      const peer = this.peers.get(members.member(index).nodeId);
      const open = [...this.#asks.values()].some(
        (ask) => ask.for === 'heights' && ask.peer === peer,
      );
      if (!open) this.#ask(peer, { question: { kind: 'range', range } }, 'heights');
    }
    return now.ms + CONSENSUS_LIMITS.askAgainMs;
  }

  #ask(peer: Peer, question: ChainQuestion, purpose: Ask['for']): void {
    const { now } = this.#state;
    const { answerTimeoutMs: timeoutMs } = CONSENSUS_LIMITS;
    this.#count += 1;
    const seed = concatBytes(this.#nodeId, utf8(`${now.unixNanos} ${this.#count}`));
    const askId = sha256(seed).slice(0, ASK_ID_BYTES);
    if (purpose === 'range') peer.askedMs = now.ms;
    // p2p says so itself when no answer comes; its word may be lost.
    this.#asks.set(toHex(askId), { peer, untilMs: now.ms + 2 * timeoutMs, for: purpose });
    const message: AskPeer & Message = {
      kind: 'AskPeer',
      askId,
      topic: 'catch_up_range',
      peer: peer.nodeId,
      body: QUESTION.encode(question),
      timeoutMs,
    };
    this.#outbox.publish(message);
  }

  #expire(): void {
    for (const [key, ask] of this.#asks) {
      if (this.#state.now.ms < ask.untilMs) continue;
      this.#asks.delete(key);
      this.#rest(ask.peer, CONSENSUS_LIMITS.peerSilentMs);
    }
  }

  #rest(peer: Peer, forMs: number): void {
    this.peers.rest(peer.key, this.#state.now.ms + forMs);
  }

  /** What it gave was of no use, which proves nothing against it. */
  #avoid(peer: string): void {
    this.peers.rest(peer, this.#state.now.ms + CONSENSUS_LIMITS.peerLiedMs);
  }

  #lied(peer: string): void {
    this.#avoid(peer);
    const reason = 'no honest node says this';
    this.#outbox.observe({ kind: 'ArtifactRejected', artifact: 'catch_up_range', peer, reason });
  }
}

type RangeAnswer = Extract<ChainAnswer['answer'], { kind: 'range' }>['range'];
type BodiesAnswer = Extract<ChainAnswer['answer'], { kind: 'bodies' }>['bodies']['ingress'];

/** With the bodies of the link, when it has them; undefined when they are not those that the block names. */
function withBodies(artifact: Artifact, { proposal, ingress }: ChainLink): Artifact | undefined {
  const { ingressIds, ...rest } = proposal.payload;
  if (artifact.kind !== 'block_proposal') return undefined;
  if (ingress.length === 0 && ingressIds.length > 0) return artifact;
  if (ingress.length !== ingressIds.length) return undefined;
  const named = ingress.every(
    (message, i) => keyOf(idOfIngress(message)) === keyOf(ingressIds[i] as Uint8Array),
  );
  if (!named || ingress.some((message) => faultOfIngress(message) !== undefined)) return undefined;
  const record = completed(artifact.record, { ...proposal, payload: { ...rest, ingress } });
  return { ...artifact, record };
}

function nameOf(artifact: Artifact): string {
  if (artifact.kind !== 'certificate') return artifact.kind;
  return `${artifact.purpose}/${artifact.height}/${artifact.key}`;
}
