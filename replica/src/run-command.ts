import { CALL_HELP, CANISTER_HELP, DEPLOY_HELP, HELP, START_HELP } from './command-line.ts';
import { StartFault } from './start-fault.ts';

interface Command {
  readonly help: string;
  readonly run: (args: readonly string[]) => Promise<void>;
}

/** Each is loaded when it is run: a start has no use for compiler and client library. */
const COMMANDS: Readonly<Record<string, Command>> = {
  start: {
    help: START_HELP,
    run: async (args) => (await import('./commands/start.ts')).start(args),
  },
  deploy: {
    help: DEPLOY_HELP,
    run: async (args) => (await import('./commands/deploy.ts')).deploy(args),
  },
  call: { help: CALL_HELP, run: async (args) => (await import('./commands/call.ts')).call(args) },
  canister: {
    help: CANISTER_HELP,
    run: async (args) => (await import('./commands/canister.ts')).canister(args),
  },
};

export async function runCommand([name = 'help', ...args]: readonly string[]): Promise<void> {
  const wanted = ['help', '--help', '-h'].includes(name);
  const command = COMMANDS[wanted ? (args[0] ?? '') : name];
  if (wanted || args.includes('--help')) return console.log(command?.help ?? HELP);
  if (!command)
    throw new StartFault(`there is no command ${name}`, 'run `internode help` for all commands');
  await command.run(args);
}
