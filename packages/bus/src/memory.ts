import type { Bus, Cancel } from '@internode/actor';
import { decodeEnvelope, encodeEnvelope } from './envelope-codec.ts';
import { type Deliver, Subscribers } from './subscribers.ts';

/** One process, one thread. Always encodes, so that nothing works by sharing an object. */
export class MemoryBus implements Bus {
  readonly #subscribers = new Subscribers();
  #waiting: Uint8Array[] = [];

  publish(envelope: Parameters<Bus['publish']>[0]): void {
    if (!this.#subscribers.has(envelope.subject)) return;
    // Microtasks suffice: a service only queues what it is told and steps in a later turn of the loop.
    if (this.#waiting.length === 0) queueMicrotask(() => this.#deliverAll());
    this.#waiting.push(encodeEnvelope(envelope));
  }

  subscribe(subject: string, deliver: Deliver): Cancel {
    return this.#subscribers.add(subject, deliver);
  }

  #deliverAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) {
      const envelope = decodeEnvelope(bytes);
      if (envelope !== undefined) this.#subscribers.deliver(envelope);
    }
  }
}
