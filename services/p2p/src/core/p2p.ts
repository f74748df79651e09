// The core of p2p: admits calls, offers them to consensus until they are final or expired, and keeps the table of what
// this node offers to its peers. Knows no artifact's meaning. Admission is a promise only to try: an admitted call lives
// in memory, and its author sends it again when it does not become final in time.
import type { Core, Effect, Input, Instant } from '@internode/actor';
import {
  contract,
  decodeIngress,
  encodeIngress,
  type Message,
  type SubmitIngress,
} from '@internode/contracts';
import { BoundedSet, toHex, unreachable } from '@internode/prelude';
import { P2P_LIMITS } from '../limits.ts';
import type { P2pEvent } from './event.ts';
import { type Admission, type Admitted, IngressStore } from './ingress-store.ts';
import { SlotTable } from './slot-table.ts';

const INGRESS = contract('Ingress', 'types', 'ingress', encodeIngress, decodeIngress);
const REQUEST_ID_BYTES = 32;
/** Reject code SYS_TRANSIENT: the author may try again (interface spec 1.14). */
const TRANSIENT = 2;

type P2pEffect = Effect<never, P2pEvent>;

export class P2pCore implements Core<never, never, P2pEvent> {
  readonly #nodeId: Uint8Array;
  readonly #store = new IngressStore();
  readonly #slots = new SlotTable();
  readonly #finalIds = new BoundedSet<string>(P2P_LIMITS.finalIdsMax, 'drop-oldest');
  #effects: P2pEffect[] = [];
  #now: Instant = { ms: 0, unixNanos: 0n };
  #timing = false;
  #height = 0;

  constructor(config: { readonly nodeId: Uint8Array }) {
    this.#nodeId = config.nodeId;
  }

  /** For tests and status. */
  view(): { readonly ingress: IngressStore; readonly slots: SlotTable } {
    return { ingress: this.#store, slots: this.#slots };
  }

  step(now: Instant, input: Input<never>): readonly P2pEffect[] {
    this.#now = now;
    this.#effects = [];
    switch (input.kind) {
      case 'started':
        this.#sayReadiness();
        break;
      case 'message':
        this.#hear(input.message);
        break;
      case 'timer':
        this.#timing = false;
        this.#forgetExpired();
        this.#offerAgain(P2P_LIMITS.offerAgainMs);
        this.#keepTime();
        break;
      case 'replayed':
      case 'solved':
        break;
      default:
        unreachable(input);
    }
    return this.#effects;
  }

  #hear(message: Message): void {
    switch (message.kind) {
      case 'SubmitIngress':
        return this.#submit(message);
      case 'BlockFinalized':
        this.#height = Math.max(this.#height, message.height);
        return this.#finish(message.ingressIds);
      case 'RequestIngress':
        return this.#offerAgain(0);
      case 'PublishArtifact': {
        const { artifactKind, id, body } = message;
        if (this.#slots.offer(artifactKind, id, body) === 'full') {
          this.#observe({ kind: 'SlotTableFull', artifact: artifactKind });
        }
        return;
      }
      case 'WithdrawArtifact':
        this.#slots.withdraw(message.artifactKind, message.id);
        return;
      case 'RequestReadiness':
        if (message.service === '' || message.service === 'p2p') this.#sayReadiness();
        return;
      default:
        return;
    }
  }

  #submit({ ingress, sender }: SubmitIngress): void {
    const { requestId, expiryNanos } = ingress;
    if (requestId.length !== REQUEST_ID_BYTES)
      return this.#refuse(requestId, 'malformed request id');
    // Final already: whoever asks again learns its status from the state.
    if (this.#finalIds.has(toHex(requestId)))
      return this.#publish({ kind: 'IngressAdmitted', requestId });
    if (expiryNanos < this.#now.unixNanos)
      return this.#refuse(requestId, 'the request has expired');
    const admission = this.#store.admit(ingress, sender, this.#now.ms);
    switch (admission) {
      case 'admitted': {
        const admitted = this.#store.get(toHex(requestId));
        if (admitted !== undefined) this.#offer(admitted);
        this.#observe({
          kind: 'IngressTaken',
          messages: this.#store.size,
          bytes: this.#store.bytes,
        });
        this.#publish({ kind: 'IngressAdmitted', requestId });
        return this.#keepTime();
      }
      case 'known':
        return this.#publish({ kind: 'IngressAdmitted', requestId });
      case 'pool is full':
      case 'author is over the quota':
      case 'too large':
        return this.#refuse(requestId, admission);
      default:
        return unreachable(admission);
    }
  }

  #refuse(
    requestId: Uint8Array,
    reason: Exclude<Admission, 'admitted' | 'known'> | (string & {}),
  ): void {
    this.#observe({ kind: 'IngressTurnedAway', reason });
    const refusal = { rejectCode: TRANSIENT, message: `Overloaded: ${reason}`, errorCode: '' };
    this.#publish({ kind: 'IngressRefused', requestId, refusal });
  }

  #finish(ids: readonly Uint8Array[]): void {
    for (const id of ids) {
      const key = toHex(id);
      this.#finalIds.add(key);
      this.#store.remove(key);
    }
    if (ids.length > 0)
      this.#observe({ kind: 'IngressFinal', messages: ids.length, waiting: this.#store.size });
  }

  #forgetExpired(): void {
    let messages = 0;
    for (const { key, ingress } of this.#store.values()) {
      if (ingress.expiryNanos >= this.#now.unixNanos) continue;
      this.#store.remove(key);
      messages += 1;
    }
    if (messages > 0) this.#observe({ kind: 'IngressExpired', messages });
  }

  /** Says again what consensus may have lost, oldest first, no more at once than it can use. */
  #offerAgain(olderThanMs: number): void {
    let messages = 0;
    let bytes = 0;
    for (const admitted of this.#store.values()) {
      if (this.#now.ms - admitted.offeredMs < olderThanMs) continue;
      if (messages >= P2P_LIMITS.offerMessagesMax || bytes >= P2P_LIMITS.offerBytesMax) break;
      messages += 1;
      bytes += admitted.bytes;
      this.#offer(admitted);
    }
    if (messages > 0) this.#observe({ kind: 'IngressOfferedAgain', messages });
  }

  #offer(admitted: Admitted): void {
    admitted.offeredMs = this.#now.ms;
    const { ingress } = admitted;
    this.#publish({
      kind: 'ArtifactReceived',
      artifactKind: 'ingress',
      id: ingress.requestId,
      body: INGRESS.encode(ingress),
      fromNode: this.#nodeId,
    });
  }

  /** A timer runs only while something waits, so that an idle node sleeps. */
  #keepTime(): void {
    if (this.#timing || this.#store.size === 0) return;
    this.#timing = true;
    this.#effects.push({ kind: 'wait', token: 'offer-again', delayMs: P2P_LIMITS.offerAgainMs });
  }

  #sayReadiness(): void {
    this.#publish({
      kind: 'Readiness',
      service: 'p2p',
      ready: true,
      height: this.#height,
      detail: '',
    });
  }

  #publish(message: Message): void {
    this.#effects.push({ kind: 'publish', message });
  }

  #observe(event: P2pEvent): void {
    this.#effects.push({ kind: 'observe', event });
  }
}
