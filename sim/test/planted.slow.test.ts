// Bugs planted into the code itself (patches.ts) are caught, each in lives of its own process.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { PATCHES } from './patches.ts';

const PATCHED = fileURLToPath(new URL('./patched.ts', import.meta.url));
const SEEDS_MAX = 2_000;

interface Caught {
  readonly caught: boolean;
  readonly seeds: number;
  readonly violation?: string;
}

function livesWith(name: string, seedsMax: number, ...words: string[]): Promise<Caught> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [PATCHED, name, String(seedsMax), ...words], (error, stdout) => {
      if (error !== null) reject(error);
      else resolve(JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Caught);
    });
  });
}

describe('a planted bug is caught within 2,000 lives:', () => {
  test.each(PATCHES.map(({ name }) => name))('%s', { timeout: 900_000 }, async (name) => {
    const { caught, seeds, violation } = await livesWith(name, SEEDS_MAX);
    console.log(`${name}: life ${seeds}, ${violation}`);
    expect(caught).toBe(true);
    expect(seeds).toBeLessThanOrEqual(SEEDS_MAX);
    // It is the bug that was found: the same life without it is in order.
    expect((await livesWith(name, seeds, 'sound')).violation).toBeUndefined();
  });
});
