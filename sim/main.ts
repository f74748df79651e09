// The simulator's command. Exit status 0 only when no checker fired; the last line says how many seeds ran.
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type Report, reportText, weatherOf, weatherText } from '@internode/sim';
import { drawFaults } from './adversaries/index.ts';
import { type Flags, HELP, readFlags } from './flags.ts';
import { drawHazards, hazardsText } from './hazards.ts';
import { openLives, type Seeds } from './seeds.ts';
import { calmed, commandOf, faultsText } from './shape.ts';
import { Shrinking } from './shrink.ts';
import { Timeline } from './timeline.ts';

const PROGRESS_MS = 10_000;
const WORKERS_MAX = 8;
/** Most of what a life creates dies with it: a large nursery spares copying. */
const YOUNG_MB = 64;

interface Lived {
  readonly index: number;
  readonly report: Report;
}

/** What all lives of a run came to. */
class Tally {
  readonly #base: string;
  readonly #silent: boolean;
  readonly #startedMs = performance.now();
  #toldMs = performance.now();
  #seeds = 0;
  #events = 0;
  failed: Lived | undefined;
  traceHash = '';

  constructor(base: string, silent: boolean) {
    this.#base = base;
    this.#silent = silent;
    if (!silent) console.log(`first seed ${base}`);
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  add(lived: Lived, showsLines: boolean): void {
    const { report } = lived;
    this.#seeds += 1;
    this.#events += report.events;
    this.traceHash = report.traceHash;
    if (report.violation !== undefined) {
      this.failed ??= lived;
      console.log(reportText(report));
    } else if (showsLines) console.log(report.lines.join('\n'));
    const nowMs = performance.now();
    if (this.#silent || nowMs - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = nowMs;
    console.log(this.#figures);
  }

  end(): void {
    const { seconds } = this;
    const result = { base: this.#base, seeds: this.#seeds, events: this.#events };
    const violations = this.failed === undefined ? 0 : 1;
    if (this.#silent) console.log(JSON.stringify({ ...result, seconds, violations }));
    else console.log(`${this.#figures}: ${violations === 0 ? 'no violation' : 'VIOLATION'}`);
  }

  get #figures(): string {
    const rate = (this.#seeds / Math.max(this.seconds, 1e-3)).toFixed(1);
    return `${this.#seeds} seeds, ${this.#events} events, ${this.seconds.toFixed(1)} s, ${rate} seeds/s`;
  }
}

async function main(): Promise<number> {
  const flags = readFlags();
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  if (flags.scale !== undefined) {
    const { scale } = await import('./scale.ts');
    await scale({ nodes: flags.scale });
    return 0;
  }
  const { seeds, count, seconds } = flags;
  const tally = new Tally(seeds.base, flags.json);
  if (count === 1 && !flags.json) await tellLife(seeds);
  let index = 0;
  const next = (): number | undefined => {
    if (index >= count || tally.failed !== undefined) return undefined;
    if (seconds !== undefined && tally.seconds >= seconds) return undefined;
    return index++;
  };
  const told = (lived: Lived): void => tally.add(lived, seeds.lines !== undefined);
  const workers = Math.min(flags.workers ?? availableParallelism(), WORKERS_MAX, count);
  if (count === 1) await here(seeds, next, told);
  else await Promise.all(Array.from({ length: workers }, () => elsewhere(seeds, next, told)));
  if (count === 1) console.log(`trace ${tally.traceHash}`);
  await lookInto(flags, tally.failed);
  tally.end();
  return tally.failed === undefined ? 0 : 1;
}

/** What the seed of a single life drew, before it is lived: a life that never ends can be repeated too. */
async function tellLife(seeds: Seeds): Promise<void> {
  const { seedOf, shapeOf } = await openLives(seeds);
  const [seed, shape] = [seedOf(0), shapeOf(0)];
  const { nodes, draws: drawsMax, faults = drawFaults(seed, nodes, drawsMax) } = shape;
  const weather = weatherOf(seed, { several: nodes > 1, swarm: calmed(shape), drawsMax });
  console.log(`options    ${weatherText(weather)}`);
  console.log(`faults     ${faultsText(faults)}`);
  if (nodes > 1) {
    const drawn = drawHazards({ seed, nodes, drawsMax }, faults, shape.hazards ?? {});
    console.log(`hazards    ${hazardsText(drawn)}`);
  }
  console.log(`repeat     ${commandOf(seed, shape)}`);
}

type Next = () => number | undefined;

async function here(seeds: Seeds, next: Next, told: (lived: Lived) => void): Promise<void> {
  const lives = await openLives(seeds);
  for (let index = next(); index !== undefined; index = next())
    told({ index, report: await lives.live(lives.seedOf(index), lives.shapeOf(index)) });
}

/** In a thread of its own; rejects when it dies. */
function elsewhere(seeds: Seeds, next: Next, told: (lived: Lived) => void): Promise<void> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: seeds,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (lived: Lived | undefined) => {
      if (lived !== undefined) told(lived);
      const index = next();
      if (index === undefined) resolve(worker.terminate().then(() => undefined));
      else worker.postMessage(index);
    });
  });
}

/** At the life that failed, made smaller when that is wanted; without one, at the first. */
async function lookInto(flags: Flags, failed: Lived | undefined): Promise<void> {
  const { report: file, shrink, seeds } = flags;
  if (file === undefined && (!shrink || failed === undefined)) return;
  const lives = await openLives(seeds);
  const index = failed?.index ?? 0;
  const seed = lives.seedOf(index);
  let shape = lives.shapeOf(index);
  if (shrink && failed !== undefined) {
    const shrinking = new Shrinking(lives, { seed, shape, report: failed.report }, console.log);
    const shrunk = await shrinking.run();
    shape = shrunk.shape;
    console.log(reportText(shrunk.report));
    console.log(`shrunk in ${shrunk.lives} lives`);
  }
  if (file === undefined) return;
  const timeline = new Timeline();
  const report = await lives.live(seed, shape, timeline);
  writeFileSync(file, timeline.page(report));
  console.log(`report ${file}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
