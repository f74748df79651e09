// Answers peers that catch up: final blocks of the journal, and bodies of blocks that nobody else has. What is answered is
// durable and final, or travels anyway. Bounded in size and, per peer, in time.
import type { PeerAsked } from '@internode/contracts';
import { BoundedMap, toHex } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import {
  ANSWER,
  type ChainAnswer,
  type ChainLink,
  type ChainQuestion,
  ENTRY,
  type Ingress,
  idOfIngress,
  keyOf,
  QUESTION,
  sizeOfIngress,
} from './artifact.ts';
import type { Delivery } from './ledger.ts';
import type { Outbox } from './outbox.ts';
import type { State } from './state.ts';

type Bodies = Extract<ChainQuestion['question'], { kind: 'bodies' }>['bodies'];

export class Chronicle {
  readonly #state: State;
  readonly #outbox: Outbox;
  /** By peer: until when its questions have used up what it may ask. */
  readonly #busyUntilMs = new BoundedMap<string, number>(CONSENSUS_LIMITS.peersMax, 'drop-oldest');

  constructor(state: State, outbox: Outbox) {
    this.#state = state;
    this.#outbox = outbox;
  }

  hear({ askId, topic, peer, body }: PeerAsked): void {
    const decoded = QUESTION.decode(body);
    if (topic !== 'catch_up_range' || decoded.kind !== 'valid' || !this.#mayAsk(peer)) return;
    const { question } = decoded.value;
    const answer: ChainAnswer['answer'] =
      question.kind === 'range'
        ? { kind: 'range', range: this.#range(question.range) }
        : { kind: 'bodies', bodies: { ingress: this.#bodies(question.bodies) } };
    const bytes = ANSWER.encode({ answer });
    this.#outbox.publish({ kind: 'AnswerPeer', askId, topic, peer, body: bytes });
  }

  #mayAsk(peer: Uint8Array): boolean {
    const { answersAtOnceMax, answerAgainMs } = CONSENSUS_LIMITS;
    const nowMs = this.#state.now.ms;
    const key = toHex(peer);
    const busyUntilMs = Math.max(nowMs, this.#busyUntilMs.get(key) ?? nowMs) + answerAgainMs;
    if (busyUntilMs > nowMs + answersAtOnceMax * answerAgainMs) return false;
    this.#busyUntilMs.set(key, busyUntilMs);
    return true;
  }

  #range({ fromHeight, toHeight }: { fromHeight: number; toHeight: number }) {
    const { ledger } = this.#state;
    const { answerBytesMax, rangeHeightsMax } = CONSENSUS_LIMITS;
    const oldestHeight = ledger.figures.base + 1;
    const newestHeight = ledger.durable;
    const links: ChainLink[] = [];
    let bytes = 0;
    for (
      let height = fromHeight;
      height <= toHeight && links.length < rangeHeightsMax;
      height += 1
    ) {
      const delivery = height <= newestHeight ? ledger.delivery(height) : undefined;
      if (delivery === undefined) break;
      const link = linkOf(delivery);
      if (link === undefined) break;
      bytes += isSmall(delivery) ? delivery.entry.length : WITHOUT_BODIES_BYTES;
      if (bytes > answerBytesMax && links.length > 0) break;
      links.push(link);
    }
    return { links, oldestHeight, newestHeight, ...this.#recollection() };
  }

  /** For a peer that has lost its vote log: how far anything that this node has signed may reach. */
  #recollection() {
    const { pool, lock, epochs } = this.#state;
    const { own } = pool.at(1) ?? {};
    const signed = own !== undefined && (own.proposal !== undefined || own.notarizations.size > 0);
    const seenHeight = pool.notarized > 0 || signed ? pool.notarized + 1 : 0;
    return { seenHeight, remembers: lock.isKnown && epochs.at(pool.notarized) !== undefined };
  }

  #bodies({ height, blockHash, ingressIds }: Bodies): readonly Ingress[] {
    const key = keyOf(blockHash);
    const proposal =
      this.#state.pool.block(height, key)?.proposal ??
      this.#state.ledger.delivery(height)?.record.proposal;
    const wanted = new Set(ingressIds.slice(0, CONSENSUS_LIMITS.payloadMessagesMax).map(keyOf));
    const found: Ingress[] = [];
    let bytes = 0;
    for (const ingress of proposal?.payload.ingress ?? []) {
      if (!wanted.has(keyOf(idOfIngress(ingress)))) continue;
      bytes += sizeOfIngress(ingress);
      if (bytes > CONSENSUS_LIMITS.answerBytesMax && found.length > 0) break;
      found.push(ingress);
    }
    return found;
  }
}

/** What the ids of a full block, and two certificates of forty members, take. */
const WITHOUT_BODIES_BYTES = 64 * 1024;

/** Larger blocks go without their bodies, which are asked for by themselves. */
function isSmall({ entry }: Delivery): boolean {
  return entry.length <= CONSENSUS_LIMITS.answerBytesMax / 2;
}

function linkOf(delivery: Delivery): ChainLink | undefined {
  const { entry, record } = delivery;
  const decoded = ENTRY.decode(entry);
  if (decoded.kind !== 'valid' || decoded.value.fact.kind !== 'finalized') return undefined;
  const { notarization, finalization, beacon, tape } = decoded.value.fact.finalized;
  const { stripped, proposal } = record;
  if (notarization === undefined || stripped === undefined) return undefined;
  const ingress = isSmall(delivery) ? (proposal?.payload.ingress ?? []) : [];
  return { proposal: stripped, ingress, notarization, finalization, beacon, tape };
}
