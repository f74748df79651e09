import { concatBytes } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { type Part, PEER_FRAME, withTail } from '../src/core/frame.ts';
import { FRAME_LIMITS } from '../src/index.ts';

const { tailBytesMin, chunkBytes } = FRAME_LIMITS;
const bytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 7) & 0xff);

const answer = (body: Uint8Array, offset = 0): Part => ({
  kind: 'answer',
  answer: { askId: bytes(16), topic: 'state_sync', size: offset + body.length, offset, body },
});
const chunk = (body: Uint8Array, offset = 0): Part => ({
  kind: 'chunk',
  chunk: {
    artifactKind: 'block_proposal',
    id: bytes(32),
    size: offset + body.length,
    offset,
    body,
  },
});

describe('a frame whose body is its end', () => {
  const lengths = [tailBytesMin, tailBytesMin + 1, 100_000, chunkBytes];
  test.each(lengths)('of %i bytes reads as one that was encoded', (length) => {
    for (const life of [1, 127, 128, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      for (const make of [answer, chunk]) {
        for (const offset of [0, 5, 1024 * 1024]) {
          const part = make(bytes(length), offset);
          const split = withTail(life, part);
          expect(split?.tail).toBe(
            part.kind === 'answer' ? part.answer.body : part.kind === 'chunk' && part.chunk.body,
          );
          const whole = concatBytes(split?.frame ?? bytes(0), split?.tail ?? bytes(0));
          expect(Buffer.compare(whole, PEER_FRAME.encode({ life, parts: [{ part }] }))).toBe(0);
        }
      }
    }
  });

  test('is none for what is short, or has no body', () => {
    expect(withTail(1, answer(bytes(tailBytesMin - 1)))).toBeUndefined();
    expect(withTail(1, chunk(bytes(0)))).toBeUndefined();
    expect(withTail(1, { kind: 'want', want: { life: 1, after: 2 } })).toBeUndefined();
  });
});
