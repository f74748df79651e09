// The `internode` command.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { PREPARE_HELP } from './apart/prepare-help.ts';
import { GENESIS_HELP, NODE_HELP, SUBNET_HELP } from './ceremony/help.ts';
import {
  CALL_HELP,
  CANISTER_HELP,
  DEPLOY_HELP,
  HELP,
  NETWORK_HELP,
  START_HELP,
  TRACE_HELP,
} from './command-line.ts';
import { PROFILE_HELP } from './profile/help.ts';
import { StartFault } from './start-fault.ts';

// Stripping types and compiling some 300 modules is half of a start: the outcome is kept between runs, by content. Worker threads
// find it by the variable. Where it cannot be written, a start takes longer.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
  new URL('../../.cache/compile', import.meta.url),
);
enableCompileCache();

// Left to itself V8 lets garbage grow to several times what lives before it collects: 840 MB after 100,000 updates. With 40 percent
// all that lives is looked at so often that it costs a seventh of all CPU time under load; with 100 it is 650 MB.
setFlagsFromString('--heap-growing-percent=70');
// For worker threads, which keep next to nothing; the main thread's is set where the process is started (scripts/run.mjs).
setFlagsFromString('--max-semi-space-size=2');
setFlagsFromString('--initial-heap-size=0');

interface Command {
  readonly load: () => Promise<(args: readonly string[]) => Promise<void>>;
  readonly help: string;
}

// Loaded when asked for: the client library alone would cost a start a fifth of a second.
const COMMANDS: Readonly<Record<string, Command>> = {
  start: { load: async () => (await import('./commands/start.ts')).start, help: START_HELP },
  network: {
    load: async () => (await import('./commands/network.ts')).network,
    help: NETWORK_HELP,
  },
  genesis: {
    load: async () => (await import('./commands/genesis.ts')).genesis,
    help: GENESIS_HELP,
  },
  deploy: { load: async () => (await import('./commands/deploy.ts')).deploy, help: DEPLOY_HELP },
  call: { load: async () => (await import('./commands/call.ts')).call, help: CALL_HELP },
  node: { load: async () => (await import('./commands/node.ts')).node, help: NODE_HELP },
  subnet: { load: async () => (await import('./commands/subnet.ts')).subnet, help: SUBNET_HELP },
  prepare: {
    load: async () => (await import('./commands/prepare.ts')).prepare,
    help: PREPARE_HELP,
  },
  profile: {
    load: async () => (await import('./commands/profile.ts')).profile,
    help: PROFILE_HELP,
  },
  trace: { load: async () => (await import('./commands/trace.ts')).trace, help: TRACE_HELP },
  canister: {
    load: async () => (await import('./commands/canister.ts')).canister,
    help: CANISTER_HELP,
  },
};

async function main([name = 'help', ...args]: readonly string[]): Promise<void> {
  const wanted = ['help', '--help', '-h'].includes(name);
  const command = COMMANDS[wanted ? (args[0] ?? '') : name];
  if (wanted || args.includes('--help')) return console.log(command?.help ?? HELP);
  if (!command) {
    throw new StartFault(`there is no command ${name}`, 'run `internode help` for all commands');
  }
  const run = await command.load();
  await run(args);
}

try {
  await main(process.argv.slice(2));
} catch (fault) {
  console.error(`internode: ${fault instanceof Error ? fault.message : String(fault)}`);
  if (fault instanceof StartFault && fault.remedy) console.error(`           ${fault.remedy}`);
  process.exitCode = 1;
}
// All that is ours is closed by now. What a library still waits for, a connection to a peer whose machine is off, would keep the
// process for minutes.
process.exit();
