// npm run load -- --url http://127.0.0.1:8000 --rate 500 --seconds 30 --concurrency 64
// Load at a fixed rate against a replica on this machine, with every answer checked (README.md).
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { decodeCborMap, principalFromText, setHashEngine } from '@internode/encoding';
import type { StageFigures } from '@internode/telemetry';
import { bottleneckOf } from './src/bottleneck.ts';
import {
  anonymousRequest,
  deployCounter,
  generateSigner,
  type HttpAnswer,
  NO_ARGUMENTS,
  type OpenLoopFigures,
  type Prepared,
  percentile,
  readCallAnswer,
  readQueryAnswer,
  runOpenLoop,
  signedRequest,
  type Trust,
} from './src/index.ts';
import { type LoadOptions, parseOptions, USAGE } from './src/load-options.ts';
import { type Report, reportPage } from './src/report-page.ts';
import { Timeline } from './src/timeline.ts';
import { type Sample, usageOf, watchUsage } from './src/usage.ts';

const EXPIRY_MS = 4 * 60_000;
/** An ingress message may be this much too old by the clock of the replica. */
const EXPIRY_MARGIN_MS = 30_000;
const EARLY_MAX = 200_000;
const SENDERS = 64;
/** Verifying every certificate would cost the generator more than the replica pays for the call. */
const VERIFIED_EVERY = 100;
/** What is told of latencies. */
const SHARES = { p50: 0.5, p90: 0.9, p99: 0.99, max: 1 };

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return console.log(USAGE);
  const options = parseOptions(args);
  if (options.kind !== 'valid') {
    console.error(`load: ${options.reason}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  setHashEngine(nodeHashEngine);
  const { url } = options.value;
  const trust = { rootKey: await fetchRootKey(url), bls: await loadFastBls() };
  const canisterId = options.value.canister ?? (await deployCounter(url));
  await run(options.value, canisterId, trust);
}

async function fetchRootKey(url: string): Promise<Uint8Array> {
  const answer = await fetch(`${url}/api/v2/status`).catch((fault: Error) => {
    throw new Error(`no replica answers on ${url} (${fault.message})`);
  });
  const status = decodeCborMap(new Uint8Array(await answer.arrayBuffer()));
  const rootKey = status.kind === 'valid' ? status.value['root_key'] : undefined;
  if (!(rootKey instanceof Uint8Array)) throw new Error(`${url} is no replica: no root_key`);
  return rootKey;
}

async function run(options: LoadOptions, canisterText: string, trust: Trust): Promise<void> {
  const { kind, url, rate, seconds, concurrency } = options;
  const canisterId = principalFromText(canisterText);
  if (canisterId.kind !== 'valid') throw new Error(`--canister: ${canisterId.reason}`);
  const method = options.method ?? (kind === 'update' ? 'inc' : 'get');
  const count = Math.round(rate * seconds);
  console.log(
    `${count} × ${kind} ${canisterText}.${method} at ${rate}/s over ${concurrency} connections`,
  );
  const signers = Array.from({ length: SENDERS }, generateSigner);
  const prepare = (index: number): Prepared => {
    const fields = {
      kind: kind === 'update' ? ('call' as const) : ('query' as const),
      canisterId: canisterId.value,
      method,
      argument: NO_ARGUMENTS,
      expiryMs: Date.now() + EXPIRY_MS,
    };
    const signer = signers[index % SENDERS];
    return kind === 'anonymous' || !signer
      ? anonymousRequest(fields)
      : signedRequest(fields, signer);
  };
  const early = isSignedEarly(count, seconds)
    ? Array.from({ length: count }, (_, i) => prepare(i))
    : [];
  const tally = new Tally(kind, trust);
  const timeline = new Timeline(rate, count);
  const certifiedMs: number[] = [];
  const stop = new AbortController();
  const watching = options.report === undefined ? [] : watchUsage(url, stop.signal);
  const start = { ms: performance.now(), unixMs: Date.now() };
  const figures = await runOpenLoop({
    url,
    rate,
    count,
    concurrency,
    path: `/api/${kind === 'update' ? 'v4' : 'v3'}/canister/${canisterText}/${kind === 'update' ? 'call' : 'query'}`,
    body: (index) => tally.sent(index, early[index] ?? prepare(index)),
    answered: (answer, index, latencyMs) => {
      timeline.answered(performance.now() - start.ms, latencyMs);
      const certifiedAtMs = tally.answered(answer, index);
      if (certifiedAtMs !== undefined)
        certifiedMs.push(certifiedAtMs - start.unixMs - (index * 1_000) / rate);
    },
  });
  stop.abort();
  const samples = await watching;
  report(figures, tally, count);
  if (options.report !== undefined) {
    const title = `${count} × ${kind} at ${rate}/s`;
    const gathered = { figures, timeline, certifiedMs, samples, outcomes: tally.outcomes };
    writeFileSync(options.report, reportPage(await reportOf(title, options, gathered)));
    console.log(`report    ${options.report}`);
  }
}

/** Signing while the clock runs would take the replica's processor time. What is signed must not expire, and has to fit. */
function isSignedEarly(count: number, seconds: number): boolean {
  return count <= EARLY_MAX && seconds * 1e3 <= EXPIRY_MS - EXPIRY_MARGIN_MS;
}

interface Gathered {
  readonly figures: OpenLoopFigures;
  readonly timeline: Timeline;
  readonly certifiedMs: readonly number[];
  readonly samples: readonly Sample[];
  readonly outcomes: ReadonlyMap<string, number>;
}

async function reportOf(title: string, options: LoadOptions, gathered: Gathered): Promise<Report> {
  const { url, rate, concurrency, kind } = options;
  const { figures, timeline, certifiedMs, samples, outcomes } = gathered;
  const { latenciesMs, requestsMs, seconds, broken, backlogMax } = figures;
  const usage = usageOf(samples);
  const stages = await stagesOf(url);
  const cores = availableParallelism();
  const at = (values: readonly number[]): string =>
    values.length === 0
      ? '–'
      : Object.values(SHARES)
          .map((share) => percentile(values, share).toFixed(1))
          .join(' / ');
  return {
    title,
    bottleneck: bottleneckOf({ usage, stages, cores, backlogMax, concurrency }),
    facts: [
      ['asked for', `${rate}/s over ${concurrency} connections, ${kind}`],
      [
        'answered',
        `${latenciesMs.length} in ${seconds.toFixed(1)} s: ${(latenciesMs.length / seconds).toFixed(0)}/s`,
      ],
      [`latency from the instant due, ${Object.keys(SHARES).join(' / ')}`, `${at(latenciesMs)} ms`],
      ["the same until the certificate's own time", `${at(certifiedMs)} ms`],
      ['request from the instant sent, the same', `${at(requestsMs)} ms`],
      ['backlog, broken', `${backlogMax}, ${broken}`],
      ...[...outcomes].map(([outcome, times]): [string, string] => [outcome, String(times)]),
    ],
    seconds: timeline.seconds,
    histograms: [
      { name: "Latency by the client's clock", valuesMs: latenciesMs },
      { name: "Latency until the certificate's own time", valuesMs: certifiedMs },
    ],
    usage,
    samples,
    stages,
  };
}

/** Of the calls that the replica has traced; none where it does not say. */
async function stagesOf(url: string): Promise<readonly StageFigures[]> {
  try {
    const { stages } = (await (await fetch(`${url}/debug/traces.json`)).json()) as {
      readonly stages?: readonly StageFigures[];
    };
    return stages ?? [];
  } catch {
    return [];
  }
}

/** What became of the requests. */
class Tally {
  readonly outcomes = new Map<string, number>();
  readonly #kind: LoadOptions['kind'];
  readonly #trust: Trust;
  readonly #requestIds = new Map<number, Uint8Array>();

  constructor(kind: LoadOptions['kind'], trust: Trust) {
    this.#kind = kind;
    this.#trust = trust;
  }

  sent(index: number, prepared: Prepared): Uint8Array {
    this.#requestIds.set(index, prepared.requestId);
    return prepared.body;
  }

  /** Answers when it was certified, ms since 1970, if it was. */
  answered(answer: HttpAnswer, index: number): number | undefined {
    const requestId = this.#requestIds.get(index) ?? new Uint8Array();
    this.#requestIds.delete(index);
    const { outcome, atMs } = this.#read(answer, index, requestId);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    return atMs;
  }

  #read(
    answer: HttpAnswer,
    index: number,
    requestId: Uint8Array,
  ): { outcome: string; atMs?: number } {
    try {
      if (this.#kind !== 'update')
        return { outcome: readQueryAnswer(answer).replied ? 'replied' : 'rejected query' };
      const trust = index % VERIFIED_EVERY === 0 ? this.#trust : undefined;
      const read = readCallAnswer(answer, requestId, trust);
      if (read.kind === 'replied') return { outcome: 'replied', atMs: read.atMs };
      if (read.kind === 'rejected') return { outcome: `rejected ${read.code}: ${read.message}` };
      return { outcome: read.kind === 'refused' ? `refused: ${read.text}` : read.kind };
    } catch (fault) {
      return { outcome: (fault as Error).message };
    }
  }
}

function report(figures: OpenLoopFigures, tally: Tally, count: number): void {
  const { latenciesMs, requestsMs, seconds, broken, backlogMax } = figures;
  const quantiles = (values: readonly number[]): string =>
    Object.entries(SHARES)
      .map(([name, share]) => `${name} ${percentile(values, share).toFixed(1)} ms`)
      .join(', ');
  console.log(
    `answered  ${latenciesMs.length} in ${seconds.toFixed(1)} s: ${(latenciesMs.length / seconds).toFixed(0)}/s`,
  );
  console.log(`latency   ${quantiles(latenciesMs)} (from the instant due)`);
  console.log(`request   ${quantiles(requestsMs)} (from the instant sent)`);
  console.log(`backlog   at most ${backlogMax} waited for a connection; ${broken} broken`);
  for (const [outcome, times] of tally.outcomes)
    console.log(`${String(times).padStart(9)} ${outcome}`);
  process.exitCode = (tally.outcomes.get('replied') ?? 0) === count ? 0 : 1;
}

try {
  await main(process.argv.slice(2));
} catch (fault) {
  console.error(`load: ${(fault as Error).message}`);
  process.exitCode = 1;
}
