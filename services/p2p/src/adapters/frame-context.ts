// The trace context of a frame (W3C) travels at its end, as field 3 of types.v1.PeerFrame: whoever does not know it skips it.
import { FRAME_LIMITS } from '../limits.ts';

/** Field 3, length-delimited. */
const TAG = 0x1a;
const LENGTH = 55;
const SAMPLED = '1'.charCodeAt(0);

/** The end of a frame of so many bytes; undefined when there is nothing to add, or no room for it. */
export function contextPiece(frameBytes: number, traceparent: string): Uint8Array | undefined {
  const isNone = traceparent.length !== LENGTH;
  if (isNone || frameBytes + 2 + LENGTH > FRAME_LIMITS.frameBytesMax) return undefined;
  return Buffer.concat([Uint8Array.of(TAG, LENGTH), Buffer.from(traceparent, 'latin1')]);
}

/** Of a sampled trace; else ''. What a peer wrote is judged by whoever reads it. */
export function contextOf(frame: Uint8Array): string {
  const start = frame.length - LENGTH;
  if (start < 2 || frame[start - 2] !== TAG || frame[start - 1] !== LENGTH) return '';
  if (frame[frame.length - 1] !== SAMPLED) return '';
  return Buffer.from(frame.buffer, frame.byteOffset + start, LENGTH).toString('latin1');
}
