// The data directory, which the host has locked for this process:
//
//   format          version of this layout
//   keys.json       the node's and the subnet's secrets (mode 600)
//   replica.json    what `--config-out` writes
//   identities/     development identities as PEM
//   journal/ store/ compile-cache/
//   services/ bus/    of services in processes of their own: settings (mode 600), keys and configuration of their broker
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartFault } from './start-fault.ts';

const FORMAT = '1';

/** What `--clean` forgets; a stranger's files in the directory stay. */
const OWN_ENTRIES = [
  'format',
  'keys.json',
  'replica.json',
  'canisters.json',
  'identities',
  'journal',
  'store',
  'compile-cache',
  'services',
  'bus',
];

/** Forgets everything if asked to; refuses a directory of another format. */
export function prepareDataDir(root: string, { clean }: { readonly clean: boolean }): void {
  if (clean) {
    for (const entry of OWN_ENTRIES) rmSync(join(root, entry), { recursive: true, force: true });
  }
  const file = join(root, 'format');
  if (!existsSync(file)) return writeDurably(file, `${FORMAT}\n`);
  const found = readFileSync(file, 'utf8').trim();
  if (found !== FORMAT) {
    throw new StartFault(
      `the data directory ${root} has format ${found.slice(0, 20)}, this version reads ${FORMAT}`,
      'use the version of Internode that wrote it, or start afresh with --clean',
    );
  }
}

/** Whole or not at all, also when the process dies in between. */
export function writeDurably(file: string, text: string, mode = 0o644): void {
  const temporary = `${file}.tmp`;
  writeFileSync(temporary, text, { mode, flush: true });
  renameSync(temporary, file);
}
