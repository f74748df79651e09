// A service in a thread of its own: as its main.ts, with the worker bus.
import { parentPort, workerData } from 'node:worker_threads';
import { WorkerBus } from '@internode/bus/worker';
import {
  type AloneNews,
  beginAlone,
  type Open,
  openHost,
  tracesFromEnvironment,
} from '@internode/host';
import type { ThreadData } from './thread-unit.ts';
import type { ServiceName } from './unit.ts';

const OPENS: { readonly [Service in ServiceName]: () => Promise<unknown> } = {
  state: async () => (await import('@internode/state')).openState,
  execution: async () => (await import('@internode/execution')).openExecution,
  beacon: async () => (await import('@internode/beacon')).openBeacon,
  consensus: async () => (await import('@internode/consensus')).openConsensus,
  p2p: async () => (await import('@internode/p2p')).openP2p,
  gateway: async () => (await import('@internode/gateway')).openGatewayAlone,
};

const {
  service,
  unit = service,
  place,
  dataDir,
  log,
  settings,
  subnet,
  port,
} = workerData as ThreadData;
const tell = (news: AloneNews): void => parentPort?.postMessage(news);

async function run(): Promise<void> {
  const open = (await OPENS[service]()) as Open<unknown, unknown>;
  const bus = new WorkerBus(port);
  await using host = await openHost({
    place,
    dataDir,
    // The supervisor, in this same process, has locked it.
    locks: 'nothing',
    bus,
    log,
    ...tracesFromEnvironment(subnet),
  });
  host.defer(() => bus.close());
  const stopped = new Promise<void>((resolve) => {
    parentPort?.once('message', () => resolve());
  });
  const news = await beginAlone(host, { unit, open, settings });
  tell({ kind: 'running', news });
  await Promise.race([stopped, host.stopped()]);
}

try {
  await run();
} catch (fault) {
  const { message } = fault as Error;
  tell({ kind: 'failed', message, code: (fault as NodeJS.ErrnoException).code });
  process.exitCode = 1;
}
process.exit();
