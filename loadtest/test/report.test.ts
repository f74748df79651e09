import { describe, expect, test } from 'vitest';
import { bottleneckOf, type Measured } from '../src/bottleneck.ts';
import { type Report, reportPage } from '../src/report-page.ts';
import { Timeline } from '../src/timeline.ts';
import { readSeries, type Sample, usageOf } from '../src/usage.ts';

const text = (cpu: number, steps: number) => `# TYPE internode_process_cpu_seconds_total counter
internode_process_cpu_seconds_total{unit="replica"} ${cpu}
internode_process_resident_bytes{unit="replica"} 300000000
internode_execution_step_seconds_total ${steps}
internode_execution_steps_total ${steps * 1_000}
internode_execution_mailbox_wait_seconds_total ${steps * 2}
internode_execution_step_seconds_total{instance="execution-2"} ${steps / 2}
garbage that is no series
internode_state_height NaN
`;
const sample = (atMs: number, cpu: number, steps: number, ownCpu: number): Sample => ({
  atMs,
  series: readSeries(text(cpu, steps)),
  ownCpu,
});
const SAMPLES = [sample(0, 10, 1, 2), sample(1_000, 10.5, 1.2, 2.1), sample(2_000, 11, 1.4, 2.2)];

test('usage is what grew between the first sample and the last', () => {
  const { units, services, generatorCores } = usageOf(SAMPLES);
  expect(units).toEqual([{ unit: 'replica', cores: 0.5, residentBytes: 3e8 }]);
  expect(services.map(({ service }) => service)).toEqual(['execution', 'execution-2']);
  expect(services[0]?.busy).toBeCloseTo(0.2);
  expect(services[0]?.waitMs).toBeCloseTo(2);
  expect(generatorCores).toBeCloseTo(0.1);
  expect(usageOf([])).toEqual({ units: [], services: [], generatorCores: 0 });
});

test('a timeline tells what was due and answered in each second', () => {
  const timeline = new Timeline(2.5, 5);
  timeline.answered(100, 7);
  timeline.answered(900, 9);
  timeline.answered(2_999, 1_000);
  expect(timeline.seconds.map(({ due, answered }) => [due, answered])).toEqual([
    [3, 2],
    [2, 0],
    [0, 1],
  ]);
  expect(timeline.seconds.map(({ p50Ms }) => p50Ms)).toEqual([7, Number.NaN, 1_000]);
});

describe('the bottleneck', () => {
  const usage = usageOf(SAMPLES);
  const stages = [
    { stage: 'execute', count: 9, p50Ms: 4, p95Ms: 5, queuedP50Ms: 1, queuedP95Ms: 1 },
    { stage: 'pool', count: 9, p50Ms: 8, p95Ms: 9, queuedP50Ms: 7.5, queuedP95Ms: 7.5 },
  ];
  const measured: Measured = { usage, stages, cores: 2, backlogMax: 0, concurrency: 64 };
  const unit = (name: string, cores: number) => ({ unit: name, cores, residentBytes: 0 });

  test.each<[string, Partial<Measured>, string]>([
    ['a generator that is full', { usage: { ...usage, generatorCores: 0.95 } }, 'generator itself'],
    [
      'a core that steps all the time',
      { usage: { ...usage, services: [{ service: 'state', busy: 0.9, waitMs: 1 }] } },
      'state: its core',
    ],
    [
      'a machine that is full',
      { usage: { ...usage, units: [unit('replica', 1.65)] } },
      "machine's processors",
    ],
    [
      'a process that is full',
      { usage: { ...usage, units: [unit('execution', 0.9), unit('state', 0.1)] }, cores: 8 },
      'execution: its process',
    ],
    [
      'a process that is full while the machine is not',
      { usage: { ...usage, units: [unit('gateway', 0.97), unit('execution', 0.68)] } },
      'gateway: its process',
    ],
    ['too few connections', { backlogMax: 65 }, '--concurrency'],
    ['nothing', {}, 'most of their time in pool (p50 8.0 ms, 7.5 of it waiting)'],
    ['nothing, and no traces', { stages: [] }, 'not more than the replica takes'],
  ])('%s', (_what, changed, named) => {
    expect(bottleneckOf({ ...measured, ...changed })).toContain(named);
  });
});

test('a report holds all of it, and what others have named as text', () => {
  const report: Report = {
    title: '<script>alert(1)</script>',
    facts: [['rejected 5: <b>', '1']],
    bottleneck: 'a & b',
    seconds: new Timeline(1, 3).seconds,
    histograms: [{ name: 'Latency', valuesMs: [1, 2, 1_000, Number.NaN, 0] }],
    usage: usageOf(SAMPLES),
    samples: SAMPLES,
    stages: [{ stage: 'hash', count: 3, p50Ms: 1, p95Ms: 2, queuedP50Ms: 0, queuedP95Ms: 0 }],
  };
  const page = reportPage(report);
  expect(page).not.toContain('<script');
  expect(page).toContain('rejected 5: &lt;b&gt;');
  expect(page).toContain('a &amp; b');
  for (const needed of ['Cores', 'Resident memory', 'hash', 'execution-2', '<rect'])
    expect(page).toContain(needed);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  expect(
    reportPage({
      ...report,
      histograms: [],
      seconds: [],
      samples: [],
      usage: usageOf([]),
      stages: [],
    }),
  ).not.toMatch(/NaN|undefined|Infinity/);
});
