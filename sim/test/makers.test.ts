import { expect, test } from 'vitest';
import { readFaults, type Shape, TROUBLES } from '../shape.ts';
import { standInLives } from './stand-in-lives.ts';

const SEED = 'rounds badDealer';
/** A rank waits for so long while quorums are not known to be quicker (protocol 2.3). */
const UNIT_DELAY_MS = 1_000;
/** What a round takes when its maker is honest, in this weather. */
const ROUND_MS = 700;

const DISHONEST = [
  'silent',
  'equivocatingMaker',
  'lawlessMaker',
  'hastyMaker',
  'forger',
  'badDealer+falseComplaints',
  'partialVoter+lyingServer',
];

test.each(DISHONEST)('in calm %s delays no round beyond the wait for its rank', async (by) => {
  const shape: Shape = {
    nodes: 4,
    crypto: 'stand-in',
    faults: readFaults(`1=${by}`),
    hazards: { epochLength: 6, lostDisk: 'none', blocksKept: 0 },
    without: TROUBLES,
    safetyMs: 100,
  };
  const late: string[] = [];
  let rounds = 0;
  const lives = await standInLives(SEED, 4);
  const report = await lives.live(SEED, shape, {
    name: 'rounds',
    onEvent: ({ node, event }) => {
      if (event.kind !== 'HeightNotarized' || node === 'n1') return undefined;
      const { height, rank, roundMs } = event as unknown as Record<string, number>;
      rounds += 1;
      if ((roundMs ?? 0) > (rank ?? 0) * UNIT_DELAY_MS + ROUND_MS)
        late.push(`${node}: height ${height}, rank ${rank}, ${roundMs} ms`);
      return undefined;
    },
    atEnd: () => undefined,
  });
  expect(report.violation).toBeUndefined();
  expect(rounds).toBeGreaterThan(10);
  expect(late).toEqual([]);
});
