// The flags of `npm run load` and their checks.
import { parseArgs } from 'node:util';
import { invalid, type Verdict, valid } from '@internode/prelude';

export type LoadKind = 'update' | 'query' | 'anonymous';

export interface LoadOptions {
  readonly url: string;
  /** Requests per second. */
  readonly rate: number;
  readonly seconds: number;
  /** Connections: requests under way at a time. */
  readonly concurrency: number;
  readonly kind: LoadKind;
  /** Textual id; undefined: install the counter first. */
  readonly canister: string | undefined;
  readonly method: string | undefined;
  /** A file for the report, HTML. */
  readonly report: string | undefined;
}

export const USAGE = `Load at a fixed rate against a replica on this machine; every answer is checked.

npm run load -- [flags]
  --url URL            loopback only                                          (http://127.0.0.1:8000)
  --rate N             requests per second, sent whether or not earlier ones were answered   (200)
  --seconds N          how long                                               (10)
  --concurrency N      connections; what is due waits for a free one          (64)
  --kind KIND          update (signed), query (signed) or anonymous (query)   (update)
  --canister ID        which canister; without it a counter is installed
  --method NAME        method without arguments                               (inc, for queries get)
  --report FILE        one HTML page: rates, latency, processors, memory, stages, the bottleneck
`;

const FLAGS = {
  url: { type: 'string', default: 'http://127.0.0.1:8000' },
  rate: { type: 'string', default: '200' },
  seconds: { type: 'string', default: '10' },
  concurrency: { type: 'string', default: '64' },
  kind: { type: 'string', default: 'update' },
  canister: { type: 'string' },
  method: { type: 'string' },
  report: { type: 'string' },
} as const;

const RATE_MAX = 20_000;
const SECONDS_MAX = 3600;
const CONCURRENCY_MAX = 1000;
const REQUESTS_MAX = 2_000_000;

export function parseOptions(args: readonly string[]): Verdict<LoadOptions> {
  let values: ReturnType<typeof parseFlags>;
  try {
    values = parseFlags(args);
  } catch (fault) {
    return invalid((fault as Error).message);
  }
  const { url, kind, canister, method, report } = values;
  if (!isLoopback(url))
    return invalid(`--url ${url}: only http://127.0.0.1, http://localhost or http://[::1]`);
  if (kind !== 'update' && kind !== 'query' && kind !== 'anonymous')
    return invalid(`--kind ${kind}: update, query or anonymous`);
  const rate = Number(values.rate);
  if (!(rate > 0 && rate <= RATE_MAX))
    return invalid(`--rate ${rate}: above 0, at most ${RATE_MAX}`);
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= SECONDS_MAX && rate * seconds <= REQUESTS_MAX))
    return invalid(
      `--seconds ${seconds}: above 0, at most ${SECONDS_MAX}, and ${REQUESTS_MAX} requests in all`,
    );
  const concurrency = Number(values.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > CONCURRENCY_MAX)
    return invalid(`--concurrency ${concurrency}: 1 to ${CONCURRENCY_MAX}`);
  return valid({ url, rate, seconds, concurrency, kind, canister, method, report });
}

function parseFlags(args: readonly string[]) {
  return parseArgs({ args: [...args], options: FLAGS, strict: true }).values;
}

/** Whether a URL is plain HTTP to this very machine. Names other than `localhost` are not looked up: refused. */
export function isLoopback(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (protocol !== 'http:' || username !== '' || password !== '') return false;
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
