// A replica as its users run it: the command in a process of its own, found through `--config-out`.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnContained } from './contained.ts';

const MAIN = fileURLToPath(new URL('../../replica/src/main.ts', import.meta.url));
/** What `npm start` gives to node (scripts/run.mjs). */
const NODE_FLAGS = [
  '--min-semi-space-size=32',
  '--max-semi-space-size=32',
  '--initial-heap-size=256',
  `--v8-pool-size=${Math.min(4, availableParallelism())}`,
];
const NODE_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '1310720',
  MALLOC_TRIM_THRESHOLD_: '33554432',
};
const START_TIMEOUT_MS = 30_000;

export interface ReplicaConfig {
  readonly gatewayUrl: string;
  readonly rootKey: string;
  readonly subnetId: string;
  readonly nodeId: string;
  readonly nodeIds: readonly string[];
  readonly defaultEffectiveCanisterId: string;
  readonly dataDir: string;
  readonly pid: number;
}

/** Ready or not. */
export interface Started {
  readonly process: ChildProcess;
  /** Everything it printed so far. */
  output(): string;
  /** SIGTERM; answers the milliseconds until the process was gone. */
  stop(): Promise<number>;
  /** SIGKILL: as in a power cut of the process. */
  kill(): Promise<void>;
}

export interface Replica extends ReplicaConfig, Started {}

export interface StartOptions {
  readonly dataDir?: string;
  readonly port?: number;
  readonly args?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** For Ready; a member that has to catch up takes longer. */
  readonly timeoutMs?: number;
  /** Told of the process as soon as it exists, ready or not. */
  readonly spawned?: (process: ChildProcess) => void;
}

export function scratchDir(): string {
  return mkdtempSync(join(tmpdir(), 'internode-e2e-'));
}

/** Starts `internode start` and waits for Ready. Throws with what it printed when it ends before. */
export async function startReplica(options: StartOptions = {}): Promise<Replica> {
  const { ready, ...started } =
    process.env['INTERNODE_PLACEMENT'] === 'containers'
      ? await spawnContained({ ...options, dataDir: options.dataDir ?? scratchDir() })
      : spawnReplica(options);
  return { ...(await ready()), ...started };
}

/** Starts `internode start`. */
export function spawnReplica(
  options: StartOptions = {},
): Started & { ready(): Promise<ReplicaConfig> } {
  const dataDir = options.dataDir ?? scratchDir();
  const configOut = join(mkdtempSync(join(tmpdir(), 'internode-config-')), 'replica.json');
  const args = [
    'start',
    '--port',
    String(options.port ?? 0),
    '--data-dir',
    dataDir,
    '--config-out',
    configOut,
  ];
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...args, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...NODE_ENVIRONMENT, ...process.env, ...options.environment },
  });
  options.spawned?.(child);
  let output = '';
  child.stdout?.on('data', (text) => (output += text));
  child.stderr?.on('data', (text) => (output += text));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const timeoutMs = options.timeoutMs ?? START_TIMEOUT_MS;
  return {
    ready: async () => {
      const config = await waitForConfig({
        child,
        file: configOut,
        output: () => output,
        timeoutMs,
      });
      rmSync(join(configOut, '..'), { recursive: true, force: true });
      return config;
    },
    process: child,
    output: () => output,
    stop: async () => {
      const startedAt = performance.now();
      child.kill('SIGTERM');
      await gone;
      return performance.now() - startedAt;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function waitForConfig(options: {
  readonly child: ChildProcess;
  readonly file: string;
  readonly output: () => string;
  readonly timeoutMs: number;
}): Promise<ReplicaConfig> {
  const { child, file, output, timeoutMs } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as ReplicaConfig;
    } catch {
      // Not there yet: it is written whole or not at all.
    }
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the replica ended with ${child.exitCode ?? child.signalCode}:\n${output()}`);
    }
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the replica was not ready after ${timeoutMs} ms:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Runs the command to its end. */
export function runInternode(
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  return runProgram(process.execPath, [MAIN, ...args]);
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** What it reads. */
  readonly input?: string;
}

export function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}
