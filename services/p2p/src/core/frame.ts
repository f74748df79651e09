// What peers say to each other. A body of some size is the end of its frame, and need not be copied to stand there.
import { contract, decodePeerFrame, encodePeerFrame, type PeerPart } from '@internode/contracts';
import { encodeUnsignedLeb128 } from '@internode/encoding';
import { assert } from '@internode/prelude';
import { FRAME_LIMITS } from '../limits.ts';

export const PEER_FRAME = contract(
  'PeerFrame',
  'types',
  'peer_frame',
  encodePeerFrame,
  decodePeerFrame,
);

export type Part = PeerPart['part'];

export interface Frame {
  readonly frame: Uint8Array;
  /** How it goes on. */
  readonly tail: Uint8Array;
  /** Nobody looks at the tail's memory after this. */
  readonly done: boolean;
}

export const NO_TAIL = new Uint8Array(0);

/** Of types.v1.PeerFrame: its parts; and of ArtifactChunk and AnswerChunk: the body, their last field. All length-delimited. */
const PARTS = 0x12;
const BODY = 0x2a;

/** Undefined for a part without a body that is worth it. */
export function withTail(life: number, part: Part): Frame | undefined {
  const tail = bodyOf(part);
  if (tail === undefined || tail.length < FRAME_LIMITS.tailBytesMin) return undefined;
  const alone = PEER_FRAME.encode({ life, parts: [] });
  const bare = PEER_FRAME.encode({ life, parts: [{ part: withoutBody(part) }] });
  // Behind the life: field and length of the part, and of the chunk in it; below 128 bytes each length is one.
  const at = alone.length;
  assert(bare.length - at < 128, 'a chunk without its body is short');
  const chunk = [...bare.subarray(at + 4), BODY, ...encodeUnsignedLeb128(tail.length)];
  const inPart = [
    bare[at + 2] as number,
    ...encodeUnsignedLeb128(chunk.length + tail.length),
    ...chunk,
  ];
  const frame = [...alone, PARTS, ...encodeUnsignedLeb128(inPart.length + tail.length), ...inPart];
  return { frame: Uint8Array.from(frame), tail, done: isLastTail(part) };
}

function bodyOf(part: Part): Uint8Array | undefined {
  if (part.kind === 'answer') return part.answer.body;
  return part.kind === 'chunk' ? part.chunk.body : undefined;
}

/** An answer is its peer's alone. What follows the last tail of it is short, and was copied. */
function isLastTail(part: Part): boolean {
  if (part.kind !== 'answer') return false;
  const { size, offset, body } = part.answer;
  return size - offset - body.length < FRAME_LIMITS.tailBytesMin;
}

function withoutBody(part: Part): Part {
  if (part.kind === 'answer') return { ...part, answer: { ...part.answer, body: NO_TAIL } };
  return part.kind === 'chunk' ? { ...part, chunk: { ...part.chunk, body: NO_TAIL } } : part;
}
