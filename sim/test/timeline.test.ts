import { assert } from '@internode/prelude';
import { type Report, weatherOf } from '@internode/sim';
import { expect, test } from 'vitest';
import { type Shape, TROUBLES } from '../shape.ts';
import { Timeline } from '../timeline.ts';
import { standInLives } from './stand-in-lives.ts';

const SEED = 'timeline';

async function pageOf(shape: Shape): Promise<{ page: string; report: Report }> {
  const lives = await standInLives(SEED, shape.nodes);
  const timeline = new Timeline();
  const report = await lives.live(SEED, shape, timeline);
  return { page: timeline.page(report), report };
}

/** The points of the lines of one colour, lane by lane. */
function linesOf(page: string, colour: string): [x: number, y: number][][] {
  return [...page.matchAll(/<polyline points="([^"]*)" fill="none" stroke="([^"]*)"/g)].flatMap(
    ([, points = '', stroke]) =>
      stroke !== colour || points === ''
        ? []
        : [points.split(' ').map((point) => point.split(',').map(Number) as [number, number])],
  );
}

test('the page has a lane for each node, in which heights rise with time', async () => {
  const hazards = { lostDisk: 'none' } as const;
  const calm = { faults: new Map(), hazards, without: TROUBLES, safetyMs: 500 };
  const shape: Shape = { nodes: 4, crypto: 'stand-in', ...calm };
  const { page, report } = await pageOf(shape);
  for (const name of ['n0', 'n1', 'n2', 'n3'])
    expect(page).toMatch(new RegExp(`<text [^>]*>${name}</text>`));
  const certified = linesOf(page, '#2a8f4f');
  expect(certified).toHaveLength(4);
  for (const line of certified) {
    expect(line.length).toBeGreaterThan(5);
    for (const [i, [x, y]] of line.entries()) {
      const [xBefore, yBefore] = line[i - 1] ?? [x, y];
      expect(x).toBeGreaterThanOrEqual(xBefore);
      // Up is less in a picture.
      expect(y).toBeLessThanOrEqual(yBefore);
    }
  }
  expect(page).toContain('proposes 1<');
  expect(page).toContain('No violation.');
  expect(page).toContain(`trace ${report.traceHash} after ${report.events} events`);
  // Nobody was killed, nobody cut off.
  expect(page).not.toContain('<rect');
  // It needs nothing else, so that it can be sent around.
  expect(page).not.toMatch(/(src|href)=/);
});

test('the page shows who was down and who was cut off, and says what was violated without being markup', async () => {
  const lives = await standInLives(SEED, 4);
  const seed = Array.from({ length: 100 }, (_, i) => `${SEED}/${i}`).find((one) => {
    const { splitEveryMs, nodeCrashEveryMs } = weatherOf(one, { several: true });
    return splitEveryMs === 250 && nodeCrashEveryMs === 250;
  });
  assert(seed !== undefined, 'one of a hundred seeds has such a weather');
  const timeline = new Timeline();
  const shape: Shape = { nodes: 4, crypto: 'stand-in', without: [], faults: new Map() };
  const report = await lives.live(seed, { ...shape, safetyMs: 3_000 }, timeline);
  const page = timeline.page({ ...report, violation: 'agreement: 1 < 2 & <script>' });
  expect(page).toMatch(/<title>cut off \((in|out|both)\)<\/title>/);
  expect(page).toContain('<title>consensus down</title>');
  expect(page).toContain('agreement: 1 &lt; 2 &amp; &lt;script>');
  expect(page).not.toContain('<script>');
});
