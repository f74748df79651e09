// `internode network`: the supervisor of a development network. Restarts nothing by itself: who watches faults wants to see them.
import { join, resolve } from 'node:path';
import { lockDataDir } from '@internode/host';
import { networkBanner } from '../banner.ts';
import { Children, type Ended } from '../children.ts';
import { DEFAULT_REPLICAS, type NetworkOptions, parseNetwork } from '../command-line.ts';
import { writeIdentities } from '../identities.ts';
import { prepareNetwork, replicaDir } from '../network-dir.ts';
import { type ReplicaConfig, writeReplicaConfig } from '../replica-config.ts';
import { StartFault } from '../start-fault.ts';

export async function network(args: readonly string[]): Promise<void> {
  const parsed = parseNetwork(args, process.env);
  if (parsed.kind !== 'valid') throw new StartFault(parsed.reason);
  const options = { ...parsed.value, dataDir: resolve(parsed.value.dataDir) };
  const unlock = lockDataDir(options.dataDir);
  try {
    const count = await prepareNetwork(options, DEFAULT_REPLICAS);
    await supervise(options, count);
  } finally {
    unlock();
  }
}

async function supervise(options: NetworkOptions, count: number): Promise<void> {
  let stopping = false;
  const stopped = new Promise<'stopped'>((settle) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        stopping = true;
        settle('stopped');
      });
  });
  const children = new Children({
    args: Array.from({ length: count }, (_, index) => argsOf(options, index)),
    numbersLines: options.logFormat === 'pretty',
    onEnded: (ended) => {
      if (!stopping) report(options, ended);
    },
  });
  const outcome = await Promise.race([children.ready(), stopped]);
  if (Array.isArray(outcome)) announce(options, outcome as readonly ReplicaConfig[]);
  else stopping = true;
  const last = stopping ? undefined : await Promise.race([children.gone(), stopped]);
  await children.stop();
  if (outcome === 'stopped' || last === 'stopped') return;
  const { index, how } = Array.isArray(outcome)
    ? { index: undefined, how: '' }
    : (outcome as Ended);
  if (index === undefined) throw new StartFault('all replicas have ended');
  throw new StartFault(
    `replica ${index} ended with ${how} before the network was ready`,
    'what it said stands above',
  );
}

function argsOf(options: NetworkOptions, index: number): string[] {
  const { port, host, dataDir, logFormat, quiet } = options;
  return [
    'start',
    ...['--port', String(port === 0 ? 0 : port + index)],
    ...['--host', host],
    ...['--data-dir', replicaDir(dataDir, index)],
    ...['--compile-cache', join(dataDir, 'compile-cache')],
    ...['--log-format', logFormat],
    ...(quiet ? ['--quiet'] : []),
  ];
}

function report({ dataDir, logFormat }: NetworkOptions, { index, pid, how }: Ended): void {
  const dir = replicaDir(dataDir, index);
  const text = `replica ${index} ended with ${how}; the others go on. Start it again: internode start --data-dir ${dir}`;
  if (logFormat === 'pretty') return console.error(text);
  const ts = new Date().toISOString();
  console.error(JSON.stringify({ ts, level: 'error', service: 'network', pid, text }));
}

function announce(options: NetworkOptions, replicas: readonly ReplicaConfig[]): void {
  const [first] = replicas;
  if (first === undefined) return;
  const config: ReplicaConfig = {
    ...first,
    dataDir: options.dataDir,
    pid: process.pid,
    replicas: replicas.map(({ nodeId, gatewayUrl, pid, dataDir }) => ({
      nodeId,
      gatewayUrl,
      pid,
      dataDir,
    })),
  };
  const identities = writeIdentities(config.dataDir);
  if (!options.quiet) process.stdout.write(networkBanner(config, identities, performance.now()));
  writeReplicaConfig(config, options.configOut);
}
