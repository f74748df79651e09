import * as fs from 'node:fs';
import { join } from 'node:path';
import { StorageFault } from '@internode/storage';

/**
 * Makes the directory and keeps other processes out of it until the answer is called. Throws a `StorageFault` (`locked`)
 * that names the process which has it. A lock left behind by a process that is gone is taken over.
 */
export function lockDataDir(dataDir: string): () => void {
  return lockFolder(dataDir, 'lock');
}

/** The same with a lock of another name: several processes may share the folder, each with what is its own. */
export function lockFolder(folder: string, name: string): () => void {
  fs.mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  for (;;) {
    try {
      fs.writeFileSync(path, identityOf(process.pid) ?? '', { flag: 'wx' });
      return () => fs.rmSync(path, { force: true });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
    }
    const holder = readOr(path, '');
    const pid = Number.parseInt(holder, 10);
    if (identityOf(pid) === holder) {
      const remedy = `Stop it (kill ${pid}) or choose another directory with --data-dir.`;
      throw new StorageFault('locked', `${folder} is in use by process ${pid}. ${remedy}`);
    }
    fs.rmSync(path, { force: true });
  }
}

/** The process that has locked a folder, if it is alive. */
export function holderOf(folder: string, name: string): number | undefined {
  const holder = readOr(join(folder, name), '');
  const pid = Number.parseInt(holder, 10);
  return holder !== '' && identityOf(pid) === holder ? pid : undefined;
}

export function isAlive(pid: number): boolean {
  return identityOf(pid) !== undefined;
}

/** The process id with the time it started, where the system tells it: ids are used again. Undefined when it is gone. */
function identityOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EPERM') return undefined;
  }
  // Field 22, counted after the name, which may hold blanks.
  const fields = readOr(`/proc/${pid}/stat`, '')
    .replace(/^.*\) /s, '')
    .split(' ');
  return `${pid} ${fields[19] ?? ''}`;
}

function readOr(path: string, otherwise: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
