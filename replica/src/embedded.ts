// All six services in one process on the memory bus; Wasm, RocksDB and BLS on threads of their own.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Caller, Service } from '@internode/actor';
import {
  createBeacon,
  type DealtSubnet,
  describeBeacon,
  heldKeys,
  startThreadedBeaconSolver,
} from '@internode/beacon';
import { createConsensus, createConsensusSolver, describeConsensus } from '@internode/consensus';
import {
  loadFastBls,
  nodeHashEngine,
  nodeSignatures,
  openVerifier,
  signOnPool,
} from '@internode/crypto/fast';
import { principalToText, setHashEngine } from '@internode/encoding';
import { createExecution, createSandboxSolver, describeExecution } from '@internode/execution';
import { describeGateway, openGateway } from '@internode/gateway';
import { type Host, openHost } from '@internode/host';
import { createP2p, describeP2p } from '@internode/p2p';
import { CHECKPOINTS, createState, createStateSolver, describeState } from '@internode/state';
import { RocksStore } from '@internode/storage/rocksdb';
import { prepareDataDir } from './data-dir.ts';
import { CANISTER_RANGES, developmentMember } from './genesis.ts';
import {
  endFirstLife,
  hostAndPort,
  isFirstLife,
  isMemberDir,
  type Member,
  nodeIdOf,
  peersOf,
  placesOf,
  readMember,
  readNodeSecrets,
  subnetOf,
} from './member.ts';
import { type Line, Standing } from './standing.ts';
import { StartFault } from './start-fault.ts';

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly clean: boolean;
  readonly host: string;
  readonly port: number;
  readonly logFormat: 'pretty' | 'json';
  readonly quiet: boolean;
  readonly version: string;
  /** Where instrumented modules are kept, when not in the data directory. */
  readonly compileCache?: string | undefined;
}

export interface Embedded extends AsyncDisposable {
  readonly subnet: DealtSubnet;
  readonly nodeId: Uint8Array;
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
const VERIFIERS_MAX = 4;
const READY_POLL_MS = 2;
const CHECKPOINTING = { extension: CHECKPOINTS };
/** The first group of a principal's text. */
const NAME_LENGTH = 5;

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
      place: { subnet: 'local', node: nameIn(dataDir, options) },
      dataDir,
      log: { format: options.logFormat, level: options.quiet ? 'warn' : 'info' },
      ...(endpoint !== undefined && { otlpEndpoint: endpoint }),
    }),
  );
  prepareDataDir(dataDir, options);
  const member = isMemberDir(dataDir) ? readMember(dataDir, bls) : developmentMember(dataDir, bls);
  const subnet = subnetOf(member.summary);
  const parts = { host, options, member, subnet, bls, onBroken: broken.reject };
  const gateway = await openDoor(parts);
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
    subnet,
    nodeId: member.nodeId,
    gatewayUrl: gateway.url,
    get isReady() {
      return gateway.isReady;
    },
    ready: async () => {
      while (!gateway.isReady && !closed)
        await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
      if (gateway.isReady) endFirstLife(dataDir);
    },
    stopped: () => Promise.race([host.stopped(), broken.promise]),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The node's short name on its bus and in its log. */
function nameIn(dataDir: string, { clean }: EmbeddedOptions): string {
  if (!isMemberDir(dataDir)) return 'node';
  if (clean) {
    throw new StartFault(
      `--clean would lose the keys of a member of a network in ${dataDir}`,
      `to forget its state only, delete ${join(dataDir, 'journal')} and ${join(dataDir, 'store')}`,
    );
  }
  return principalToText(nodeIdOf(readNodeSecrets(dataDir))).slice(0, NAME_LENGTH);
}

type Bls = Awaited<ReturnType<typeof loadFastBls>>;

function openDoor({ host, options, member, subnet, bls }: Parts) {
  const { place, bus, clock, entropy, telemetry } = host;
  const { observe, tracer, metrics } = telemetry;
  telemetry.describe('gateway', describeGateway);
  // All that were answered with one block call again together, and until their signatures are verified this thread has nothing to do.
  const verifier = openVerifier(Math.min(VERIFIERS_MAX, availableParallelism()));
  host.defer(() => verifier.close());
  return openGateway({
    config: {
      host: options.host,
      port: options.port,
      rootKey: subnet.publicKeyDer,
      rootSubnetId: subnet.subnetId,
      subnetId: subnet.subnetId,
      nodeId: member.nodeId,
      nodeSecret: member.secrets.node,
      canisterRanges: CANISTER_RANGES,
      implementationVersion: options.version,
    },
    ports: { place, bus, clock, entropy, observe, ...(tracer !== undefined && { tracer }) },
    signatures: nodeSignatures,
    verifyLater: verifier.verify,
    signLater: signOnPool,
    bls,
    metricsText: () => metrics.text(),
    trouble: () => host.trouble,
  });
}

