// The six services apart from each other, each in a process over NATS or in a thread, and this process as their supervisor: it
// finds or starts the broker, starts services and starts them again, stops them in order.
import { mkdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { Caller } from '@internode/actor';
import { WorkerBus, WorkerBusHub } from '@internode/bus/worker';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { answerProfiles, type Host, lockDataDir, openHost, writeAloneFile } from '@internode/host';
import { assert, toHex } from '@internode/prelude';
import { prepareDataDir } from '../data-dir.ts';
import { type Member, placesOf, subnetOf } from '../member.ts';
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
} from '../replica.ts';
import { type ServiceSettings, settingsOf } from '../settings.ts';
import { StartFault } from '../start-fault.ts';
import { Broker } from './broker.ts';
import {
  type BusUserName,
  credentialsFileOf,
  prepareCredentials,
  userOf,
  writeBrokerConfig,
} from './bus-users.ts';
import { startProcess } from './process-unit.ts';
import { Supervision, UnitFault } from './supervision.ts';
import { startThread } from './thread-unit.ts';
import {
  type Scale,
  type StartUnit,
  serviceOf,
  settingsOfUnit,
  type UnitName,
  unitsOf,
} from './unit.ts';

export interface ApartOptions extends ReplicaOptions {
  readonly placement: 'threads' | 'processes';
  /** A broker that runs already; absent: this process starts its own. */
  readonly bus?: string | undefined;
  /** Where NKeys for that broker are, `<service>.nk`; absent: in the data directory. */
  readonly busCredentials?: string | undefined;
  readonly busCa?: string | undefined;
  readonly scale: Scale;
}

const ASK_MS = 20;

/** What all placements of services apart have in common. */
interface Parts {
  readonly options: ApartOptions;
  readonly member: Member;
  readonly settings: ServiceSettings;
  readonly stack: AsyncDisposableStack;
  readonly failed: PromiseWithResolvers<never>;
}

/** How services of a placement are started, and the supervisor's own way onto their bus. */
interface Ground {
  readonly host: Host;
  start(unit: UnitName, settings: unknown): ReturnType<StartUnit>;
}

export async function startApart(options: ApartOptions): Promise<Replica> {
  setHashEngine(nodeHashEngine);
  const { dataDir, placement } = options;
  const bls = await loadFastBls();
  await using opening = new AsyncDisposableStack();
  const place = placeOf(options);
  opening.defer(answerProfiles(dataDir));
  opening.defer(lockDataDir(dataDir));
  prepareDataDir(dataDir, options);
  const member = memberOf(dataDir, bls);
  // On a broker of others somebody else may have the beacon's key.
  const checksCertifications = options.bus !== undefined;
  const door = await doorOf(options);
  const settings = settingsOf(member, {
    ...settingsOptionsOf(options),
    ...door,
    checksCertifications,
  });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const parts: Parts = { options, member, settings, stack: opening, failed };
  const ground = await (placement === 'threads' ? threads(parts, place) : processes(parts, place));
  const { host } = ground;
  const readiness = new GatewayReadiness(host);
  sayStanding(host, member, options.version);
  const { supervision, gatewayUrl } = await supervise(ground, parts, readiness);
  const stack = opening.move();
  return replicaOf({
    member,
    dataDir,
    gatewayUrl,
    isReady: () => readiness.ready,
    pause: () => readiness.ask(),
    stopped: () => Promise.race([host.stopped(), failed.promise]),
    close: async () => {
      await supervision.stop();
      await stack.disposeAsync();
    },
  });
}

async function supervise(
  { host, start }: Ground,
  { options, settings, failed, stack, member }: Parts,
  readiness: GatewayReadiness,
): Promise<{ supervision: Supervision; gatewayUrl: string }> {
  const { log } = host.telemetry;
  const units = unitsOf(options.scale);
  let gateway = settings.gateway;
  let gatewayUrl = '';
  const supervision = new Supervision({
    units,
    start: (unit) => start(unit, settingsOfUnit(unit, units, { ...settings, gateway })),
    onRunning: (unit, news) => {
      log.line('replica', 'info', 'service runs', { of: unit });
      if (serviceOf(unit) !== 'gateway') return;
      gatewayUrl = (news as { readonly url: string }).url;
      // A gateway that is started again must be found where it was.
      gateway = { ...gateway, port: Number(new URL(gatewayUrl).port) };
    },
    onEnded: (unit, { how }, delayMs) => {
      if (unit === 'gateway') readiness.ready = false;
      const fields = { of: unit, how, delayMs };
      log.line('replica', 'warn', 'service ended and is started again', fields);
    },
    onGivenUp: failed.reject,
    onKilled: (unit) =>
      log.line('replica', 'warn', 'service did not stop and was killed', { of: unit }),
  });
  stack.defer(() => supervision.stop());
  try {
    await supervision.begin();
  } catch (fault) {
    const isDoor =
      fault instanceof UnitFault && fault.unit === 'p2p' && fault.code?.startsWith('E') === true;
    throw isDoor ? doorFault(placesOf(member).listen, fault) : fault;
  }
  return { supervision, gatewayUrl };
}

