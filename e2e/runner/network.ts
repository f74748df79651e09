// A network as its users run it: the supervisor in a process of its own, each replica one of its children.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeCborMap } from '@internode/encoding';
import { type Replica, type ReplicaConfig, scratchDir, startReplica } from './replica.ts';

const MAIN = fileURLToPath(new URL('../../replica/src/main.ts', import.meta.url));
const READY_TIMEOUT_MS = 90_000;
/** For one that comes back: with an empty disk it follows from height 0, while all others go on on the same cores. */
const RETURN_TIMEOUT_MS = 240_000;
const POLL_MS = 20;

export interface NetworkReplica {
  readonly nodeId: string;
  readonly gatewayUrl: string;
  readonly pid: number;
  readonly dataDir: string;
}

interface NetworkConfig extends ReplicaConfig {
  readonly replicas: readonly NetworkReplica[];
}

export interface Network extends NetworkConfig {
  readonly process: ChildProcess;
  readonly readyMs: number;
  /** Everything that supervisor and replicas printed so far. */
  output(): string;
  replica(index: number): NetworkReplica;
  /** SIGKILL to one replica. */
  kill(index: number): void;
  /** SIGSTOP, SIGCONT. */
  pause(index: number): void;
  resume(index: number): void;
  /** Starts a replica that was killed, by hand, at the same port; with an empty disk when asked. Stopped with the network. */
  restart(index: number, options?: { readonly emptyDisk?: boolean }): Promise<Replica>;
  /** SIGTERM to all; answers the milliseconds until the supervisor was gone. */
  stop(): Promise<number>;
}

export interface NetworkOptions {
  readonly replicas?: number;
  readonly dataDir?: string;
  readonly args?: readonly string[];
  /** Told of the supervisor as soon as it exists, ready or not. */
  readonly spawned?: (process: ChildProcess) => void;
}

/** Starts `internode network` and waits for Ready. Throws with what it printed when it ends before. */
export async function startNetwork(options: NetworkOptions = {}): Promise<Network> {
  const configOut = join(mkdtempSync(join(tmpdir(), 'internode-config-')), 'network.json');
  const child = spawn(
    process.execPath,
    [
      MAIN,
      'network',
      ...['--port', '0', '--data-dir', options.dataDir ?? scratchDir(), '--config-out', configOut],
      ...(options.replicas === undefined ? [] : ['--replicas', String(options.replicas)]),
      ...(options.args ?? []),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  options.spawned?.(child);
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const startedAt = performance.now();
  const config = await configOf(child, configOut, () => output);
  const readyMs = performance.now() - startedAt;
  rmSync(join(configOut, '..'), { recursive: true, force: true });
  return networkOf({ child, config, readyMs, gone, output: () => output });
}

interface Parts {
  readonly child: ChildProcess;
  readonly config: NetworkConfig;
  readonly readyMs: number;
  readonly gone: Promise<void>;
  readonly output: () => string;
}

function networkOf({ child, config, readyMs, gone, output }: Parts): Network {
  const current = [...config.replicas];
  const restarted: Replica[] = [];
  const replica = (index: number): NetworkReplica => {
    const found = current[index];
    if (found === undefined) throw new Error(`there is no replica ${index}`);
    return found;
  };
  return {
    ...config,
    process: child,
    readyMs,
    output: () => output() + restarted.map((again) => again.output()).join(''),
    replica,
    kill: (index) => process.kill(replica(index).pid, 'SIGKILL'),
    pause: (index) => process.kill(replica(index).pid, 'SIGSTOP'),
    resume: (index) => process.kill(replica(index).pid, 'SIGCONT'),
    restart: async (index, { emptyDisk = false } = {}) => {
      const { dataDir, gatewayUrl } = replica(index);
      if (emptyDisk) {
        for (const entry of ['journal', 'store', 'checkpoints'])
          rmSync(join(dataDir, entry), { recursive: true, force: true });
      }
      const port = Number(new URL(gatewayUrl).port);
      const again = await startReplica({ dataDir, port, timeoutMs: RETURN_TIMEOUT_MS });
      current[index] = { ...replica(index), pid: again.pid };
      restarted.push(again);
      return again;
    },
    stop: async () => {
      const startedAt = performance.now();
      child.kill('SIGTERM');
      await Promise.all([gone, ...restarted.map((again) => again.stop())]);
      return performance.now() - startedAt;
    },
  };
}

async function configOf(
  child: ChildProcess,
  file: string,
  output: () => string,
): Promise<NetworkConfig> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as NetworkConfig;
    } catch {
      // Not there yet: it is written whole or not at all.
    }
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the network ended with ${child.exitCode ?? child.signalCode}:\n${output()}`);
    if (performance.now() > deadline) {
      child.kill('SIGTERM');
      throw new Error(`the network was not ready after ${READY_TIMEOUT_MS} ms:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The newest certified height, as the status endpoint tells it. */
export async function certifiedHeight(gatewayUrl: string): Promise<number> {
  const answer = await fetch(`${gatewayUrl}/api/v2/status`, {
    signal: AbortSignal.timeout(5_000),
  });
  const status = decodeCborMap(new Uint8Array(await answer.arrayBuffer()));
  if (status.kind !== 'valid') throw new Error(status.reason);
  return Number(status.value['certified_height']);
}

/** Milliseconds until a replica's certified height is at least this. Throws when that takes too long. */
export async function reached(
  gatewayUrl: string,
  height: number,
  timeoutMs: number,
): Promise<number> {
  const startedAt = performance.now();
  let last = -1;
  for (;;) {
    last = await certifiedHeight(gatewayUrl).catch(() => last);
    const tookMs = performance.now() - startedAt;
    if (last >= height) return tookMs;
    if (tookMs > timeoutMs)
      throw new Error(`${gatewayUrl} is at height ${last}, not ${height}, after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
