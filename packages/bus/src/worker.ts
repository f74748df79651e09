// Threads of one process: each has a port to a hub, bodies are transferred.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Bus, Cancel, Envelope } from '@internode/actor';
import { decodeEnvelope, encodeEnvelope } from './envelope-codec.ts';
import { type Deliver, Subscribers } from './subscribers.ts';

type ToHub =
  | {
      readonly kind: 'subscribe' | 'unsubscribe';
      readonly subject: string;
      readonly group: string;
    }
  | { readonly kind: 'publish'; readonly subject: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'sync' };

type FromHub =
  | { readonly kind: 'deliver'; readonly group: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'synced' };

/** Passes messages between the ports it gave out. Lives in any thread, mostly the main one. */
export class WorkerBusHub {
  /** By subject, then by group; '' has those that hear everything. */
  readonly #hearing = new Map<string, Map<string, Set<MessagePort>>>();
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
        const { subject, group } = message;
        const groups = this.#hearing.get(subject) ?? new Map<string, Set<MessagePort>>();
        this.#hearing.set(subject, groups);
        groups.set(group, (groups.get(group) ?? new Set()).add(port));
        return;
      }
      case 'unsubscribe':
        this.#hearing.get(message.subject)?.get(message.group)?.delete(port);
        return;
      case 'publish':
        return this.#pass(message.subject, message.bytes);
      case 'sync':
        return port.postMessage({ kind: 'synced' } satisfies FromHub);
    }
  }

  #pass(subject: string, bytes: Uint8Array<ArrayBuffer>): void {
    const hearers = [...(this.#hearing.get(subject) ?? [])].flatMap(([group, ports]) =>
      (group === '' ? [...ports] : nextOf(ports)).map((port) => ({ group, port })),
    );
    let left = hearers.length;
    for (const { group, port } of hearers) {
      left -= 1;
      const own = left === 0 ? bytes : bytes.slice();
      port.postMessage({ kind: 'deliver', group, bytes: own } satisfies FromHub, [own.buffer]);
    }
  }

  #forget(port: MessagePort): void {
    this.#ports.delete(port);
    for (const groups of this.#hearing.values())
      for (const ports of groups.values()) ports.delete(port);
  }
}

/** One of a group, another each time. */
function nextOf(ports: Set<MessagePort>): MessagePort[] {
  const [next] = ports;
  if (next === undefined) return [];
  ports.delete(next);
  ports.add(next);
  return [next];
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
      if (envelope !== undefined) this.#subscribers.deliverTo(message.group, envelope);
    });
  }

  publish(envelope: Envelope): void {
    const bytes = encodeEnvelope(envelope);
    this.#send({ kind: 'publish', subject: envelope.subject, bytes }, [bytes.buffer]);
  }

  subscribe(subject: string, deliver: Deliver, group = ''): Cancel {
    return this.#subscribers.add(subject, {
      deliver,
      group,
      first: () => this.#send({ kind: 'subscribe', subject, group }),
      last: () => this.#send({ kind: 'unsubscribe', subject, group }),
    });
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
