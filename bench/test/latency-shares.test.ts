import type { WaterfallRow } from '@internode/telemetry';
import { expect, test } from 'vitest';
import { BETWEEN, sharesOf } from '../latency-shares.ts';

function row(service: string, stage: string, offsetMs: number, toMs: number, queuedMs = 0) {
  const names = { spanId: `${service}${stage}`, depth: 0, service, name: stage, stage };
  const times = { offsetMs, durationMs: toMs - offsetMs, queuedMs };
  return { ...names, ...times, fault: '', attributes: {}, links: [] } satisfies WaterfallRow;
}

test('every instant of a request is somebody’s, once', () => {
  const shares = sharesOf({
    rows: [
      row('gateway', '', 0, 20),
      row('gateway', 'verify', 1, 3),
      row('consensus', 'pool', 5, 12),
      // Within what consensus waits for.
      row('execution', 'execute', 8, 11, 2),
      row('state', 'publish', 13, 15),
    ],
  });
  expect(Object.fromEntries(shares?.ms ?? [])).toEqual({
    [BETWEEN]: 1 + 2 + 1 + 5,
    gateway: 2,
    consensus: 3 + 1,
    execution: 3,
    state: 2,
  });
  expect(Object.fromEntries(shares?.queuedMs ?? [])).toEqual({ execution: 2 });
  // gateway to consensus, to execution and back, to state.
  expect(shares?.hops).toBe(4);
});

test('what sticks out of the request does not count; a trace without spans is nothing', () => {
  const shares = sharesOf({
    rows: [
      row('gateway', '', 2, 10),
      row('state', 'publish', 0, 4),
      row('beacon', 'certify', 9, 30),
    ],
  });
  expect(Object.fromEntries(shares?.ms ?? [])).toEqual({ state: 2, [BETWEEN]: 5, beacon: 1 });
  expect(sharesOf({ rows: [] })).toBeUndefined();
});
