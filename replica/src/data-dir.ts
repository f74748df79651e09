// The data directory: one lock, one set of keys, a journal per service and the store.
//
//   lock            pid of the replica that uses it
//   format          version of this layout
//   keys.json       the node's and the subnet's secrets (mode 600)
//   identities/     development identities as PEM
//   journal/ store/ compile-cache/
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { StartFault } from './start-fault.ts';

const FORMAT = '1';
const OWN_ENTRIES = [
  'format',
  'keys.json',
  'identities',
  'journal',
  'store',
  'compile-cache',
  'lock',
];

export interface DataDir {
  readonly path: string;
  release(): void;
}

/** Takes the directory for this process. Refuses a directory in use, of a newer format, or `--clean` on a stranger's. */
export function openDataDir(path: string, { clean }: { readonly clean: boolean }): DataDir {
  const root = resolve(path);
  mkdirSync(root, { recursive: true });
  const lockFile = join(root, 'lock');
  takeLock(lockFile, root);
  try {
    if (clean)
      for (const entry of OWN_ENTRIES.slice(0, -1))
        rmSync(join(root, entry), { recursive: true, force: true });
    checkFormat(root);
  } catch (fault) {
    unlinkSync(lockFile);
    throw fault;
  }
  return { path: root, release: () => rmSync(lockFile, { force: true }) };
}

function takeLock(file: string, root: string): void {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const handle = openSync(file, 'wx');
      writeSync(handle, `${process.pid} ${processStart(process.pid) ?? ''}\n`);
      closeSync(handle);
      return;
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new StartFault(
          `cannot write in the data directory ${root}: ${(fault as Error).message}`,
        );
      }
    }
    const owner = ownerOf(file);
    if (owner !== undefined) {
      throw new StartFault(
        `the data directory ${root} is in use by process ${owner}`,
        `stop that replica (kill ${owner}) or give this one its own: --data-dir DIR`,
      );
    }
    unlinkSync(file); // left by a replica that was killed
  }
}

/** The pid in the lock if that very process is still alive (a pid may have been reused since). */
function ownerOf(file: string): number | undefined {
  const [pidText = '', startedAt = ''] = readFileSync(file, 'utf8').trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    process.kill(pid, 0);
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  const now = processStart(pid);
  return startedAt !== '' && now !== undefined && now !== startedAt ? undefined : pid;
}

/** Start time of a process in clock ticks (Linux only): tells a process from a later one with its pid. */
function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function checkFormat(root: string): void {
  const file = join(root, 'format');
  if (!existsSync(file)) {
    writeDurably(file, `${FORMAT}\n`);
    return;
  }
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
