import { describe, expect, test } from 'vitest';
import { encodedAnswer } from '../src/checkpoint/answers.ts';
import { ANSWER } from '../src/core/exchange.ts';

describe('an answer to a peer', () => {
  test.each([0, 1, 127, 128, 16_383, 16_384, 1_100_000])(
    'is what the contract makes of it, with %i bytes',
    (length) => {
      const content = Uint8Array.from({ length }, (_, at) => at * 7);
      for (const compressed of [false, true]) {
        const answer = { outcome: 'content', compressed, content } as const;
        expect(Buffer.compare(encodedAnswer(answer), ANSWER.encode(answer))).toBe(0);
      }
    },
  );

  test('says why there is none', () => {
    const answer = {
      outcome: 'no_such_part',
      compressed: false,
      content: new Uint8Array(0),
    } as const;
    expect(ANSWER.decode(encodedAnswer(answer))).toEqual({ kind: 'valid', value: answer });
  });
});
