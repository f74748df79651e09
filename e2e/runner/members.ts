// Members that come and go, by the commands of their operators and of the subnet's controller.
import { join } from 'node:path';
import { freePorts, type Network } from './network.ts';
import { type Replica, runInternode, scratchDir, startReplica } from './replica.ts';

const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 250;

export interface Added {
  readonly nodeIds: readonly string[];
  /** Starts them all; answers when each is ready. */
  start(): Promise<readonly Replica[]>;
}

async function internode(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runInternode([...args, '--json']);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** `node create` on each machine, `subnet add` once, `node join` on each. */
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
    const made = await internode(
      ...['node', 'create', '--data-dir', dataDir, '--address', address, '--out', file],
    );
    nodeIds.push(String(made['nodeId']));
  }
  const invitation = join(base, 'invitation.json');
  const files = nodes.map(({ file }) => file);
  await internode(
    ...['subnet', 'add', ...files],
    ...['--data-dir', network.dataDir],
    '--out',
    invitation,
  );
  for (const { dataDir } of nodes)
    await internode('node', 'join', invitation, '--data-dir', dataDir);
  return {
    nodeIds,
    start: () =>
      Promise.all(
        nodes.map(({ dataDir }) => startReplica({ dataDir, timeoutMs: READY_TIMEOUT_MS })),
      ),
  };
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
