// Members that come and go, by the commands of their operators and of the subnet's controller.
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Network } from './network.ts';
import { freePorts } from './ports.ts';
import { type Replica, runInternode, scratchDir, startReplica } from './replica.ts';

const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 250;

export interface Added {
  readonly nodeIds: readonly string[];
  /** Settles when each is ready: it has fetched the chain. */
  readonly ready: Promise<readonly Replica[]>;
  stop(): void;
}

async function internode(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runInternode([...args, '--json']);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** `node create` on each machine, `subnet invite`, `node join` and `start` on each, `subnet add`. */
export async function addNodes(network: Network, count: number): Promise<Added> {
  const base = scratchDir();
  const ports = await freePorts(count);
  const nodes = ports.map((port, index) => ({
    dataDir: join(base, `n${index}`),
    file: join(base, `n${index}.json`),
    address: `127.0.0.1:${port}`,
  }));
  const nodeIds: string[] = [];
  for (const { dataDir, file, address } of nodes) {
    const flags = ['--data-dir', dataDir, '--address', address, '--out', file];
    nodeIds.push(String((await internode('node', 'create', ...flags))['nodeId']));
  }
  const invitation = join(base, 'invitation.json');
  const files = [...nodes.map(({ file }) => file), '--data-dir', network.dataDir];
  await internode('subnet', 'invite', ...files, '--out', invitation);
  const children: ChildProcess[] = [];
  const spawned = (child: ChildProcess) => children.push(child);
  const starting = nodes.map(async ({ dataDir }) => {
    await internode('node', 'join', invitation, '--data-dir', dataDir);
    return startReplica({ dataDir, timeoutMs: READY_TIMEOUT_MS, spawned });
  });
  const ready = Promise.all(starting);
  // Whoever stops waiting has an error of its own.
  ready.catch(() => {});
  await added(files);
  return {
    nodeIds,
    ready,
    stop: () => {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

/** Refused until all of them run. */
async function added(files: readonly string[]): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      await internode('subnet', 'add', ...files);
      return;
    } catch (fault) {
      const isEarly = String(fault).includes('nobody answers at');
      if (!isEarly || performance.now() > deadlineMs) throw fault;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

export async function removeNodes(network: Network, nodeIds: readonly string[]): Promise<void> {
  await internode('subnet', 'remove', ...nodeIds, '--data-dir', network.dataDir);
}

/** Waits until a replica's certified state shows so many members; answers their ids. */
export async function membersAt(
  { dataDir, gatewayUrl }: Pick<Replica, 'dataDir' | 'gatewayUrl'>,
  count: number,
  timeoutMs: number,
): Promise<readonly string[]> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const shown = await internode('subnet', 'show', '--url', gatewayUrl, '--data-dir', dataDir);
    const members = shown['members'] as string[];
    if (members.length === count) return members;
    if (performance.now() > deadlineMs)
      throw new Error(`${gatewayUrl} shows ${members.length} members, not ${count}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
