import { encodeMessage, type Message, type MessageKind, subjectOf } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { handedOver } from './handed.ts';
import type { Ports } from './ports.ts';

/** What an outgoing message inherits from the input being handled. */
export interface Context {
  readonly cause: string;
  readonly traceparent: string;
}

export const NO_CONTEXT: Context = { cause: '', traceparent: '' };

/** Publishes as one sender, encoded unless the bus hands over; ids are unique by a random prefix and a counter. */
export class Voice {
  readonly #name: string;
  readonly #ports: Pick<Ports, 'bus' | 'place'>;
  readonly #prefix: string;
  readonly #subjects = new Map<MessageKind, string>();
  #count = 0;

  constructor(name: string, ports: Pick<Ports, 'bus' | 'place' | 'entropy'>) {
    this.#name = name;
    this.#ports = ports;
    const random = new Uint8Array(4);
    ports.entropy.fill(random);
    this.#prefix = toHex(random);
  }

  /** Answers the id of the published envelope. */
  publish(message: Message, context: Context): string {
    const id = this.#prefix + this.#count.toString(16).padStart(8, '0');
    this.#count = (this.#count + 1) >>> 0;
    const { bus } = this.#ports;
    const { cause, traceparent } = context;
    const head = {
      id,
      cause,
      sender: this.#name,
      subject: this.subjectOf(message.kind),
      traceparent,
    };
    const handed = bus.handsOver ? handedOver(head, message) : undefined;
    bus.publish(handed ?? { ...head, body: encodeMessage(message) });
    return id;
  }

  subjectOf(kind: MessageKind): string {
    let subject = this.#subjects.get(kind);
    if (subject === undefined) {
      subject = subjectOf(this.#ports.place, kind);
      this.#subjects.set(kind, subject);
    }
    return subject;
  }
}
