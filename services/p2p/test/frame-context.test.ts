import { describe, expect, test } from 'vitest';
import { contextOf, contextPiece } from '../src/adapters/frame-context.ts';
import { PEER_FRAME } from '../src/core/frame.ts';
import { FRAME_LIMITS } from '../src/index.ts';

const CONTEXT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const FRAME = PEER_FRAME.encode({
  life: 7,
  parts: [{ part: { kind: 'want', want: { life: 1, after: 2 } } }],
});

const withContext = (frame: Uint8Array, context: string) =>
  Buffer.concat([frame, contextPiece(frame.length, context) ?? new Uint8Array(0)]);

describe('the trace context of a frame', () => {
  test('is read as it was written, and changes nothing of what the frame says', () => {
    const traced = withContext(FRAME, CONTEXT);
    expect(contextOf(traced)).toBe(CONTEXT);
    expect(PEER_FRAME.decode(new Uint8Array(traced))).toEqual(PEER_FRAME.decode(FRAME));
    const joined = Buffer.concat([traced, FRAME]);
    expect(contextOf(joined)).toBe('');
    expect(PEER_FRAME.decode(new Uint8Array(joined)).kind).toBe('valid');
  });

  test('is not there when nothing was written, or is not sampled', () => {
    expect(contextOf(FRAME)).toBe('');
    expect(contextOf(new Uint8Array(0))).toBe('');
    expect(contextOf(new Uint8Array(57).fill(0x31))).toBe('');
    expect(contextPiece(FRAME.length, '')).toBeUndefined();
    expect(contextPiece(FRAME.length, 'x'.repeat(5_000))).toBeUndefined();
    expect(contextOf(withContext(FRAME, CONTEXT.replace(/1$/, '0')))).toBe('');
  });

  test('does not make a frame longer than one may be', () => {
    expect(contextPiece(FRAME_LIMITS.frameBytesMax - 56, CONTEXT)).toBeUndefined();
    expect(contextPiece(FRAME_LIMITS.frameBytesMax - 57, CONTEXT)).toHaveLength(57);
  });
});
