// node bench/placements.ts [ROUNDS] [UPDATES]: what it costs to have services apart. Embedded, threads and processes run beside each
// other, idle but for the one whose turn it is; each round measures all three. Prints medians as markdown; CPU time is user and
// system time of all processes of the replica, the broker included.
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { median } from '@internode/loadtest';
import { pidOfBroker, pidOfService, SERVICES } from '../e2e/runner/services.ts';
import { Household } from './household.ts';
import { describeMachine, type Measured, processCpuMs, residentMb } from './measure.ts';
import { Subject } from './subject.ts';

const [rounds = 3, updates = 3_000] = process.argv.slice(2).map(Number);
const PLACEMENTS = ['embedded', 'threads', 'processes'] as const;
const CONCURRENCY = 64;
const ONE_BY_ONE = 200;
const WARM_UP = 2_000;

interface Turn {
  readonly many: Measured;
  readonly single: Measured;
}

interface Candidate {
  readonly placement: (typeof PLACEMENTS)[number];
  readonly subject: Subject;
  readonly turns: Turn[];
}

setHashEngine(nodeHashEngine);
const household = new Household();
const candidates: Candidate[] = [];
for (const placement of PLACEMENTS) {
  const subject = await Subject.start(household, { args: ['--placement', placement] });
  await subject.update(WARM_UP, CONCURRENCY);
  candidates.push({ placement, subject, turns: [] });
}
const shares = new Map<string, number>();
for (let round = 0; round < rounds; round++) {
  for (const { placement, subject, turns } of candidates) {
    const single = await subject.update(ONE_BY_ONE, 1);
    const before = placement === 'processes' ? cpuByService(subject.pid) : new Map();
    const many = await subject.update(updates, CONCURRENCY);
    for (const [name, ms] of placement === 'processes' ? cpuByService(subject.pid) : [])
      shares.set(name, (shares.get(name) ?? 0) + ms - (before.get(name) ?? 0));
    turns.push({ many, single });
    console.error(
      `${placement}: ${many.perSecond.toFixed(0)}/s, one by one p50 ${single.p50Ms.toFixed(2)} ms, others ${(many.otherLoad * 100).toFixed(0)} %`,
    );
  }
}
const { commit, modified, date, processor, cores } = describeMachine();
console.log(`
Commit ${commit}${modified ? ' (modified)' : ''}, ${date}, ${processor}, ${cores} cores; \`node bench/placements.ts ${rounds} ${updates}\`: medians of ${rounds} rounds.

| placement | updates/s, ${CONCURRENCY} at a time | of embedded | p50 ms | CPU µs an update | one by one p50 ms | memory MB | others % |
| --- | --- | --- | --- | --- | --- | --- | --- |`);
const [base] = candidates;
for (const { placement, subject, turns } of candidates) {
  const rate = middle(turns, ({ many }) => many.perSecond);
  const ofBase = rate / middle(base?.turns ?? turns, ({ many }) => many.perSecond);
  const memory = subject.pids.reduce((sum, pid) => sum + residentMb(pid), 0);
  const cells = [
    placement,
    rate.toFixed(0),
    ofBase.toFixed(2),
    middle(turns, ({ many }) => many.p50Ms).toFixed(1),
    middle(turns, ({ many }) => many.cpuUs).toFixed(0),
    middle(turns, ({ single }) => single.p50Ms).toFixed(2),
    memory.toFixed(0),
    (middle(turns, ({ many }) => many.otherLoad) * 100).toFixed(0),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
console.log('\n| process | CPU µs an update |\n| --- | --- |');
for (const [name, ms] of shares)
  console.log(`| ${name} | ${((ms * 1000) / (rounds * updates)).toFixed(0)} |`);
for (const { subject } of candidates) {
  await subject.checkCount();
  await subject.stop();
}
process.exit();

function cpuByService(supervisor: number): Map<string, number> {
  const processes = SERVICES.map((name) => [name, pidOfService(supervisor, name)] as const);
  const all = [...processes, ['nats-server', pidOfBroker(supervisor)] as const];
  return new Map(all.map(([name, pid]) => [name, pid === undefined ? 0 : processCpuMs(pid)]));
}

function middle(turns: readonly Turn[], figureOf: (turn: Turn) => number): number {
  return median(turns.map(figureOf));
}
