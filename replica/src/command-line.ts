// The flags of `internode`, their help and their checks. Parsing is node:util's.
import { parseArgs } from 'node:util';
import { invalid, type Verdict, valid } from '@internode/prelude';
import { SCALE_MAX, SCALE_ONE, type Scale } from './apart/unit.ts';

export interface StartOptions {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly clean: boolean;
  readonly configOut: string | undefined;
  readonly logFormat: 'pretty' | 'json';
  readonly quiet: boolean;
  /** Where instrumented modules are kept, when not in the data directory. */
  readonly compileCache: string | undefined;
  readonly placement: Placement;
  /** A broker that runs already, for services in processes. */
  readonly bus: string | undefined;
  /** Where the keys for that broker are. */
  readonly busCredentials: string | undefined;
  /** Who vouches for that broker. */
  readonly busCa: string | undefined;
  readonly scale: Scale;
  /** Who may look at traces. */
  readonly debugTo: DebugTo;
}

export type DebugTo = 'loopback' | 'anyone' | 'nobody';
const DEBUG_TO: readonly string[] = ['loopback', 'anyone', 'nobody'] satisfies DebugTo[];

export type Placement = 'embedded' | 'threads' | 'processes';
const PLACEMENTS: readonly string[] = ['embedded', 'threads', 'processes'] satisfies Placement[];

type CommonOptions = Omit<
  StartOptions,
  'compileCache' | 'placement' | 'bus' | 'busCredentials' | 'busCa' | 'scale' | 'debugTo'
>;

export interface NetworkOptions extends CommonOptions {
  /** Undefined: as many as the data directory has, or the default. */
  readonly replicas: number | undefined;
  /** Heights from one change of keys to the next. */
  readonly epochLength: number | undefined;
}

export const DEFAULT_PORT = 8000;
export const DEFAULT_DATA_DIR = '.internode';
export const DEFAULT_NETWORK_DIR = '.internode-network';
export const DEFAULT_REPLICAS = 4;
/** Each is a process with threads of its own: more than this belong on more machines. */
export const REPLICAS_MAX = 64;

export const HELP = `internode: an Internet Computer node

Usage: internode <command> [flags]        (npm start = internode start; npm run internode -- <command> …)

Commands
  start                          run a replica on this machine
  network                        run a network of several replicas on this machine, for development
  genesis STEP                   the ceremony in which operators who do not trust each other found a subnet
  node create|join               the keys of a machine that joins a subnet which runs already
  subnet show|invite|add|…       who the members of the subnet are, and changing it
  deploy FILE                    compile (.mo) or take (.wasm, .wasm.gz) a canister and install it
  call CANISTER METHOD [ARGS]    call a method, arguments in Candid text, e.g. '(1, "two")'
  canister status CANISTER       status, cycles, memory, controllers
  canister logs CANISTER         what the canister printed
  profile [SERVICE]              where a running replica spends its processor time: a flame graph
  prepare                        what each service is told, for services that others start (containers)
  trace [REQUEST_ID]             where the time of one call went, stage by stage
  help [command]                 this text, or a command's own

Try
  internode start
  internode deploy counter.mo
  internode call counter inc
  internode canister logs counter
`;

