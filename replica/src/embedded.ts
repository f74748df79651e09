// All six services in one process on the memory bus; Wasm, RocksDB, BLS and signatures of users on threads of their own.
import { openBeacon } from '@internode/beacon';
import { openConsensus } from '@internode/consensus';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { openExecution } from '@internode/execution';
import { openGatewayIn } from '@internode/gateway';
import { type Host, openHost, tracesFromEnvironment } from '@internode/host';
import { openP2p } from '@internode/p2p';
import { toHex } from '@internode/prelude';
import { openState } from '@internode/state';
import { prepareDataDir } from './data-dir.ts';
import { type Member, placesOf, subnetOf } from './member.ts';
import {
  doorFault,
  logOf,
  memberOf,
  placeOf,
  type Replica,
  type ReplicaOptions,
  replicaOf,
  sayStanding,
  settingsOptionsOf,
} from './replica.ts';
import { type ServiceSettings, settingsOf } from './settings.ts';

const READY_POLL_MS = 2;

export async function startEmbedded(options: ReplicaOptions): Promise<Replica> {
  setHashEngine(nodeHashEngine);
  const { dataDir } = options;
  const bls = await loadFastBls();

  await using opening = new AsyncDisposableStack();
  const host = opening.use(
    await openHost({
      place: placeOf(options),
      dataDir,
      log: logOf(options),
      ...tracesFromEnvironment(),
    }),
  );
  prepareDataDir(dataDir, options);
  const member = memberOf(dataDir, bls);
  host.telemetry.tracer?.nameSubnet(toHex(subnetOf(member.summary).subnetId));
  // The beacon of this process has checked each certification once: a pairing a height is not paid twice.
  const settings = settingsOf(member, {
    ...settingsOptionsOf(options),
    checksCertifications: false,
  });
  const gateway = await openGatewayIn(host, settings.gateway);
  const services = runServices(host, settings, { member, version: options.version });
  host.defer(() => gateway.close());
  await services;
  const stack = opening.move();
  return replicaOf({
    member,
    dataDir,
    gatewayUrl: gateway.url,
    isReady: () => gateway.isReady,
    pause: () => new Promise((resolve) => setTimeout(resolve, READY_POLL_MS)),
    stopped: () => host.stopped(),
    close: () => stack.disposeAsync(),
  });
}

/** Threads are opened first and closed last; services start from the one that is told to the one that tells. */
async function runServices(
  host: Host,
  settings: ServiceSettings,
  { member, version }: { readonly member: Member; readonly version: string },
): Promise<void> {
  const opening = [
    openState(host, settings.state),
    openExecution(host, settings.execution),
    openBeacon(host, settings.beacon),
    openConsensus(host, settings.consensus),
    openP2p(host, settings.p2p),
  ] as const;
  // Also when another thread fails to open: one left open would keep the process alive.
  await Promise.allSettled(opening);
  const [startState, startExecution, startBeacon, startConsensus, startP2p] =
    await Promise.all(opening);
  await startState();
  await startExecution();
  await startBeacon();
  await startConsensus();
  sayStanding(host, member, version);
  try {
    await startP2p();
  } catch (fault) {
    throw settings.p2p.door === undefined ? fault : doorFault(placesOf(member).listen, fault);
  }
}
