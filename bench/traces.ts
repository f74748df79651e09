// node bench/traces.ts [ROUNDS] [UPDATES]: what traces cost.
//
// Within one replica, which leaves the decision to its callers: turns whose calls say that none of them is sampled, one in a hundred,
// every one. Two replicas of one kind differ by more than what is looked for; turns of a second of one replica do not. Then replicas
// that trace nothing, the few of the default, one call in a hundred, and every call run beside each other, two of some, idle but for the
// one whose turn it is; each round measures all of them in another order. Prints medians as markdown, and how each compares with none,
// round by round.
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

/** Which share of a turn's calls say that they are sampled. The last is the first again, and shows what is noise. */
const SHARES: Readonly<Record<string, number>> = {
  'none is sampled': 0,
  '1 % are': 0.01,
  'every call is': 1,
  'none, again': 0,
};
const TURNS_FOR_ONE = 5;

async function measureSampling(household: Household): Promise<void> {
  const environment = { OTEL_TRACES_SAMPLER: 'parentbased_always_off' };
  const subject = await Subject.start(household, { environment });
  for (let i = 0; i < 4; i++) await subject.update(WARM_UP, CONCURRENCY, 0.01);
  const names = Object.keys(SHARES);
  const turns = new Map<string, Measured[]>(names.map((name) => [name, []]));
  for (let round = 0; round < TURNS_FOR_ONE * rounds; round++) {
    const turn = round % names.length;
    for (const name of [...names.slice(turn), ...names.slice(0, turn)])
      turns
        .get(name)
        ?.push(await subject.update(Math.floor(updates / 2), CONCURRENCY, SHARES[name] ?? 0));
  }
  console.log(`
Within one replica, ${TURNS_FOR_ONE * rounds} turns of ${Math.floor(updates / 2)} updates each, medians; ratios are medians of each round's.

| calls | updates/s | to the first | CPU µs an update | to the first |
| --- | --- | --- | --- | --- |`);
  const first = turns.get(names[0] ?? '') ?? [];
  for (const [name, measured] of turns) {
    const told = (figureOf: (turn: Measured) => number): string =>
      `${median(measured.map(figureOf)).toFixed(0)} | ${median(
        measured.map((turn, i) => figureOf(turn) / figureOf(first[i] ?? turn)),
      ).toFixed(3)}`;
    console.log(
      `| ${name} | ${told(({ perSecond }) => perSecond)} | ${told(({ cpuUs }) => cpuUs)} |`,
    );
  }
  await subject.checkCount();
  await subject.stop();
}

setHashEngine(nodeHashEngine);
const household = new Household();
await measureSampling(household);
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
