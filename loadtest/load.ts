// npm run load -- --url http://127.0.0.1:8000 --rate 500 --seconds 30 --concurrency 64
// Load at a fixed rate against a replica on this machine, with every answer checked (README.md).
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { decodeCborMap, principalFromText, setHashEngine } from '@internode/encoding';
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

const EXPIRY_MS = 4 * 60_000;
const SENDERS = 64;
/** Verifying every certificate would cost the generator more than the replica pays for the call. */
const VERIFIED_EVERY = 100;

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
  const tally = new Tally(kind, trust);
  const figures = await runOpenLoop({
    url,
    rate,
    count,
    concurrency,
    path: `/api/${kind === 'update' ? 'v4' : 'v3'}/canister/${canisterText}/${kind === 'update' ? 'call' : 'query'}`,
    body: (index) => {
      const fields = {
        kind: kind === 'update' ? ('call' as const) : ('query' as const),
        canisterId: canisterId.value,
        method,
        argument: NO_ARGUMENTS,
        expiryMs: Date.now() + EXPIRY_MS,
      };
      const signer = signers[index % SENDERS];
      const prepared =
        kind === 'anonymous' || !signer ? anonymousRequest(fields) : signedRequest(fields, signer);
      return tally.sent(index, prepared);
    },
    answered: (answer, index) => tally.answered(answer, index),
  });
  report(figures, tally, count);
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

  answered(answer: HttpAnswer, index: number): void {
    const requestId = this.#requestIds.get(index) ?? new Uint8Array();
    this.#requestIds.delete(index);
    const outcome = this.#read(answer, index, requestId);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  #read(answer: HttpAnswer, index: number, requestId: Uint8Array): string {
    try {
      if (this.#kind !== 'update')
        return readQueryAnswer(answer).replied ? 'replied' : 'rejected query';
      const trust = index % VERIFIED_EVERY === 0 ? this.#trust : undefined;
      const read = readCallAnswer(answer, requestId, trust);
      if (read.kind === 'rejected') return `rejected ${read.code}: ${read.message}`;
      return read.kind === 'refused' ? `refused: ${read.text}` : read.kind;
    } catch (fault) {
      return (fault as Error).message;
    }
  }
}

function report(figures: OpenLoopFigures, tally: Tally, count: number): void {
  const { latenciesMs, seconds, broken, backlogMax } = figures;
  const at = (share: number): string => `${percentile(latenciesMs, share).toFixed(1)} ms`;
  console.log(
    `answered  ${latenciesMs.length} in ${seconds.toFixed(1)} s: ${(latenciesMs.length / seconds).toFixed(0)}/s`,
  );
  console.log(
    `latency   p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, max ${at(1)} (from the instant due)`,
  );
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
