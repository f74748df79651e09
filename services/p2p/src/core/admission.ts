// Calls of this node's own users: admitted, said to consensus and offered to peers until they are final or expired. Admission
// is a promise only to try: an admitted call lives in memory, and its author sends it again when it does not become final in time.
import { contract, decodeIngress, encodeIngress, type SubmitIngress } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { BoundedSet, toKey, unreachable } from '@internode/prelude';
import { P2P_LIMITS } from '../limits.ts';
import { type Admitted, type Admission as Admitting, IngressStore } from './ingress-store.ts';
import { type Artifact, nameOf } from './name.ts';
import type { Outbox } from './outbox.ts';
import type { Outgoing } from './outgoing.ts';
import { Recent } from './recent.ts';

const INGRESS = contract('Ingress', 'types', 'ingress', encodeIngress, decodeIngress);
const REQUEST_ID_BYTES = 32;
/** Reject code SYS_TRANSIENT: the author may try again (interface spec 1.14). */
const TRANSIENT = 2;

export class Admission {
  readonly #nodeId: Uint8Array;
  readonly #outbox: Outbox;
  readonly #outgoing: Outgoing;
  /** False while there is nobody to offer to. */
  readonly #hasPeers: () => boolean;
  readonly store = new IngressStore();
  readonly recent = new Recent();
  readonly #finalIds = new BoundedSet<string>(P2P_LIMITS.finalIdsMax, 'drop-oldest');
  /** Admitted and in no slot yet, because those for calls are taken. */
  readonly #unoffered = new Set<Admitted>();

  constructor(desk: {
    readonly nodeId: Uint8Array;
    readonly outbox: Outbox;
    readonly outgoing: Outgoing;
    readonly hasPeers: () => boolean;
  }) {
    this.#nodeId = desk.nodeId;
    this.#outbox = desk.outbox;
    this.#outgoing = desk.outgoing;
    this.#hasPeers = desk.hasPeers;
  }

  submit({ ingress, sender }: SubmitIngress): void {
    const { requestId, expiryNanos } = ingress;
    if (requestId.length !== REQUEST_ID_BYTES)
      return this.#refuse(requestId, 'malformed request id');
    // Final already: whoever asks again learns its status from the state.
    if (this.#finalIds.has(toKey(requestId)))
      return this.#outbox.publish({ kind: 'IngressAdmitted', requestId });
    const { now } = this.#outbox;
    if (expiryNanos < now.unixNanos) return this.#refuse(requestId, 'the request has expired');
    const encode = (): Artifact => {
      const body = INGRESS.encode(ingress);
      return { artifactKind: 'ingress', id: sha256(body), body };
    };
    const admission = this.store.admit({ ingress, sender }, now.ms, encode);
    switch (admission) {
      case 'admitted': {
        const admitted = this.store.get(toKey(requestId));
        if (admitted !== undefined) this.#take(admitted);
        return this.#outbox.publish({ kind: 'IngressAdmitted', requestId });
      }
      case 'known':
        return this.#outbox.publish({ kind: 'IngressAdmitted', requestId });
      case 'pool is full':
      case 'author is over the quota':
      case 'too large':
        return this.#refuse(requestId, admission);
      default:
        return unreachable(admission);
    }
  }

  finish(ids: readonly Uint8Array[]): void {
    for (const id of ids) {
      const key = toKey(id);
      this.#finalIds.add(key);
      const admitted = this.#remove(key);
      if (admitted !== undefined && this.#hasPeers()) {
        const { artifact } = admitted;
        this.recent.put(nameOf('ingress', artifact.id), artifact);
      }
    }
    this.#offerMore();
    if (ids.length > 0)
      this.#outbox.observe({
        kind: 'IngressFinal',
        messages: ids.length,
        waiting: this.store.size,
      });
  }

  timer(): void {
    this.#forgetExpired();
    this.#offerMore();
    this.sayAgain(P2P_LIMITS.offerAgainMs);
    this.#keepTime();
  }

  /** There are peers now: they have not heard of what was admitted before. */
  offerAll(): void {
    for (const admitted of this.store.values()) this.#offer(admitted);
  }

  /** Says again what consensus may have lost, oldest first, no more at once than it can use. */
  sayAgain(olderThanMs: number): void {
    const { ms } = this.#outbox.now;
    let messages = 0;
    let bytes = 0;
    for (const admitted of this.store.values()) {
      if (ms - admitted.saidMs < olderThanMs) continue;
      if (messages >= P2P_LIMITS.offerMessagesMax || bytes >= P2P_LIMITS.offerBytesMax) break;
      messages += 1;
      bytes += admitted.bytes;
      this.say(admitted);
    }
    if (messages > 0) this.#outbox.observe({ kind: 'IngressOfferedAgain', messages });
  }

  say(admitted: Admitted): void {
    admitted.saidMs = this.#outbox.now.ms;
    const { id, body } = admitted.artifact;
    this.#outbox.publish({ kind: 'IngressReceived', id, body, fromNode: this.#nodeId });
  }

  #take(admitted: Admitted): void {
    this.say(admitted);
    this.#offer(admitted);
    const { size: messages, bytes } = this.store;
    this.#outbox.observe({ kind: 'IngressTaken', messages, bytes });
    this.#keepTime();
  }

  #offer(admitted: Admitted): void {
    if (!this.#hasPeers()) return;
    if (!this.#outgoing.offer(admitted.artifact)) this.#unoffered.add(admitted);
  }

  /** Slots may have become free. */
  #offerMore(): void {
    for (const admitted of this.#unoffered) {
      if (!this.#outgoing.offer(admitted.artifact)) return;
      this.#unoffered.delete(admitted);
    }
  }

  #refuse(
    requestId: Uint8Array,
    reason: Exclude<Admitting, 'admitted' | 'known'> | (string & {}),
  ): void {
    this.#outbox.observe({ kind: 'IngressTurnedAway', reason });
    const refusal = { rejectCode: TRANSIENT, message: `Overloaded: ${reason}`, errorCode: '' };
    this.#outbox.publish({ kind: 'IngressRefused', requestId, refusal });
  }

  #remove(key: string): Admitted | undefined {
    const admitted = this.store.remove(key);
    if (admitted === undefined) return undefined;
    this.#unoffered.delete(admitted);
    this.#outgoing.withdraw('ingress', admitted.artifact.id);
    return admitted;
  }

  #forgetExpired(): void {
    let messages = 0;
    for (const { key, expiryNanos } of this.store.values()) {
      if (expiryNanos >= this.#outbox.now.unixNanos) continue;
      this.#remove(key);
      messages += 1;
    }
    if (messages > 0) this.#outbox.observe({ kind: 'IngressExpired', messages });
  }

  /** A timer runs only while something waits, so that an idle node sleeps. */
  #keepTime(): void {
    if (this.store.size > 0) this.#outbox.startTimer('offer-again', P2P_LIMITS.offerAgainMs);
  }
}