interface Parts {
  readonly host: Host;
  readonly options: EmbeddedOptions;
  readonly member: Member;
  readonly subnet: DealtSubnet;
  readonly bls: Bls;
  readonly onBroken: (fault: unknown) => void;
}

/** Threads are opened first and closed last; services start from the one that is told to the one that tells. */
async function runServices({ host, options, member, subnet, bls, onBroken }: Parts) {
  const { dataDir } = options;
  const { nodeId, secrets, shares, summary } = member;
  const keys = heldKeys(subnet, {
    ...(shares !== undefined && { lowShare: shares.low, highShare: shares.high }),
    nodeSecret: secrets.node,
    receiverSecret: secrets.receiver,
  });
  // A member of a network may be the only one today.
  const alone = !isMemberDir(dataDir);
  // Takes a tenth of a second to load, and only members of a network need it.
  const carrier = alone ? undefined : import('@internode/p2p/grpc');
  const opening = [
    closedWith(
      host,
      RocksStore.open({ path: join(dataDir, 'store'), ...(!alone && CHECKPOINTING) }),
    ),
    closedWith(host, startThreadedBeaconSolver(keys, onBroken)),
  ] as const;
  await Promise.allSettled(opening);
  const [store, beaconSolver] = await Promise.all(opening);
  const sandbox = createSandboxSolver({
    workers: Math.min(SANDBOX_WORKERS_MAX, availableParallelism()),
    cacheDirectory: options.compileCache ?? join(dataDir, 'compile-cache'),
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
  // The beacon of this process has checked each certification once: a pairing a height is not paid twice.
  const state = { subnet: description, checksCertifications: false, checkpoints: !alone };
  host.run(new Service(createState(state)), {
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
    record: summary.record,
  };
  host.run(new Service(createExecution(execution)), {
    solver: sandbox,
    describe: describeExecution,
  });
  host.run(new Service(createBeacon({ subnet, nodeId })), {
    solver: beaconSolver,
    describe: describeBeacon,
  });
  const life = { genesis: summary, firstLife: alone || isFirstLife(dataDir) };
  host.run(
    new Service(createConsensus({ subnet, nodeId, ...life, replicaVersion: options.version })),
    {
      solver: createConsensusSolver({
        signatures: nodeSignatures,
        secret: secrets.node,
        voteSecret: secrets.vote,
        bls,
        ingress: {
          signatures: nodeSignatures,
          bls,
          rootKey: subnet.publicKeyDer,
          subnetId: subnet.subnetId,
          canisterRanges: CANISTER_RANGES,
        },
      }),
      describe: describeConsensus,
    },
  );
  sayStanding(host, member, options.version);
  const peers = peersOf(member);
  await openPeers({ host, member, carrier });
  host.run(new Service(createP2p({ nodeId, ...peers })), { describe: describeP2p });
}

/** Before consensus speaks of it. */
function sayStanding(host: Host, { nodeId, joined }: Member, version: string): void {
  const standing = new Standing(nodeId, version, joined?.version);
  const say = (lines: readonly Line[]): void => {
    for (const { level, text, fields } of lines)
      host.telemetry.log.line('replica', level, text, fields);
  };
  const ears = new Caller({ name: 'standing', ports: host, keyOf: {}, pendingMax: 1 });
  ears.listen('EpochBegan', (message) => say(standing.began(message)));
  ears.listen('BlockFinalized', ({ height }) => say(standing.finalized(height)));
  host.defer(() => ears.close());
}

interface PeerParts extends Pick<Parts, 'host' | 'member'> {
  readonly carrier: Promise<typeof import('@internode/p2p/grpc')> | undefined;
}

/** The peers' door; none for a subnet of one on its own. */
async function openPeers({ host, member, carrier }: PeerParts): Promise<void> {
  if (carrier === undefined) return;
  const { openGrpcPeers } = await carrier;
  const { nodeId, secrets } = member;
  const { listen } = placesOf(member);
  const { observe } = host.telemetry;
  const options = {
    nodeId,
    secret: secrets.node,
    listen: hostAndPort(listen),
    ports: host,
    observe,
  };
  try {
    const peers = await openGrpcPeers(options);
    host.defer(() => peers.close());
  } catch (fault) {
    throw new StartFault(
      `cannot listen for peers on ${listen}: ${(fault as Error).message}`,
      'free that address, or say another one in peers.json ("listen") and in the subnet record',
    );
  }
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
