/** Ed25519 signatures on their way to a thread, on one buffer: of each the key, the signature, the message's length, the message. */

export interface SignedBy {
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly message: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const HEAD_BYTES = KEY_BYTES + SIGNATURE_BYTES + 2;

/** What users sign is a hash with a prefix; anything longer takes another way. */
export const MESSAGE_BYTES_MAX = 1024;

export function writeBatch(batch: readonly SignedBy[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const { message } of batch) size += HEAD_BYTES + message.length;
  const frame = new Uint8Array(size);
  let at = 0;
  for (const { key, message, signature } of batch) {
    frame.set(key, at);
    frame.set(signature, at + KEY_BYTES);
    frame[at + HEAD_BYTES - 2] = message.length >>> 8;
    frame[at + HEAD_BYTES - 1] = message.length & 0xff;
    frame.set(message, at + HEAD_BYTES);
    at += HEAD_BYTES + message.length;
  }
  return frame;
}

/** Views of the frame. */
export function readBatch(frame: Uint8Array): SignedBy[] {
  const batch: SignedBy[] = [];
  for (let at = 0; at < frame.length; ) {
    const signatureAt = at + KEY_BYTES;
    const messageAt = at + HEAD_BYTES;
    const length = ((frame[messageAt - 2] as number) << 8) | (frame[messageAt - 1] as number);
    batch.push({
      key: frame.subarray(at, signatureAt),
      signature: frame.subarray(signatureAt, signatureAt + SIGNATURE_BYTES),
      message: frame.subarray(messageAt, messageAt + length),
    });
    at = messageAt + length;
  }
  return batch;
}
