// The door for ingress. What the own gateway admitted is verified already; what peers bring is verified before it enters
// the pool or counts as present for a block. Bodies of a block that a quorum has notarised need only fit their ids.
import type { IngressReceived } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { bytesEqual, toHex } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { INGRESS, type Ingress, keyOf } from './artifact.ts';
import { Inspector, type Unproven } from './inspector.ts';
import { faultOfIngress } from './intake.ts';
import type { Outbox } from './outbox.ts';
import type { Repeater } from './repeater.ts';
import type { State } from './state.ts';
import type { ConsensusAnswer } from './task.ts';

const PREFIX = 'ingress/';

export class IngressDesk {
  readonly #state: State;
  readonly #outbox: Outbox;
  readonly #repeater: Repeater;
  readonly #nodeId: Uint8Array;
  readonly #inspector = new Inspector();
  #batches = 0;

  constructor(world: {
    readonly state: State;
    readonly outbox: Outbox;
    readonly repeater: Repeater;
    readonly nodeId: Uint8Array;
  }) {
    this.#state = world.state;
    this.#outbox = world.outbox;
    this.#repeater = world.repeater;
    this.#nodeId = world.nodeId;
  }

  hear(message: IngressReceived): void {
    const own = bytesEqual(message.fromNode, this.#nodeId);
    const peer = toHex(message.fromNode);
    const decoded = INGRESS.decode(message.body);
    const fault = decoded.kind === 'valid' ? faultOfIngress(decoded.value) : decoded.reason;
    if (decoded.kind !== 'valid' || fault !== undefined) return this.#reject(peer, fault ?? '');
    const ingress = decoded.value;
    const id = sha256(message.body);
    if (own) return this.#hearOwn(ingress, id);
    // One message, one encoding: else p2p and blocks would know it by different ids.
    if (!bytesEqual(INGRESS.encode(ingress), message.body)) return this.#reject(peer, 'encoding');
    this.hearFromPeer(ingress, peer, id);
  }

  hearFromPeer(ingress: Ingress, peer: string, id: Uint8Array): void {
    const { ingress: pool, gathering } = this.#state;
    const idKey = keyOf(id);
    const wanting = gathering.wanting(idKey);
    if (wanting.some(({ record }) => this.#isNotarized(record.block.height, record.key)))
      gathering.arrived(idKey, ingress);
    const wanted = wanting.length > 0;
    if (pool.get(idKey) !== undefined) return;
    if (!wanted && !this.#isOfUse(ingress)) return;
    const item = { id, idKey, ingress, peer };
    const known = this.#inspector.verdict(idKey);
    if (known === 'bad') return;
    if (known !== undefined) return this.#believe(item, known.author);
    if (!this.#inspector.add(item, wanted))
      this.#outbox.observe({ kind: 'IngressDropped', reason: 'too much unproven' });
    this.#inspect();
  }

  /** Whether this was the answer to a task of this desk. */
  solved(id: string, answer: ConsensusAnswer): boolean {
    if (!id.startsWith(PREFIX) || answer.kind !== 'authenticated') return false;
    const authors = answer.authors.map((author) => author && toHex(author));
    for (const [item, verdict] of this.#inspector.done(authors)) {
      if (verdict === 'bad') this.#reject(item.peer, 'not signed by its sender');
      else this.#believe(item, verdict.author);
    }
    this.#inspect();
    return true;
  }

  #hearOwn(ingress: Ingress, id: Uint8Array): void {
    const { ingress: pool, gathering } = this.#state;
    const final = pool.finalHeight(keyOf(ingress.requestId));
    if (final !== undefined) return this.#repeater.finalized(final);
    gathering.arrived(keyOf(id), ingress);
    const offered = pool.offer(ingress, undefined, id);
    if (offered !== 'held') this.#outbox.observe({ kind: 'IngressDropped', reason: offered });
  }

  #believe({ ingress, peer, id, idKey }: Unproven, author: string): void {
    const { ingress: pool, gathering } = this.#state;
    gathering.arrived(idKey, ingress);
    if (!this.#isOfUse(ingress)) return;
    const offered = pool.offer(ingress, { author, peer }, id);
    if (offered !== 'held') this.#outbox.observe({ kind: 'IngressDropped', reason: offered });
  }

  #isOfUse({ requestId, expiryNanos }: Ingress): boolean {
    const { ingress, now } = this.#state;
    if (ingress.finalHeight(keyOf(requestId)) !== undefined) return false;
    const latest = now.unixNanos + 2n * CONSENSUS_LIMITS.ingressAheadNanos;
    return expiryNanos >= now.unixNanos && expiryNanos <= latest;
  }

  #isNotarized(height: number, key: string): boolean {
    return this.#state.pool.at(height)?.certificates.notarization.has(key) === true;
  }

  #inspect(): void {
    const batch = this.#inspector.next();
    if (batch === undefined) return;
    const id = `${PREFIX}${this.#batches}`;
    this.#batches += 1;
    const messages = batch.map(({ ingress }) => ingress);
    this.#outbox.add({ kind: 'solve', id, task: { kind: 'authenticate', messages } });
  }

  #reject(peer: string, reason: string): void {
    this.#outbox.observe({ kind: 'ArtifactRejected', artifact: 'ingress', peer, reason });
  }
}
