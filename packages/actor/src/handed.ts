// Messages that cross a bus within one thread as they are, instead of as bytes: to encode and decode them was a tenth of what the
// thread does for an update call (ADR 17).
import { CONTRACTS, encodeMessage, type Message, type MessageKind } from '@internode/contracts';
import { type Verdict, valid } from '@internode/prelude';
import type { Envelope } from './ports.ts';

export interface Handed {
  readonly message: Message;
  /** About as many as it would be encoded to; mailboxes count them. */
  readonly bytes: number;
}

type Head = Omit<Envelope, 'body' | 'handed'>;

/** What is larger is encoded: whoever hears it may give its bytes to another thread, and then nobody else has them. */
export const HANDED_BYTES_MAX = 64 * 1024;

/**
 * These are handed over however large they are: all of a state that is synced goes through them, and to allocate a megabyte costs as much
 * as to hash it. Only whoever asked may give away what is in an answer; nobody else looks into it, since the topic is not theirs.
 */
const HANDED_WHATEVER_LENGTH: ReadonlySet<MessageKind> = new Set<MessageKind>([
  'AnswerPeer',
  'SendFrame',
  'FrameReceived',
  'PeerAnswered',
]);

/** Undefined for what has to be encoded. */
export function handedOver(head: Head, message: Message): Envelope | undefined {
  const bytes = weightOf(message);
  const isHanded =
    bytes <= HANDED_BYTES_MAX ||
    (HANDED_WHATEVER_LENGTH.has(message.kind) && bytes < Number.POSITIVE_INFINITY);
  return isHanded ? new HandedOver(head, { message, bytes }) : undefined;
}

/** Encodes what it carries for whoever looks at the bytes. */
class HandedOver implements Envelope {
  readonly id: string;
  readonly cause: string;
  readonly sender: string;
  readonly subject: string;
  readonly traceparent: string;
  readonly handed: Handed;

  constructor({ id, cause, sender, subject, traceparent }: Head, handed: Handed) {
    this.id = id;
    this.cause = cause;
    this.sender = sender;
    this.subject = subject;
    this.traceparent = traceparent;
    this.handed = handed;
  }

  get body(): Uint8Array {
    return encodeMessage(this.handed.message);
  }
}

/** What an envelope of this kind's subject says. */
export function messageIn(envelope: Envelope, kind: MessageKind): Verdict<Message> {
  const { handed } = envelope;
  return handed === undefined ? CONTRACTS[kind].decode(envelope.body) : valid(handed.message);
}

/** Tag and length of a field, or a short number. */
const FIELD_BYTES = 2;

/** Infinite when there is a Buffer in it or the like, whose methods answer Buffers: they must not get into a core. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return FIELD_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return FIELD_BYTES;
  if (value instanceof Uint8Array) {
    const isPlain = Object.getPrototypeOf(value) === Uint8Array.prototype;
    return isPlain ? FIELD_BYTES + value.length : Number.POSITIVE_INFINITY;
  }
  let bytes = FIELD_BYTES;
  if (Array.isArray(value)) for (const item of value) bytes += weightOf(item);
  else for (const name in value) bytes += weightOf(value[name as keyof typeof value]);
  return bytes;
}