export const START_HELP = `internode start: run a replica on this machine

Zero flags work: the replica listens on http://127.0.0.1:${DEFAULT_PORT} and keeps its state in ./${DEFAULT_DATA_DIR}

Flags
  --port N             port of the HTTP interface; 0 = any free one           (${DEFAULT_PORT})
  --host ADDRESS       address to listen on; other machines can reach it only if it is not loopback   (127.0.0.1)
  --data-dir DIR       where keys and state live                              (${DEFAULT_DATA_DIR})
  --clean              forget all state and keys in the data directory first
  --config-out FILE    write gatewayUrl, rootKey, subnetId, nodeIds, … as JSON once ready
  --log-format FORMAT  pretty or json (one object per line)                   (pretty)
  --compile-cache DIR  where prepared canister modules are kept               (in the data directory)
  --placement WHERE    the six services: embedded in this process, in threads of it, or in processes over NATS   (embedded)
  --bus URL            a broker that runs, nats:// or tls://host:port, for processes    (a nats-server of its own on loopback)
  --bus-credentials DIR   keys for it: state.nk, execution.nk, …              (made in the data directory, under bus, with a nats.conf)
  --bus-ca FILE        who vouches for it, PEM: the connection is TLS then    (whom the system trusts, for tls://)
  --scale SERVICE=N    so many that do its work, for services apart; may be given again
                       gateway=N: connections spread over N gateways on one port
                       execution=N: queries spread over execution and N - 1 followers of it
  --debug-to WHOM      who may look at /debug/traces: loopback (this machine), anyone, nobody   (loopback)
  --quiet              no banner, warnings and errors only
  --help               this text

A data directory made by \`internode network\` or \`internode genesis\` belongs to a member of a subnet of several: start then runs that member.

Examples
  internode start --port 0 --config-out replica.json
  internode start --clean --data-dir /tmp/scratch
  internode start --log-format json --quiet
  internode start --placement processes          # kill any of the six: it comes back, and no call is lost
`;

export const NETWORK_HELP = `internode network: run a network of several replicas on this machine, for development

Each replica is a process of its own with its own data directory; they agree over encrypted, authenticated connections on loopback.
FOR DEVELOPMENT: one process deals the keys of all replicas. Networks whose operators do not trust each other begin with
\`internode genesis\`.

Flags
  --replicas N         how many; 4 bear one faulty, 7 two, 13 four            (${DEFAULT_REPLICAS})
  --epoch-length N     heights from one change of keys to the next; fixed when the network is made   (500)
  --port N             port of the first replica's HTTP interface, the others follow; 0 = any free ones   (${DEFAULT_PORT})
  --host ADDRESS       address of the HTTP interfaces                         (127.0.0.1)
  --data-dir DIR       one folder per replica in it: replica-0, replica-1, …  (${DEFAULT_NETWORK_DIR})
  --clean              forget the network in the data directory first
  --config-out FILE    as of start, with replicas: [{ nodeId, gatewayUrl, pid, dataDir }]
  --log-format FORMAT  pretty (lines begin with the replica's number) or json (pretty)
  --quiet              no banner, warnings and errors only
  --help               this text

A replica that ends is reported; the others go on. To start it again: internode start --data-dir DIR/replica-2 --port 8002

Examples
  internode network
  internode network --replicas 7 --port 0 --config-out network.json
  internode deploy counter.mo --data-dir ${DEFAULT_NETWORK_DIR}
`;

export const CALL_HELP = `internode call CANISTER METHOD [ARGS]: call a method of a canister

ARGS is Candid text; brackets may be left out for one argument. Queries are sent as queries, everything else as certified updates.

Flags
  --query            fail unless the method is a query
  --identity NAME    alice, bob, carol                 (alice)
  --data-dir DIR, --url URL   which replica            (.internode)

Examples
  internode call counter inc
  internode call ledger transfer '(record { to = principal "aaaaa-aa"; amount = 5 })'
`;

export const CANISTER_HELP = `internode canister: look at a canister

  internode canister status CANISTER    status, cycles, memory, controllers, module hash
  internode canister logs CANISTER      what it printed

Flags
  --json             one JSON object instead of text
  --identity NAME    alice, bob, carol: logs and status are for controllers   (alice)
  --data-dir DIR, --url URL   which replica
`;

export const TRACE_HELP = `internode trace [REQUEST_ID]: where the time of one call went, stage by stage

REQUEST_ID is the id of a call (64 hex digits) or of a trace (32); without it the newest call that was traced is shown. Waiting is shown
as ░, working as █. A replica keeps the newest traces in memory; which calls are traced says OTEL_TRACES_SAMPLER (without it: the first
few of each second, and those whose client says so with a traceparent). The same as a page: http://127.0.0.1:8000/debug/traces

Flags
  --json             one JSON object instead of text
  --data-dir DIR, --url URL   which replica            (.internode)

Examples
  internode trace
  internode trace 2f8a…e1 --json
`;

