import type { Bus, Cancel, Envelope } from '@internode/actor';
import { type Deliver, Subscribers } from './subscribers.ts';

export interface MemoryBusOptions {
  /**
   * False when everybody publishes bytes that were made for it and are never touched again, as `Voice` does: the only subscriber
   * of a subject then hears these. A copy costs more than encoding the message did.
   */
  readonly copies?: boolean;
}

/**
 * One process, one thread. Bodies are encoded messages and are copied, so that nothing works by sharing an object; the
 * other fields are text, which nobody can change.
 */
export class MemoryBus implements Bus {
  readonly #copies: boolean;
  readonly #subscribers = new Subscribers();
  #waiting: Envelope[] = [];

  constructor({ copies = true }: MemoryBusOptions = {}) {
    this.#copies = copies;
  }

  publish(envelope: Envelope): void {
    if (!this.#subscribers.has(envelope.subject)) return;
    // Microtasks suffice: a service only queues what it is told and steps in a later turn of the loop.
    if (this.#waiting.length === 0) queueMicrotask(() => this.#deliverAll());
    this.#waiting.push(this.#copies ? copied(envelope) : envelope);
  }

  subscribe(subject: string, deliver: Deliver, group?: string): Cancel {
    return this.#subscribers.add(subject, { deliver, group });
  }

  #deliverAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const envelope of waiting) this.#subscribers.deliver(envelope);
  }
}

function copied({ id, cause, sender, subject, traceparent, body }: Envelope): Envelope {
  return { id, cause, sender, subject, traceparent, body: new Uint8Array(body) };
}
