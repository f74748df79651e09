// Threads of one process: each has a port to a hub, bodies are transferred.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Bus, Cancel, Envelope } from '@internode/actor';
import { decodeEnvelope, encodeEnvelope } from './envelope-codec.ts';
import { type Deliver, Subscribers } from './subscribers.ts';

type ToHub =
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly subject: string }
  | { readonly kind: 'publish'; readonly subject: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'sync' };

type FromHub =
  | { readonly kind: 'deliver'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'synced' };

/** Passes messages between the ports it gave out. Lives in any thread, mostly the main one. */
export class WorkerBusHub {
  readonly #bySubject = new Map<string, Set<MessagePort>>();
  readonly #ports = new Set<MessagePort>();

  /** The other end of a new port: give it to a `WorkerBus`, in this thread or (transferred) in another. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#ports.add(port1);
    port1.on('message', (message: ToHub) => this.#hear(port1, message));
    port1.on('close', () => this.#forget(port1));
    port1.unref();
    return port2;
  }

  close(): void {
    for (const port of this.#ports) port.close();
  }

  #hear(port: MessagePort, message: ToHub): void {
    switch (message.kind) {
      case 'subscribe': {
        const ports = this.#bySubject.get(message.subject) ?? new Set();
        this.#bySubject.set(message.subject, ports.add(port));
        return;
      }
      case 'unsubscribe':
        this.#bySubject.get(message.subject)?.delete(port);
        return;
      case 'publish':
        return this.#pass(message.subject, message.bytes);
      case 'sync':
        return port.postMessage({ kind: 'synced' } satisfies FromHub);
    }
  }

  #pass(subject: string, bytes: Uint8Array<ArrayBuffer>): void {
    const ports = this.#bySubject.get(subject);
    let left = ports?.size ?? 0;
    for (const port of ports ?? []) {
      left -= 1;
      const own = left === 0 ? bytes : bytes.slice();
      port.postMessage({ kind: 'deliver', bytes: own } satisfies FromHub, [own.buffer]);
    }
  }

  #forget(port: MessagePort): void {
    this.#ports.delete(port);
    for (const ports of this.#bySubject.values()) ports.delete(port);
  }
}

export class WorkerBus implements Bus {
  readonly #port: MessagePort;
  readonly #subscribers = new Subscribers();
  readonly #syncs: (() => void)[] = [];

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (message: FromHub) => {
      if (message.kind === 'synced') return this.#syncs.shift()?.();
      const envelope = decodeEnvelope(message.bytes);
      if (envelope !== undefined) this.#subscribers.deliver(envelope);
    });
  }

  publish(envelope: Envelope): void {
    const bytes = encodeEnvelope(envelope);
    this.#send({ kind: 'publish', subject: envelope.subject, bytes }, [bytes.buffer]);
  }

  subscribe(subject: string, deliver: Deliver): Cancel {
    return this.#subscribers.add(
      subject,
      deliver,
      () => this.#send({ kind: 'subscribe', subject }),
      () => this.#send({ kind: 'unsubscribe', subject }),
    );
  }

  /** Once settled, the hub knows every subscription made so far. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#syncs.push(resolve);
      this.#send({ kind: 'sync' });
    });
  }

  close(): void {
    this.#subscribers.clear();
    this.#port.close();
  }

  #send(message: ToHub, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
