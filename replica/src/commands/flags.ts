// What the commands have in common in reading their arguments.
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { DEFAULT_DATA_DIR } from '../command-line.ts';
import { StartFault } from '../start-fault.ts';

/** Flags, and what stands beside them. Throws a `StartFault` that names the command's help. */
export function flagsOf<const Options extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (fault) {
    throw new StartFault((fault as Error).message, `see \`internode ${command} --help\``);
  }
}

/** The one that is named, else the environment's, else the usual one. */
export function dataDirOf(named: string | undefined): string {
  return named ?? process.env['INTERNODE_DATA_DIR'] ?? DEFAULT_DATA_DIR;
}
