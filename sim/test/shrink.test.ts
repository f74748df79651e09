import { assert } from '@internode/prelude';
import { type Checker, type Report, weatherOf } from '@internode/sim';
import { expect, test } from 'vitest';
import { faultsText, readFaults, type Shape, TROUBLES } from '../shape.ts';
import { Shrinking } from '../shrink.ts';
import { standInLives } from './stand-in-lives.ts';

const SEED = 'shrink';
const SHAPE: Shape = {
  nodes: 4,
  crypto: 'stand-in',
  faults: readFaults('1=turncoat+floodingPeer'),
  without: [],
  safetyMs: 1_500,
};

/** Fires in every life in which a peer sends rubbish. */
function noRubbish(): Checker {
  return {
    name: 'no rubbish',
    onEvent: ({ node, event }) => {
      const { what } = event as { readonly what?: string };
      return what === 'frame malformed' ? `${node} heard some` : undefined;
    },
    atEnd: () => undefined,
  };
}

test('a failing life is made smaller until only what makes it fail is left, and still fails the same way', async () => {
  const lives = await standInLives(SEED, 4);
  const judged = {
    ...lives,
    live: (seed: string, shape: Shape): Promise<Report> => lives.live(seed, shape, noRubbish()),
  };
  const report = await judged.live(SEED, SHAPE);
  expect(report.violation).toMatch(/^no rubbish: /);
  const told: string[] = [];
  const shrinking = new Shrinking(judged, { seed: SEED, shape: SHAPE, report }, (text) =>
    told.push(text),
  );
  const shrunk = await shrinking.run();
  expect(faultsText(shrunk.shape.faults ?? new Map())).toBe('1=floodingPeer');
  expect(shrunk.shape.without).toEqual(TROUBLES);
  expect(shrunk.shape.safetyMs).toBeLessThan(SHAPE.safetyMs ?? 0);
  expect(shrunk.shape.draws).toBeLessThan(4_096);
  expect(shrunk.report.violation).toMatch(/^no rubbish: /);
  // What is printed repeats what is left, and the last line told is the smallest.
  expect(shrunk.report.command).toContain("--faults '1=floodingPeer'");
  expect(told.at(-1)).toBe(`smaller    ${shrunk.report.command}`);
  const again = await judged.live(SEED, shrunk.shape);
  expect(again.traceHash).toBe(shrunk.report.traceHash);
  expect(again.violation).toBe(shrunk.report.violation);
});

test('what does not fail without its faults and troubles keeps them', async () => {
  const lives = await standInLives(SEED, 1);
  /** Fires when somebody was cut off the power or killed. */
  const noDeaths = (): Checker => ({
    name: 'no deaths',
    onEvent: ({ event: { kind } }) => (kind === 'ShellStopped' ? 'one died' : undefined),
    atEnd: () => undefined,
  });
  const judged = {
    ...lives,
    live: (seed: string, shape: Shape): Promise<Report> => lives.live(seed, shape, noDeaths()),
  };
  const shape: Shape = { nodes: 1, crypto: 'stand-in', without: [], safetyMs: 2_000 };
  // Of the two kinds of death only one, often, so that it cannot be left out.
  const seed = Array.from({ length: 100 }, (_, i) => `${SEED}/${i}`).find((one) => {
    const { serviceCrashEveryMs, nodeCrashEveryMs } = weatherOf(one, { several: false });
    return serviceCrashEveryMs === 200 && nodeCrashEveryMs === 0;
  });
  assert(seed !== undefined, 'one of a hundred seeds has such a weather');
  const report = await judged.live(seed, shape);
  expect(report.violation).toBe('no deaths: one died');
  const shrunk = await new Shrinking(judged, { seed, shape, report }, () => {}).run();
  expect(shrunk.shape.without).toEqual(TROUBLES.filter((one) => one !== 'serviceCrashEveryMs'));
});
