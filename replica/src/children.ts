// The replicas of a network as child processes: started together, reported when they end, stopped together.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from './node-flags.ts';
import type { ReplicaConfig } from './replica-config.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
/** As `npm start` gives them (scripts/run.mjs), with half of the memory, for there are several. */
const NODE_FLAGS = nodeFlags(16, 128);
/** A replica that has not stopped by then is killed: nothing acknowledged is lost by that. */
const STOP_TIMEOUT_MS = 10_000;

/** What a replica tells the process that started it, once it is ready. */
export interface ReadyNews {
  readonly kind: 'ready';
  readonly config: ReplicaConfig;
}

export interface Ended {
  readonly index: number;
  readonly pid: number;
  /** "status 1" or "signal SIGKILL". */
  readonly how: string;
}

export interface ChildOptions {
  /** Arguments after `internode`, per replica. */
  readonly args: readonly (readonly string[])[];
  /** Whether lines of text get the replica's number in front. */
  readonly numbersLines: boolean;
  readonly onEnded: (ended: Ended) => void;
}

export class Children {
  readonly #children: readonly ChildProcess[];
  readonly #ended: readonly Promise<Ended>[];
  readonly #ready: readonly Promise<ReplicaConfig>[];

  constructor({ args, numbersLines, onEnded }: ChildOptions) {
    this.#children = args.map((own, index) => spawnReplica(own, numbersLines ? index : undefined));
    this.#ended = this.#children.map((child, index) => endOf(child, index));
    this.#ready = this.#children.map(readinessOf);
    for (const ended of this.#ended) void ended.then(onEnded);
  }

  /** Settles when all are ready, or one of them has ended before. */
  ready(): Promise<readonly ReplicaConfig[] | Ended> {
    return Promise.race([Promise.all(this.#ready), ...this.#ended]);
  }

  /** Settles when all have ended. */
  async gone(): Promise<void> {
    await Promise.all(this.#ended);
  }

  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    const deadline = setTimeout(() => {
      for (const pid of this.#signal('SIGKILL'))
        console.error(
          `process ${pid} was killed after it had not stopped for ${STOP_TIMEOUT_MS} ms`,
        );
    }, STOP_TIMEOUT_MS);
    await this.gone();
    clearTimeout(deadline);
  }

  /** Process ids of those that were still there. */
  #signal(signal: NodeJS.Signals): number[] {
    const alive = this.#children.filter(
      (child) => child.exitCode === null && child.signalCode === null,
    );
    for (const child of alive) child.kill(signal);
    return alive.map(({ pid }) => pid ?? 0);
  }
}

function spawnReplica(args: readonly string[], number: number | undefined): ChildProcess {
  const output = number === undefined ? 'inherit' : 'pipe';
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...args], {
    stdio: ['ignore', output, output, 'ipc'],
  });
  if (number === undefined) return child;
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    if (from !== null)
      createInterface({ input: from }).on('line', (line) => to.write(`${number} ${line}\n`));
  }
  return child;
}

function endOf(child: ChildProcess, index: number): Promise<Ended> {
  return new Promise((resolve) => {
    const ended = (how: string): void => resolve({ index, pid: child.pid ?? 0, how });
    child.once('error', (fault) => ended(fault.message));
    child.once('exit', (code, signal) =>
      ended(signal === null ? `status ${code}` : `signal ${signal}`),
    );
  });
}

function readinessOf(child: ChildProcess): Promise<ReplicaConfig> {
  return new Promise((resolve) => {
    child.on('message', (news: ReadyNews) => {
      if (news.kind === 'ready') resolve(news.config);
    });
  });
}