export const DEPLOY_HELP = `internode deploy FILE: install a canister

FILE is Motoko source (.mo) or a module (.wasm, .wasm.gz). The canister is remembered by the file's name; deploying the same name
again upgrades it and keeps its state.

Flags
  --name NAME          another name
  --mode MODE          install, reinstall (erases its state) or upgrade    (install, or upgrade when it exists)
  --identity NAME      alice, bob, carol: becomes the controller            (alice)
  --data-dir DIR, --url URL   which replica

Examples
  internode deploy counter.mo
  internode deploy target/app.wasm --name app --mode reinstall
`;

const COMMON_FLAGS = {
  port: { type: 'string' },
  host: { type: 'string' },
  'data-dir': { type: 'string' },
  clean: { type: 'boolean' },
  'config-out': { type: 'string' },
  'log-format': { type: 'string' },
  quiet: { type: 'boolean', short: 'q' },
} as const;
const START_FLAGS = {
  ...COMMON_FLAGS,
  'compile-cache': { type: 'string' },
  placement: { type: 'string' },
  scale: { type: 'string', multiple: true },
  bus: { type: 'string' },
  'bus-credentials': { type: 'string' },
  'bus-ca': { type: 'string' },
  'debug-to': { type: 'string' },
} as const;
const NETWORK_FLAGS = {
  ...COMMON_FLAGS,
  replicas: { type: 'string' },
  'epoch-length': { type: 'string' },
} as const;

type Environment = Readonly<Record<string, string | undefined>>;
type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** Arguments after `start`; flags win over `INTERNODE_*` variables of the environment, those over defaults. */
export function parseStart(
  args: readonly string[],
  environment: Environment,
): Verdict<StartOptions> {
  const values = flagsOf('start', () => parseArgs({ args: [...args], options: START_FLAGS }));
  if (values.kind !== 'valid') return values;
  const common = commonOf(values.value, environment, DEFAULT_DATA_DIR);
  if (common.kind !== 'valid') return common;
  const text = (flag: string) => textOf(values.value, environment, flag);
  const placement = text('placement') ?? 'embedded';
  if (!isPlacement(placement))
    return invalid(`--placement ${placement} is unknown: ${PLACEMENTS.join(', ')}.`);
  const bus = text('bus');
  if (bus !== undefined && placement !== 'processes')
    return invalid('--bus is for --placement processes: other placements have no broker.');
  if (bus !== undefined && !isBusUrl(bus))
    return invalid(`--bus ${bus} is no broker: give nats://host:port.`);
  const compileCache = text('compile-cache');
  const busCredentials = text('bus-credentials');
  if (busCredentials !== undefined && bus === undefined)
    return invalid('--bus-credentials are for the broker that --bus names.');
  const busCa = text('bus-ca');
  if (busCa !== undefined && bus === undefined)
    return invalid('--bus-ca is for the broker that --bus names.');
  const scale = scaleOf(values.value['scale'], environment);
  if (scale.kind !== 'valid') return scale;
  if (scale.value !== SCALE_ONE && placement === 'embedded')
    return invalid('--scale is for services apart: add --placement processes (or threads).');
  const debugTo = text('debug-to') ?? 'loopback';
  if (!isDebugTo(debugTo))
    return invalid(`--debug-to ${debugTo} is unknown: ${DEBUG_TO.join(', ')}.`);
  const bound = { bus, busCredentials, busCa, debugTo };
  return valid({ ...common.value, ...bound, compileCache, placement, scale: scale.value });
}

export function isBusUrl(text: string): boolean {
  return /^(nats|tls):\/\/\S+$/.test(text) && URL.canParse(text);
}