/** Several gateways share a port, which is looked for before they do: so it is known to all, and to be nobody else's. */
async function doorOf({
  scale,
  host,
  port,
}: ApartOptions): Promise<{ readonly port?: number; readonly sharesPort?: boolean }> {
  if (scale.gateway === 1) return {};
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host, port }, resolve);
  });
  const found = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return { port: found.port, sharesPort: true };
}

/** Whether the gateway has said that calls are answered: there is a certified state, and execution is where it is. */
class GatewayReadiness {
  ready = false;
  readonly #caller: Caller;

  constructor(host: Host) {
    this.#caller = new Caller({ name: 'supervisor', ports: host, keyOf: {}, pendingMax: 1 });
    this.#caller.listen('Readiness', ({ service, ready }) => {
      if (service === 'gateway') this.ready = ready;
    });
    host.defer(() => this.#caller.close());
  }

  async ask(): Promise<void> {
    this.#caller.tell({ kind: 'RequestReadiness', service: 'gateway' });
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}

type Place = ReturnType<typeof placeOf>;

async function threads({ options, member, stack }: Parts, place: Place): Promise<Ground> {
  const { dataDir } = options;
  const log = logOf(options);
  const subnet = toHex(subnetOf(member.summary).subnetId);
  const hub = new WorkerBusHub();
  stack.defer(() => hub.close());
  const bus = new WorkerBus(hub.connect());
  stack.defer(() => bus.close());
  const host = stack.use(await openHost({ place, log, bus }));
  return {
    host,
    start: (unit, settings) => {
      const service = serviceOf(unit);
      const data = { service, unit, place, dataDir, log, settings, subnet };
      return startThread({ ...data, port: hub.connect() });
    },
  };
}

async function processes({ options, member, stack, failed }: Parts, place: Place): Promise<Ground> {
  const { dataDir } = options;
  const log = logOf(options);
  const credentials = resolve(options.busCredentials ?? join(dataDir, 'bus'));
  const subnet = toHex(subnetOf(member.summary).subnetId);
  // Also for a broker of others, unless they have given us keys: its operator finds here what lets us in.
  const config = options.busCredentials === undefined ? newUsers(credentials, place) : undefined;
  let say: Host['telemetry']['log']['line'] = () => {};
  const url = options.bus ?? (await ownBroker()).url;
  const busOf = (name: BusUserName) => ({
    url,
    credentialsFile: credentialsFileOf(credentials, name),
    ...(options.busCa !== undefined && { caFile: resolve(options.busCa) }),
  });
  const bus = { name: 'supervisor', ...busOf('supervisor') };
  const host = stack.use(
    await openHost({ place, log, bus, unit: 'supervisor' }).catch((fault: Error) => {
      throw new StartFault(
        `the broker on ${url} does not let us in: ${fault.message}`,
        config === undefined
          ? `are the keys in ${credentials} those that it knows?`
          : `start one that knows our keys: nats-server -c ${config} -p PORT`,
      );
    }),
  );
  say = (...line) => host.telemetry.log.line(...line);
  const folder = join(dataDir, 'services');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    host,
    start: (unit, settings) => {
      const service = serviceOf(unit);
      const file = join(folder, `${unit}.json`);
      const unitBus = busOf(userOf(unit));
      const about = { service, unit, place, subnet };
      writeAloneFile(file, { ...about, dataDir, bus: unitBus, log, settings });
      return startProcess(service, file);
    },
  };

  async function ownBroker(): Promise<Broker> {
    assert(config !== undefined, 'keys for a broker of others, and none named');
    const broker = await Broker.start({
      config,
      say: (level, text, fields) => say('replica', level, text, fields as Record<string, string>),
      onGivenUp: failed.reject,
    });
    stack.defer(() => broker.stop());
    return broker;
  }
}

/** Keys for whoever has none; answers the configuration of a broker that knows them. */
function newUsers(folder: string, place: Place): string {
  prepareCredentials(folder);
  return writeBrokerConfig(folder, place);
}
