// All six services in one process on the memory bus; Wasm, RocksDB and BLS on threads of their own.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Service } from '@internode/actor';
import {
  createBeacon,
  describeBeacon,
  heldKeys,
  type SubnetDealing,
  startThreadedBeaconSolver,
} from '@internode/beacon';
import { createConsensus, createConsensusSolver, describeConsensus } from '@internode/consensus';
import {
  loadFastBls,
  nodeHashEngine,
  nodeSignatures,
  signOnPool,
  verifyOnPool,
} from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { createExecution, createSandboxSolver, describeExecution } from '@internode/execution';
import { describeGateway, openGateway } from '@internode/gateway';
import { type Host, openHost } from '@internode/host';
import { createP2p, describeP2p } from '@internode/p2p';
import { assert } from '@internode/prelude';
import { createState, createStateSolver, describeState } from '@internode/state';
import { RocksStore } from '@internode/storage/rocksdb';
import { prepareDataDir } from './data-dir.ts';
import { CANISTER_RANGES, developmentKeys } from './genesis.ts';

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly clean: boolean;
  readonly host: string;
  readonly port: number;
  readonly logFormat: 'pretty' | 'json';
  readonly quiet: boolean;
  readonly version: string;
}

export interface Embedded extends AsyncDisposable {
  readonly dealing: SubnetDealing;
  readonly gatewayUrl: string;
  readonly isReady: boolean;
  /** Settles when the certified state is where it was before the last stop, or further. */
  ready(): Promise<void>;
  /** Settles on SIGTERM or SIGINT; rejects when a service cannot go on. */
  stopped(): Promise<void>;
  close(): Promise<void>;
}

/** More workers than this do not help one main thread that feeds them. */
const SANDBOX_WORKERS_MAX = 4;
const READY_POLL_MS = 2;

export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  setHashEngine(nodeHashEngine);
  const { dataDir } = options;
  const bls = await loadFastBls();
  const endpoint = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});

  await using opening = new AsyncDisposableStack();
  const host = opening.use(
    await openHost({
      place: { subnet: 'local', node: 'node' },
      dataDir,
      log: { format: options.logFormat, level: options.quiet ? 'warn' : 'info' },
      ...(endpoint !== undefined && { otlpEndpoint: endpoint }),
    }),
  );
  prepareDataDir(dataDir, options);
  const dealing = developmentKeys(dataDir, bls);
  const gateway = await openDoor(host, options, dealing, bls);
  const parts = { host, dataDir, dealing, bls, onBroken: broken.reject };
  const services = runServices(parts);
  host.defer(() => gateway.close());
  await services;
  const stack = opening.move();
  let closed = false;
  const close = (): Promise<void> => {
    closed = true;
    return stack.disposeAsync();
  };
  return {
    dealing,
    gatewayUrl: gateway.url,
    get isReady() {
      return gateway.isReady;
    },
    ready: async () => {
      while (!gateway.isReady && !closed)
        await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    },
    stopped: () => Promise.race([host.stopped(), broken.promise]),
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Bls = Awaited<ReturnType<typeof loadFastBls>>;

function openDoor(
  host: Host,
  options: EmbeddedOptions,
  { subnet, nodes }: SubnetDealing,
  bls: Bls,
) {
  const { place, bus, clock, entropy, telemetry } = host;
  const { observe, tracer, metrics } = telemetry;
  const node = nodes[0];
  assert(node !== undefined, 'a subnet has a node');
  telemetry.describe('gateway', describeGateway);
  return openGateway({
    config: {
      host: options.host,
      port: options.port,
      rootKey: subnet.publicKeyDer,
      rootSubnetId: subnet.subnetId,
      subnetId: subnet.subnetId,
      nodeId: node.nodeId,
      nodeSecret: node.nodeSecret,
      canisterRanges: CANISTER_RANGES,
      implementationVersion: options.version,
    },
    ports: { place, bus, clock, entropy, observe, ...(tracer !== undefined && { tracer }) },
    signatures: nodeSignatures,
    verifyLater: verifyOnPool,
    signLater: signOnPool,
    bls,
    metricsText: () => metrics.text(),
    trouble: () => host.trouble,
  });
}

interface Parts {
  readonly host: Host;
  readonly dataDir: string;
  readonly dealing: SubnetDealing;
  readonly bls: Bls;
  readonly onBroken: (fault: unknown) => void;
}

/** Threads are opened first and closed last; services start from the one that is told to the one that tells. */
async function runServices({ host, dataDir, dealing, bls, onBroken }: Parts): Promise<void> {
  const { subnet, nodes } = dealing;
  const node = nodes[0];
  assert(node !== undefined, 'a subnet has a node');
  const { nodeId } = node;
  const alone = subnet.members.length === 1;
  const opening = [
    closedWith(host, RocksStore.open({ path: join(dataDir, 'store') })),
    closedWith(host, startThreadedBeaconSolver(heldKeys(subnet, node), onBroken)),
  ] as const;
  await Promise.allSettled(opening);
  const [store, beaconSolver] = await Promise.all(opening);
  const sandbox = createSandboxSolver({
    workers: Math.min(SANDBOX_WORKERS_MAX, availableParallelism()),
    cacheDirectory: join(dataDir, 'compile-cache'),
    onFault: onBroken,
  });
  host.defer(() => sandbox.close());

  const description = {
    subnetId: subnet.subnetId,
    publicKey: subnet.publicKeyDer,
    type: 'application',
    canisterRanges: CANISTER_RANGES,
    nodes: subnet.members,
  } as const;
  host.run(new Service(createState({ subnet: description, checksCertifications: !alone })), {
    solver: createStateSolver({
      store,
      bls,
      publicKey: subnet.high.groupPublicKey,
      onRefused: onBroken,
    }),
    describe: describeState,
  });
  const execution = {
    subnetId: subnet.subnetId,
    subnetNodes: subnet.members.length,
    rootKeyDer: subnet.publicKeyDer,
  };
  host.run(new Service(createExecution(execution)), {
    solver: sandbox,
    describe: describeExecution,
  });
  host.run(new Service(createBeacon({ subnet, nodeId })), {
    solver: beaconSolver,
    describe: describeBeacon,
  });
  host.run(new Service(createConsensus({ subnet, nodeId })), {
    solver: createConsensusSolver({ signatures: nodeSignatures, secret: node.nodeSecret }),
    describe: describeConsensus,
  });
  host.run(new Service(createP2p({ nodeId })), { describe: describeP2p });
}

/** Also when another thread fails to open: one left open would keep the process alive. */
async function closedWith<T extends { close(): Promise<void> | void }>(
  host: Host,
  opening: Promise<T>,
): Promise<T> {
  const opened = await opening;
  host.defer(() => opened.close());
  return opened;
}
