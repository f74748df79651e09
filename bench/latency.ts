// node bench/latency.ts [ROUNDS] [UPDATES]: whose the time of a call is, embedded, in threads and in processes, and what the bus has of it. Every call
// is traced; waterfalls of whole calls are cut into slices by service. Processes also tell how many messages an update takes over the broker, and
// a bare connection to a broker of the same kind tells what a hop costs without us. Prints markdown.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startNatsServer } from '@internode/bus/testing';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { median } from '@internode/loadtest';
import { connect } from '@nats-io/transport-node';
import { totalOf } from '../e2e/runner/metrics.ts';
import { SERVICES } from '../e2e/runner/services.ts';
import { listOf, missingOf, traceOf } from '../e2e/runner/traces.ts';
import { wait } from '../e2e/runner/under-load.ts';
import { Household } from './household.ts';
import { BETWEEN, sharesOf } from './latency-shares.ts';
import { describeMachine } from './measure.ts';
import { Subject } from './subject.ts';

const [rounds = 3, updates = 1_000] = process.argv.slice(2).map(Number);
const PLACEMENTS = ['embedded', 'threads', 'processes'] as const;
const LOADS = [1, 64] as const;
const ONE_BY_ONE = 100;
const WARM_UP = 3_000;
/** Spans of services apart are told now and then. */
const SETTLE_MS = 2_000;
/** A gateway that is asked sooner tells what it told before of other processes. */
const FIGURES_KEPT_MS = 600;
const SHOWN = 100;
const ECHOES = 2_000;
const HOP_BYTES = 256;
const ECHO = fileURLToPath(new URL('echo.ts', import.meta.url));

interface Sum {
  calls: number;
  hops: number;
  /** Sent over the broker meanwhile, by all processes. */
  messages: number;
  bytes: number;
  readonly ms: Map<string, number>;
  readonly queuedMs: Map<string, number>;
}

interface Candidate {
  readonly placement: (typeof PLACEMENTS)[number];
  readonly subject: Subject;
  readonly sums: ReadonlyMap<number, Sum>;
}

setHashEngine(nodeHashEngine);
const household = new Household();
const candidates: Candidate[] = [];
const environment = { OTEL_TRACES_SAMPLER: 'parentbased_always_on' };
for (const placement of PLACEMENTS) {
  const subject = await Subject.start(household, { args: ['--placement', placement], environment });
  await subject.update(WARM_UP, 64);
  const sums = new Map(LOADS.map((load) => [load, emptySum()]));
  candidates.push({ placement, subject, sums });
}
for (let round = 0; round < rounds; round++) {
  for (const candidate of candidates) {
    for (const load of LOADS) await measure(candidate, load);
    console.error(`round ${round + 1}, ${candidate.placement}`);
  }
}
const hopMs = await bareHopMs();
print();
for (const { subject } of candidates) {
  await subject.checkCount();
  await subject.stop();
}
process.exit();

function emptySum(): Sum {
  return { calls: 0, hops: 0, messages: 0, bytes: 0, ms: new Map(), queuedMs: new Map() };
}

async function measure(candidate: Candidate, load: (typeof LOADS)[number]): Promise<void> {
  const { subject, sums } = candidate;
  const sum = sums.get(load) ?? emptySum();
  const sent = async () => ({
    messages: await totalOf(subject.replica, 'internode_bus_messages_sent_total'),
    bytes: await totalOf(subject.replica, 'internode_bus_bytes_sent_total'),
  });
  const before = await sent();
  const sinceMs = Date.now();
  await subject.update(load === 1 ? ONE_BY_ONE : updates, load);
  await wait(FIGURES_KEPT_MS);
  const after = await sent();
  sum.messages += after.messages - before.messages;
  sum.bytes += after.bytes - before.bytes;
  await wait(SETTLE_MS);
  const { traces } = await listOf(subject.replica, `kind=call&limit=${SHOWN}`);
  for (const { traceId, startUnixMs } of traces) {
    const trace = startUnixMs < sinceMs ? undefined : await traceOf(subject.replica, traceId);
    const shares = trace && missingOf(trace).length === 0 ? sharesOf(trace) : undefined;
    if (shares === undefined) continue;
    sum.calls += 1;
    sum.hops += shares.hops;
    for (const [into, from] of [
      [sum.ms, shares.ms],
      [sum.queuedMs, shares.queuedMs],
    ] as const)
      for (const [name, ms] of from) into.set(name, (into.get(name) ?? 0) + ms);
  }
}

/** Half a round trip between two processes and a broker that do nothing else. */
async function bareHopMs(): Promise<number> {
  const server = await startNatsServer();
  const echo = fork(ECHO, [server.url], { stdio: 'inherit' });
  household.keep(echo);
  await new Promise((resolve) => echo.once('message', resolve));
  const connection = await connect({ servers: server.url });
  const body = new Uint8Array(HOP_BYTES);
  const tookMs: number[] = [];
  let answered = (): void => {};
  connection.subscribe('answer', { callback: () => answered() });
  for (let number = 0; number < ECHOES; number++) {
    const startedMs = performance.now();
    await new Promise<void>((resolve) => {
      answered = resolve;
      connection.publish('question', body);
    });
    tookMs.push(performance.now() - startedMs);
  }
  await connection.close();
  echo.kill();
  await server.stop();
  return median(tookMs.slice(ECHOES / 2)) / 2;
}

function print(): void {
  const { commit, modified, date, processor, cores } = describeMachine();
  console.log(
    `\nCommit ${commit}${modified ? ' (modified)' : ''}, ${date}, ${processor}, ${cores} cores; \`node bench/latency.ts ${rounds} ${updates}\`; every call traced.`,
  );
  for (const load of LOADS) {
    const what = load === 1 ? 'One by one' : `${load} at a time`;
    console.log(`
${what}, ms of a call (of that, in a mailbox), means:

| placement | calls | whole | ${SERVICES.join(' | ')} | ${BETWEEN} | hops |
| --- | --- | --- | ${SERVICES.map(() => '---').join(' | ')} | --- | --- |`);
    for (const { placement, sums } of candidates) {
      const sum = sums.get(load) ?? emptySum();
      const mean = (value: number): number => value / Math.max(sum.calls, 1);
      const whole = mean([...sum.ms.values()].reduce((all, ms) => all + ms, 0));
      const cells = [...SERVICES, BETWEEN].map((name) => {
        const ms = mean(sum.ms.get(name) ?? 0);
        const queued = mean(sum.queuedMs.get(name) ?? 0);
        const share = `${((ms / whole) * 100).toFixed(0)} %`;
        return name === BETWEEN
          ? `${ms.toFixed(2)}, ${share}`
          : `${ms.toFixed(2)} (${queued.toFixed(2)}), ${share}`;
      });
      const all = [placement, sum.calls, whole.toFixed(2), ...cells, mean(sum.hops).toFixed(1)];
      console.log(`| ${all.join(' | ')} |`);
    }
  }
  const apart = candidates.find(({ placement }) => placement === 'processes')?.sums.get(64);
  const { messages, bytes } = apart ?? emptySum();
  console.log(`
Over the broker an update takes ${(messages / (rounds * updates)).toFixed(1)} messages of ${(bytes / messages).toFixed(0)} bytes at 64 at a time.
A hop of ${HOP_BYTES} bytes between two processes over a broker that does nothing else: ${(hopMs * 1e3).toFixed(0)} µs (half a round trip, median).`);
}
