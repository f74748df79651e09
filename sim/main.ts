// The simulator's command. Exit status 0 only when no checker fired; the last line says how many seeds ran.
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type Report, reportText } from '@internode/sim';
import { CRYPTO_KINDS, openSeeds, type Seeds } from './seeds.ts';

const HELP = `npm run sim -- [flags]: simulated lives of a replica under crashes, loss, repetition and torn writes

Flags
  --seed TEXT       first seed; each next one is this text and a number        (0)
  --seeds N         so many lives                                              (1, or as many as --seconds allows)
  --seconds S       begin no life after this time
  --crypto KIND     real, stand-in, or mixed: every 50th seed real             (mixed)
  --draws N         randomness ends after N draws of each stream: shrinks a failure
  --lines N         the last N events of each life, also of those that went well
  --workers N       lives at a time                                            (one for each core, 8 at most)
  --ci              the commit is the first seed
  --json            the result as one object

Examples
  npm run sim -- --seed 7
  npm run sim -- --seeds 10000
  npm run sim -- --seed 7/312 --draws 40
`;

const PROGRESS_MS = 10_000;
const WORKERS_MAX = 8;
/** Most of what a life creates dies with it: a large nursery spares copying. */
const YOUNG_MB = 64;

/** What all lives of a run came to. */
class Tally {
  readonly #base: string;
  readonly #silent: boolean;
  readonly #startedMs = performance.now();
  #toldMs = performance.now();
  #seeds = 0;
  #events = 0;
  violations = 0;
  traceHash = '';

  constructor(base: string, silent: boolean) {
    this.#base = base;
    this.#silent = silent;
    if (!silent) console.log(`first seed ${base}`);
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  add(report: Report, showsLines: boolean): void {
    this.#seeds += 1;
    this.#events += report.events;
    this.traceHash = report.traceHash;
    if (report.violation !== undefined) {
      this.violations += 1;
      console.log(reportText(report));
    } else if (showsLines) console.log(report.lines.join('\n'));
    const nowMs = performance.now();
    if (this.#silent || nowMs - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = nowMs;
    console.log(this.#figures);
  }

  end(): void {
    const { seconds, violations } = this;
    const result = { base: this.#base, seeds: this.#seeds, events: this.#events };
    if (this.#silent) console.log(JSON.stringify({ ...result, seconds, violations }));
    else console.log(`${this.#figures}: ${violations === 0 ? 'no violation' : 'VIOLATION'}`);
  }

  get #figures(): string {
    const rate = (this.#seeds / Math.max(this.seconds, 1e-3)).toFixed(1);
    return `${this.#seeds} seeds, ${this.#events} events, ${this.seconds.toFixed(1)} s, ${rate} seeds/s`;
  }
}

async function main(): Promise<number> {
  const values = flags();
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const crypto = CRYPTO_KINDS.find((kind) => kind === values.crypto);
  if (!crypto) throw new Error(`--crypto ${values.crypto} is unknown: ${CRYPTO_KINDS.join(', ')}`);
  const { draws, lines, seconds } = values;
  const base = values.seed ?? (values.ci ? commit() : '0');
  const count = values.seeds ?? (seconds === undefined ? 1 : Number.POSITIVE_INFINITY);
  const tally = new Tally(base, values.json === true);
  let index = 0;
  const next = (): number | undefined => {
    if (index >= count || tally.violations > 0) return undefined;
    if (seconds !== undefined && tally.seconds >= seconds) return undefined;
    return index++;
  };
  const told = (report: Report): void => tally.add(report, lines !== undefined);
  const seeds = { base, crypto, draws, lines };
  const workers = Math.min(values.workers ?? availableParallelism(), WORKERS_MAX, count);
  if (workers === 1) await here(seeds, next, told);
  else await Promise.all(Array.from({ length: workers }, () => elsewhere(seeds, next, told)));
  if (count === 1) console.log(`trace ${tally.traceHash}`);
  tally.end();
  return tally.violations === 0 ? 0 : 1;
}

type Next = () => number | undefined;

async function here(seeds: Seeds, next: Next, told: (report: Report) => void): Promise<void> {
  const life = await openSeeds(seeds);
  for (let index = next(); index !== undefined; index = next()) told(await life(index));
}

/** In a thread of its own; rejects when it dies. */
function elsewhere(seeds: Seeds, next: Next, told: (report: Report) => void): Promise<void> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: seeds,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (report: Report | undefined) => {
      if (report !== undefined) told(report);
      const index = next();
      if (index === undefined) resolve(worker.terminate().then(() => undefined));
      else worker.postMessage(index);
    });
  });
}

function flags() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      seconds: { type: 'string' },
      crypto: { type: 'string', default: 'mixed' },
      draws: { type: 'string' },
      lines: { type: 'string' },
      workers: { type: 'string' },
      ci: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const number = (name: 'seeds' | 'seconds' | 'draws' | 'lines' | 'workers') => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!(value > 0)) throw new Error(`--${name} ${text} is not a positive number`);
    return value;
  };
  return {
    ...values,
    seeds: number('seeds'),
    seconds: number('seconds'),
    draws: number('draws'),
    lines: number('lines'),
    workers: number('workers'),
  };
}

function commit(): string {
  return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
