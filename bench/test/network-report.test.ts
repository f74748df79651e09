import { expect, test } from 'vitest';
import type { Measured } from '../measure.ts';
import { NETWORK_CONCURRENCY, NETWORK_FULL, type NetworkFigures } from '../network.ts';
import { isNetworkGood, networkMarkdown, networkRows } from '../network-report.ts';

const figures: Measured = {
  count: 10,
  seconds: 1,
  perSecond: 500,
  p50Ms: 100,
  p99Ms: 150,
  cpuUs: 2_000,
  generatorCpuUs: 100,
  otherLoad: 0,
};

function network(changes: Partial<NetworkFigures> = {}): NetworkFigures {
  const loads = [1, NETWORK_CONCURRENCY].flatMap((concurrency) => [
    {
      who: 'Internode' as const,
      round: 1,
      concurrency,
      figures,
      heights: { perSecond: 8, cpuMsPerNode: 30 },
    },
    { who: 'etcd' as const, round: 1, concurrency, figures: { ...figures, perSecond: 2_000 } },
  ]);
  return {
    machine: {
      processor: 'p',
      cores: 2,
      memoryGb: 1,
      kernel: 'k',
      node: 'n',
      commit: 'c',
      modified: false,
      date: 'd',
    },
    size: NETWORK_FULL,
    readyMs: [3_000],
    loads,
    requestBytes: 300,
    idle: { cpu: 0.05, heightsPerSecond: 1, residentMb: [100, 110, 120, 130] },
    problems: [],
    minutes: 1,
    ...changes,
  };
}

test('a network is good when everything was measured and every target is met', () => {
  expect(isNetworkGood(network())).toBe(true);
  expect(isNetworkGood(network({ readyMs: [5_001] }))).toBe(false);
  expect(isNetworkGood(network({ readyMs: [] }))).toBe(false);
  expect(isNetworkGood(network({ problems: ['etcd: none'] }))).toBe(false);
  expect(isNetworkGood(network({ idle: undefined }))).toBe(false);
});

test('the document has each figure, the ratio to etcd, and what went wrong', () => {
  const text = networkMarkdown(network({ problems: ['etcd: none'] }));
  expect(networkRows(network()).every(({ name }) => text.includes(name))).toBe(true);
  expect(text).toContain('| c=64, per second | 500 | 2,000 | 0.25× |');
  expect(text).toContain('- etcd: none');
});
