import type { Bus, Cancel, Envelope } from '@internode/actor';
import { type Deliver, Subscribers } from './subscribers.ts';

export interface MemoryBusOptions {
  /**
   * True: messages are heard as they were said, by all who hear them, and what is encoded all the same (large ones) by the only
   * subscriber of a subject. For a host whose services speak by `Voice`: those never touch again what they have said or heard, as
   * `sim/test/handed-over.ts` checks.
   */
  readonly handsOver?: boolean;
}

/**
 * One process, one thread. Bodies are encoded messages and are copied, so that nothing works by sharing an object; the
 * other fields are text, which nobody can change.
 */
export class MemoryBus implements Bus {
  readonly handsOver: boolean;
  readonly #subscribers = new Subscribers();
  #waiting: Envelope[] = [];

  constructor({ handsOver = false }: MemoryBusOptions = {}) {
    this.handsOver = handsOver;
  }

  publish(envelope: Envelope): void {
    if (!this.#subscribers.has(envelope.subject)) return;
    // Microtasks suffice: a service only queues what it is told and steps in a later turn of the loop.
    if (this.#waiting.length === 0) queueMicrotask(() => this.#deliverAll());
    this.#waiting.push(this.handsOver ? envelope : copied(envelope));
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
