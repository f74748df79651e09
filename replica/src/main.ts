// The `internode` command.

import { HELP, START_HELP } from './command-line.ts';
import { CALL_HELP, call } from './commands/call.ts';
import { CANISTER_HELP, canister } from './commands/canister.ts';
import { DEPLOY_HELP, deploy } from './commands/deploy.ts';
import { start } from './commands/start.ts';
import { StartFault } from './start-fault.ts';

interface Command {
  readonly run: (args: readonly string[]) => Promise<void>;
  readonly help: string;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  start: { run: start, help: START_HELP },
  deploy: { run: deploy, help: DEPLOY_HELP },
  call: { run: call, help: CALL_HELP },
  canister: { run: canister, help: CANISTER_HELP },
};

async function main([name = 'help', ...args]: readonly string[]): Promise<void> {
  const wanted = ['help', '--help', '-h'].includes(name);
  const command = COMMANDS[wanted ? (args[0] ?? '') : name];
  if (wanted || args.includes('--help')) return console.log(command?.help ?? HELP);
  if (!command)
    throw new StartFault(`there is no command ${name}`, 'run `internode help` for all commands');
  await command.run(args);
}

try {
  await main(process.argv.slice(2));
} catch (fault) {
  console.error(`internode: ${fault instanceof Error ? fault.message : String(fault)}`);
  if (fault instanceof StartFault && fault.remedy) console.error(`           ${fault.remedy}`);
  process.exitCode = 1;
}
