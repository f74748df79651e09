// The bytes of a journal file.
//
//   file   = "INJOURN1" salt(8) checksum(u32) frame*
//   frame  = "IJFR" payloadLength(u32) sequence(u48 in 8 bytes) entryCount(u32) checksum(u32) payload
//   payload = (length(u32) entry)*
//
// A frame is one group commit: frame n + 1 is written only after frame n is durable. So a bad frame that is followed by
// a good one was damaged after it was durable (refuse), and a bad frame that nothing follows was never acknowledged
// (a torn tail: drop). The checksum covers the file's random salt, so that no entry's content can pose as a frame.
import { crc32 } from 'node:zlib';

export const FILE_HEADER_BYTES = 20;
export const FRAME_HEADER_BYTES = 24;

const FILE_MAGIC = new TextEncoder().encode('INJOURN1');
const FRAME_MAGIC = 0x494a4652;

export function encodeFileHeader(salt: Uint8Array): Uint8Array {
  const header = new Uint8Array(FILE_HEADER_BYTES);
  header.set(FILE_MAGIC);
  header.set(salt, 8);
  new DataView(header.buffer).setUint32(16, crc32(header.subarray(0, 16)));
  return header;
}

/** The salt, or undefined when this is no journal. */
export function decodeFileHeader(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < FILE_HEADER_BYTES) return undefined;
  if (FILE_MAGIC.some((byte, index) => bytes[index] !== byte)) return undefined;
  const checksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16);
  return checksum === crc32(bytes.subarray(0, 16)) ? bytes.slice(8, 16) : undefined;
}

export function encodeFrame(
  salt: Uint8Array,
  sequence: number,
  entries: readonly Uint8Array[],
): Uint8Array {
  let length = FRAME_HEADER_BYTES;
  for (const entry of entries) length += 4 + entry.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, FRAME_MAGIC);
  view.setUint32(4, length - FRAME_HEADER_BYTES);
  view.setBigUint64(8, BigInt(sequence));
  view.setUint32(16, entries.length);
  let offset = FRAME_HEADER_BYTES;
  for (const entry of entries) {
    view.setUint32(offset, entry.length);
    bytes.set(entry, offset + 4);
    offset += 4 + entry.length;
  }
  view.setUint32(20, checksumOf(salt, bytes));
  return bytes;
}

function checksumOf(salt: Uint8Array, frame: Uint8Array): number {
  const head = crc32(frame.subarray(0, 20), crc32(salt));
  return crc32(frame.subarray(FRAME_HEADER_BYTES), head);
}

interface Frame {
  readonly sequence: number;
  readonly entries: readonly Uint8Array[];
  readonly end: number;
}

/** The whole, undamaged frame at `offset`, if there is one. Entries are views. */
function decodeFrame(salt: Uint8Array, bytes: Uint8Array, offset: number): Frame | undefined {
  if (offset + FRAME_HEADER_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(offset) !== FRAME_MAGIC) return undefined;
  const end = offset + FRAME_HEADER_BYTES + view.getUint32(offset + 4);
  if (end > bytes.length) return undefined;
  if (view.getUint32(offset + 20) !== checksumOf(salt, bytes.subarray(offset, end)))
    return undefined;
  const entries: Uint8Array[] = [];
  let at = offset + FRAME_HEADER_BYTES;
  for (let i = view.getUint32(offset + 16); i > 0; i--) {
    const length = view.getUint32(at);
    entries.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return { sequence: Number(view.getBigUint64(offset + 8)), entries, end };
}

export type Scan =
  | {
      readonly kind: 'whole';
      /** Where the next frame goes; anything after it is a torn tail. */
      readonly end: number;
      readonly nextSequence: number;
      readonly entries: readonly Uint8Array[];
    }
  | { readonly kind: 'damaged'; readonly offset: number };

/** Reads all frames of a journal file. */
export function scanFrames(salt: Uint8Array, bytes: Uint8Array): Scan {
  const entries: Uint8Array[] = [];
  let end = FILE_HEADER_BYTES;
  let nextSequence = 0;
  for (;;) {
    const frame = decodeFrame(salt, bytes, end);
    if (frame === undefined || frame.sequence !== nextSequence) break;
    for (const entry of frame.entries) entries.push(entry);
    nextSequence += 1;
    end = frame.end;
  }
  if (frameFollows(salt, bytes, end)) return { kind: 'damaged', offset: end };
  return { kind: 'whole', end, nextSequence, entries };
}

function frameFollows(salt: Uint8Array, bytes: Uint8Array, from: number): boolean {
  const tail = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = Buffer.from('IJFR', 'latin1');
  for (let at = tail.indexOf(magic, from); at >= 0; at = tail.indexOf(magic, at + 1)) {
    if (decodeFrame(salt, bytes, at) !== undefined) return true;
  }
  return false;
}
