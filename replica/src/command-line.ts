// The flags of `internode`, their help and their checks. Parsing is node:util's.
import { parseArgs } from 'node:util';
import { invalid, type Verdict, valid } from '@internode/prelude';

export interface StartOptions {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly clean: boolean;
  readonly configOut: string | undefined;
  readonly logFormat: 'pretty' | 'json';
  readonly quiet: boolean;
}

export const DEFAULT_PORT = 8000;
export const DEFAULT_DATA_DIR = '.internode';

export const HELP = `internode: an Internet Computer node

Usage: internode <command> [flags]        (npm start = internode start; npm run internode -- <command> …)

Commands
  start                          run a replica on this machine
  deploy FILE                    compile (.mo) or take (.wasm, .wasm.gz) a canister and install it
  call CANISTER METHOD [ARGS]    call a method, arguments in Candid text, e.g. '(1, "two")'
  canister status CANISTER       status, cycles, memory, controllers
  canister logs CANISTER         what the canister printed
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
  --quiet              no banner, warnings and errors only
  --help               this text

Examples
  internode start --port 0 --config-out replica.json
  internode start --clean --data-dir /tmp/scratch
  internode start --log-format json --quiet
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

const START_FLAGS = {
  port: { type: 'string' },
  host: { type: 'string' },
  'data-dir': { type: 'string' },
  clean: { type: 'boolean' },
  'config-out': { type: 'string' },
  'log-format': { type: 'string' },
  quiet: { type: 'boolean', short: 'q' },
} as const;

/** Arguments after `start`; flags win over `INTERNODE_*` variables of the environment, those over defaults. */
export function parseStart(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Verdict<StartOptions> {
  let values: ReturnType<typeof parseFlags>;
  try {
    values = parseFlags(args);
  } catch (fault) {
    return invalid(`${(fault as Error).message} Run \`internode start --help\` for all flags.`);
  }
  const text = (flag: 'port' | 'host' | 'data-dir' | 'config-out' | 'log-format') =>
    values[flag] ?? environment[`INTERNODE_${flag.toUpperCase().replace('-', '_')}`];
  const port = Number(text('port') ?? DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    return invalid(`--port ${text('port')} is not a port: give a number from 0 (any) to 65535.`);
  }
  const logFormat = text('log-format') ?? 'pretty';
  if (logFormat !== 'pretty' && logFormat !== 'json') {
    return invalid(`--log-format ${logFormat} is unknown: pretty or json.`);
  }
  return valid({
    port,
    host: text('host') ?? '127.0.0.1',
    dataDir: text('data-dir') ?? DEFAULT_DATA_DIR,
    clean: values.clean ?? false,
    configOut: text('config-out'),
    logFormat,
    quiet: values.quiet ?? false,
  });
}

function parseFlags(args: readonly string[]) {
  return parseArgs({ args: [...args], options: START_FLAGS, strict: true }).values;
}
