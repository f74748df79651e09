import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { mayResume, yieldToOthers } from '../src/priority.ts';

afterEach(() => yieldToOthers(false));

/** Of all threads of this process. */
const priorities = () =>
  new Set(readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread))));

test.runIf(process.platform === 'linux')(
  'all threads yield, and are as important as before afterwards, where that is allowed',
  () => {
    const before = getPriority();
    yieldToOthers(false);
    expect(getPriority()).toBe(before);
    for (const isYielding of [true, true]) yieldToOthers(isYielding, 0);
    expect(priorities()).toEqual(new Set([mayResume() ? 19 : before]));
    for (const isYielding of [false, false]) yieldToOthers(isYielding);
    expect(priorities()).toEqual(new Set([before]));
  },
);

test.runIf(process.platform === 'linux')(
  'whoever gets nothing of the machine any more does not yield any longer',
  async () => {
    const before = getPriority();
    // No process has a hundred cores.
    yieldToOthers(true, 100);
    expect(priorities()).toEqual(new Set([mayResume() ? 19 : before]));
    await expect.poll(priorities, { timeout: 30_000 }).toEqual(new Set([before]));
    // And one that gets enough goes on.
    yieldToOthers(true, 0);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(priorities()).toEqual(new Set([mayResume() ? 19 : before]));
  },
);
