// node bench/traces.ts [ROUNDS] [UPDATES]: what traces cost. Replicas that trace nothing, the few of the default, one call in a hundred, and every
// call run beside each other, two of some, idle but for the one whose turn it is; each round measures all of them in another order. Prints medians
// as markdown, and how each compares with none, round by round.
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { median } from '@internode/loadtest';
import { Household } from './household.ts';
import { describeMachine, type Measured, residentMb } from './measure.ts';
import { Subject } from './subject.ts';

const [rounds = 6, updates = 4_000] = process.argv.slice(2).map(Number);
const CONCURRENCY = 64;
const WARM_UP = 3_000;

const SAMPLERS: Readonly<Record<string, NodeJS.ProcessEnv>> = {
  none: { OTEL_SDK_DISABLED: 'true' },
  '1 %': { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' },
  'the default': {},
  // Replicas of one kind differ, too: by how much is the measure of the rest.
  'none again': { OTEL_SDK_DISABLED: 'true' },
  '1 % again': { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' },
  'every call': { OTEL_TRACES_SAMPLER: 'always_on' },
};

interface Candidate {
  readonly name: string;
  readonly subject: Subject;
  readonly turns: Measured[];
}

setHashEngine(nodeHashEngine);
const household = new Household();
const candidates: Candidate[] = [];
for (const [name, environment] of Object.entries(SAMPLERS)) {
  const subject = await Subject.start(household, { environment });
  await subject.update(WARM_UP, CONCURRENCY);
  candidates.push({ name, subject, turns: [] });
}
for (let round = 0; round < rounds; round++) {
  const turn = round % candidates.length;
  // Whoever comes first or after a certain one has no advantage over the rounds.
  for (const { name, subject, turns } of [
    ...candidates.slice(turn),
    ...candidates.slice(0, turn),
  ]) {
    const measured = await subject.update(updates, CONCURRENCY);
    turns.push(measured);
    const { perSecond, cpuUs, otherLoad } = measured;
    console.error(
      `${name}: ${perSecond.toFixed(0)}/s, ${cpuUs.toFixed(0)} µs CPU, others ${(otherLoad * 100).toFixed(0)} %`,
    );
  }
}
const { commit, modified, date, processor, cores } = describeMachine();
console.log(`
Commit ${commit}${modified ? ' (modified)' : ''}, ${date}, ${processor}, ${cores} cores; \`node bench/traces.ts ${rounds} ${updates}\`: medians of ${rounds} rounds.

| traced | updates/s, ${CONCURRENCY} at a time | of none | CPU µs an update | of none | p50 ms | memory MB | others % |
| --- | --- | --- | --- | --- | --- | --- | --- |`);
const [base] = candidates;
for (const { name, subject, turns } of candidates) {
  const middle = (figureOf: (turn: Measured) => number): number => median(turns.map(figureOf));
  const ratio = (figureOf: (turn: Measured) => number): string =>
    median(
      turns.map((turn, round) => figureOf(turn) / figureOf(base?.turns[round] ?? turn)),
    ).toFixed(3);
  const cells = [
    name,
    middle(({ perSecond }) => perSecond).toFixed(0),
    ratio(({ perSecond }) => perSecond),
    middle(({ cpuUs }) => cpuUs).toFixed(0),
    ratio(({ cpuUs }) => cpuUs),
    middle(({ p50Ms }) => p50Ms).toFixed(1),
    residentMb(subject.pid).toFixed(0),
    (middle(({ otherLoad }) => otherLoad) * 100).toFixed(0),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
for (const { subject } of candidates) {
  await subject.checkCount();
  await subject.stop();
}
process.exit();
