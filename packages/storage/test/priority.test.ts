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
    for (const isYielding of [true, true]) yieldToOthers(isYielding);
    expect(priorities()).toEqual(new Set([mayResume() ? 19 : before]));
    for (const isYielding of [false, false]) yieldToOthers(isYielding);
    expect(priorities()).toEqual(new Set([before]));
  },
);
