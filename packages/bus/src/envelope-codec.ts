// The bytes of an envelope: u32 length of the head, the head (five lines of text), the body.
import type { Envelope } from '@internode/actor';
import { assert } from '@internode/prelude';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A new array that shares nothing with the envelope. */
export function encodeEnvelope(envelope: Envelope): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(headOf(envelope));
  const bytes = new Uint8Array(4 + head.length + envelope.body.length);
  new DataView(bytes.buffer).setUint32(0, head.length);
  bytes.set(head, 4);
  bytes.set(envelope.body, 4 + head.length);
  return bytes;
}

/** The body is a view of `bytes`. Undefined when they are no envelope. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes.length < 4) return undefined;
  const headLength = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  if (4 + headLength > bytes.length) return undefined;
  let head: string;
  try {
    head = decoder.decode(bytes.subarray(4, 4 + headLength));
  } catch {
    return undefined;
  }
  const lines = head.split('\n');
  if (lines.length !== 5) return undefined;
  const [id, cause, sender, subject, traceparent] = lines as [
    string,
    string,
    string,
    string,
    string,
  ];
  return { id, cause, sender, subject, traceparent, body: bytes.subarray(4 + headLength) };
}

function headOf({ id, cause, sender, subject, traceparent }: Envelope): string {
  const head = `${id}\n${cause}\n${sender}\n${subject}\n${traceparent}`;
  assert(head.split('\n').length === 5, 'envelope: a line break in a name');
  return head;
}
