// node bench/kills.ts [--kills 200] [--broker 30] [--slow 30] [--seed 1] [-- --scale gateway=2 …]: services in processes under load; one
// after the other is killed, the broker is killed, one stands still for a while (its messages pile up at the broker). Prints JSON: for
// how long calls stood still, by kind and service. The exit code is 0 when no acknowledged call was lost or ran twice, nothing ran twice
// that was not acknowledged, and calls never stood still for three seconds.
import { parseArgs } from 'node:util';
import { percentile } from '@internode/loadtest';
import { callsWhile, KILLED_CONNECTION } from '../e2e/runner/calls-while.ts';
import { randomFrom } from '../e2e/runner/random.ts';
import { drawFaults, type Fault, type Recovery, suffer, unitsOf } from './faults-apart.ts';
import { Household } from './household.ts';
import { describeMachine } from './measure.ts';
import { startMeasured } from './subject.ts';

const CALLERS = 8;
/** Each group of faults has a canister of its own, whose marks are counted afterwards. */
const FAULTS_A_CANISTER = 20;
const STANDSTILL_MS_MAX = 3_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '200' },
    broker: { type: 'string', default: '30' },
    slow: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
  },
});
const household = new Household();
const args = ['--placement', 'processes', ...positionals];
const { replica } = await startMeasured(household, household.folder(), { args });
const counts = {
  kill: Number(values.kills),
  broker: Number(values.broker),
  slow: Number(values.slow),
};
const faults = drawFaults(counts, unitsOf(replica), randomFrom(Number(values.seed)));
const recoveries: Recovery[] = [];
const wrong: string[] = [];
let acknowledged = 0;
const startedMs = performance.now();
for (let first = 0; first < faults.length; first += FAULTS_A_CANISTER) {
  const group = faults.slice(first, first + FAULTS_A_CANISTER);
  try {
    acknowledged += await run(group);
  } catch (fault) {
    wrong.push((fault as Error).message);
  }
  console.error(`${recoveries.length} of ${faults.length}, slowest ${slowest(recoveries)}`);
}
const longest = Math.max(0, ...recoveries.map(({ standstillMs }) => standstillMs));
const report = {
  command: `node bench/kills.ts ${process.argv.slice(2).join(' ')}`,
  machine: describeMachine(),
  seconds: Math.round((performance.now() - startedMs) / 1000),
  acknowledged,
  wrong,
  kinds: Object.fromEntries(
    Object.keys(counts).map((kind) => [
      kind,
      figures(recoveries.filter((one) => one.kind === kind)),
    ]),
  ),
  units: Object.fromEntries(
    unitsOf(replica).map((unit) => [unit, figures(recoveries.filter((one) => one.unit === unit))]),
  ),
  above: recoveries.filter(({ standstillMs }) => standstillMs >= STANDSTILL_MS_MAX),
};
console.log(JSON.stringify(report, null, 2));
await replica.stop();
process.exit(wrong.length === 0 && longest < STANDSTILL_MS_MAX ? 0 : 1);

async function run(group: readonly Fault[]): Promise<number> {
  const options = { callers: CALLERS, expected: KILLED_CONNECTION };
  const stream = await callsWhile(replica, options, async (marks, progress) => {
    for (const fault of group)
      recoveries.push(await suffer(replica, fault, { stream: marks, progress }));
  });
  return stream.acknowledged;
}

function figures(of: readonly Recovery[]) {
  const times = of.map(({ standstillMs }) => standstillMs);
  const at = (share: number) => (times.length === 0 ? null : Math.round(percentile(times, share)));
  return { count: times.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

function slowest(of: readonly Recovery[]): string {
  const [one] = of.toSorted((left, right) => right.standstillMs - left.standstillMs);
  return one === undefined ? '' : `${one.kind} ${one.unit} ${one.standstillMs.toFixed(0)} ms`;
}
