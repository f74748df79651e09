import type { Bus, Cancel, Envelope } from '@internode/actor';
import { type Deliver, Subscribers } from './subscribers.ts';

/**
 * One process, one thread. Bodies are encoded messages and are copied, so that nothing works by sharing an object; the
 * other fields are text, which nobody can change.
 */
export class MemoryBus implements Bus {
  readonly #subscribers = new Subscribers();
  #waiting: Envelope[] = [];

  publish({ id, cause, sender, subject, traceparent, body }: Envelope): void {
    if (!this.#subscribers.has(subject)) return;
    // Microtasks suffice: a service only queues what it is told and steps in a later turn of the loop.
    if (this.#waiting.length === 0) queueMicrotask(() => this.#deliverAll());
    this.#waiting.push({ id, cause, sender, subject, traceparent, body: new Uint8Array(body) });
  }

  subscribe(subject: string, deliver: Deliver): Cancel {
    return this.#subscribers.add(subject, deliver);
  }

  #deliverAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const envelope of waiting) this.#subscribers.deliver(envelope);
  }
}