/** Each `service=N`; in the environment separated by commas. */
export function scaleOf(flags: unknown, environment: Environment): Verdict<Scale> {
  const texts = Array.isArray(flags) ? flags : (environment['INTERNODE_SCALE']?.split(',') ?? []);
  let scale = SCALE_ONE;
  for (const text of texts) {
    const [, service, number] = /^(gateway|execution)=(\d+)$/.exec(String(text)) ?? [];
    const count = Number(number);
    if (service === undefined || count < 1 || count > SCALE_MAX)
      return invalid(`--scale ${text}: give gateway=N or execution=N, N from 1 to ${SCALE_MAX}.`);
    scale = { ...scale, [service]: count };
  }
  return valid(scale);
}

export function isDebugTo(text: string): text is DebugTo {
  return DEBUG_TO.includes(text);
}

function isPlacement(text: string): text is Placement {
  return PLACEMENTS.includes(text);
}

/** Arguments after `network`. */
export function parseNetwork(
  args: readonly string[],
  environment: Environment,
): Verdict<NetworkOptions> {
  const values = flagsOf('network', () => parseArgs({ args: [...args], options: NETWORK_FLAGS }));
  if (values.kind !== 'valid') return values;
  const common = commonOf(values.value, environment, DEFAULT_NETWORK_DIR);
  if (common.kind !== 'valid') return common;
  const text = textOf(values.value, environment, 'replicas');
  const replicas = text === undefined ? undefined : Number(text);
  const isCount =
    replicas === undefined ||
    (Number.isInteger(replicas) && replicas >= 1 && replicas <= REPLICAS_MAX);
  if (!isCount)
    return invalid(
      `--replicas ${text} is not a number from 1 to ${REPLICAS_MAX} (4 bear one faulty).`,
    );
  const last = common.value.port + (replicas ?? DEFAULT_REPLICAS) - 1;
  if (common.value.port !== 0 && last > PORT_MAX)
    return invalid(
      `--port ${common.value.port} leaves no room for all replicas below ${PORT_MAX}.`,
    );
  const length = textOf(values.value, environment, 'epoch-length');
  const epochLength = length === undefined ? undefined : Number(length);
  if (epochLength !== undefined && !isEpochLength(epochLength))
    return invalid(
      `--epoch-length ${length} is not a number of heights from ${EPOCH_LENGTH_MIN} on.`,
    );
  return valid({ ...common.value, replicas, epochLength });
}

const PORT_MAX = 65_535;

export function portOf(text: string): number | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port >= 0 && port <= PORT_MAX ? port : undefined;
}

/** Shorter ones end before their keys can be made. */
export const EPOCH_LENGTH_MIN = 20;

export function isEpochLength(heights: number): boolean {
  return Number.isInteger(heights) && heights >= EPOCH_LENGTH_MIN && heights <= 1_000_000;
}

function commonOf(
  values: Values,
  environment: Environment,
  defaultDir: string,
): Verdict<CommonOptions> {
  const text = (flag: string) => textOf(values, environment, flag);
  const port = portOf(text('port') ?? String(DEFAULT_PORT));
  if (port === undefined) {
    return invalid(`--port ${text('port')} is not a port: give a number from 0 (any) to 65535.`);
  }
  const logFormat = text('log-format') ?? 'pretty';
  if (logFormat !== 'pretty' && logFormat !== 'json') {
    return invalid(`--log-format ${logFormat} is unknown: pretty or json.`);
  }
  return valid({
    port,
    host: text('host') ?? '127.0.0.1',
    dataDir: text('data-dir') ?? defaultDir,
    clean: values['clean'] === true,
    configOut: text('config-out'),
    logFormat,
    quiet: values['quiet'] === true,
  });
}

function textOf(values: Values, environment: Environment, flag: string): string | undefined {
  const value = values[flag];
  if (typeof value === 'string') return value;
  return environment[`INTERNODE_${flag.toUpperCase().replaceAll('-', '_')}`];
}

function flagsOf(command: string, parse: () => { readonly values: Values }): Verdict<Values> {
  try {
    return valid(parse().values);
  } catch (fault) {
    return invalid(
      `${(fault as Error).message} Run \`internode ${command} --help\` for all flags.`,
    );
  }
}
