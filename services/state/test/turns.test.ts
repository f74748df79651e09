import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Turns } from '../src/checkpoint/turns.ts';
import { CHECKPOINT_LIMITS } from '../src/limits.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The order in which parts are let in. */
function watched(turns: Turns) {
  const order: number[] = [];
  const come = (part: number) => {
    const turn = turns.come(part) ?? Promise.resolve();
    void turn.then(() => order.push(part));
  };
  const over = async (part: number, isWritten = true) => {
    turns.over(part, isWritten);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { order, come, over };
}

describe('parts that come in any order', () => {
  test('are let in one after the other', async () => {
    const { order, come, over } = watched(new Turns([3, 5, 8]));
    for (const part of [8, 5, 3]) come(part);
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual([3]);
    await over(3);
    await over(5);
    expect(order).toEqual([3, 5, 8]);
  });

  test('do not wait for good for those that are missing, and go on in order', async () => {
    const { order, come, over } = watched(new Turns([1, 2, 3, 4, 5]));
    come(4);
    come(3);
    await vi.advanceTimersByTimeAsync(CHECKPOINT_LIMITS.turnMs - 1);
    expect(order).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(order).toEqual([3]);
    await over(3);
    await over(4);
    come(5);
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual([3, 4, 5]);
    come(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual([3, 4, 5, 1]);
  });

  test('wait for one that is being written however long that takes, and a little for one that failed', async () => {
    const { order, come, over } = watched(new Turns([1, 2]));
    come(1);
    come(2);
    await vi.advanceTimersByTimeAsync(10 * CHECKPOINT_LIMITS.turnMs);
    expect(order).toEqual([1]);
    await over(1, false);
    expect(order).toEqual([1]);
    await vi.advanceTimersByTimeAsync(CHECKPOINT_LIMITS.turnMs);
    expect(order).toEqual([1, 2]);
    await over(2);
    come(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual([1, 2, 1]);
  });

  test('that nobody planned, or that come again, are let in at once', async () => {
    const { order, come, over } = watched(new Turns([1]));
    come(7);
    come(1);
    await over(1);
    come(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual([7, 1, 1]);
  });
});
