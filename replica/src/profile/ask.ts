// Asks the processes of a running replica for profiles of themselves.
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  holderOf,
  isAlive,
  type ProfileAnswer,
  profileFiles,
  type ThreadProfile,
} from '@internode/host';
import { SERVICE_NAMES, type ServiceName } from '../apart/unit.ts';
import { StartFault } from '../start-fault.ts';

/** A process of a replica; `services`: all that it runs. */
export interface Runner {
  readonly name: string;
  readonly pid: number;
  /** The one service that it runs; undefined: all that have no process of their own. */
  readonly service: ServiceName | undefined;
}

export interface RunnerProfile {
  readonly runner: Runner;
  readonly threads: readonly ThreadProfile[];
}

const GRACE_MS = 30_000;
const LOOK_MS = 50;
/** In SigCgt of /proc, counted from 1. */
const SIGUSR2 = 12n;

/** The processes of the replica that runs in a data directory. */
export function runnersOf(dataDir: string): readonly Runner[] {
  const runners: Runner[] = [];
  const main = holderOf(dataDir, 'lock');
  if (main !== undefined) runners.push({ name: 'replica', pid: main, service: undefined });
  const folder = join(dataDir, 'services');
  for (const file of fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []) {
    const unit = /^([a-z]+(?:-\d+)?)\.lock$/.exec(file)?.[1];
    const service = SERVICE_NAMES.find((name) => unit?.replace(/-\d+$/, '') === name);
    const pid = unit && service && holderOf(folder, file);
    if (unit && service && pid) runners.push({ name: unit, pid, service });
  }
  return runners;
}

/** Throws a `StartFault` when the process does not answer, or ends meanwhile. */
export async function profileOf(
  dataDir: string,
  runner: Runner,
  forMs: number,
): Promise<RunnerProfile> {
  const { name, pid } = runner;
  if (!hearsSignal(pid))
    throw new StartFault(
      `${name} (process ${pid}) takes no profiles`,
      'it is just starting, or of an older version: try again, or start it again',
    );
  const { request, answer } = profileFiles(dataDir, pid);
  fs.mkdirSync(dirname(request), { recursive: true, mode: 0o700 });
  fs.rmSync(answer, { force: true });
  fs.writeFileSync(request, JSON.stringify({ forMs }), { mode: 0o600 });
  try {
    process.kill(pid, 'SIGUSR2');
    const untilMs = performance.now() + forMs + GRACE_MS;
    while (!fs.existsSync(answer)) {
      if (!isAlive(pid))
        throw new StartFault(`${name} (process ${pid}) ended while it was profiled`);
      if (performance.now() > untilMs)
        throw new StartFault(
          `${name} (process ${pid}) gave no profile`,
          'is somebody else profiling it, or is its disk full?',
        );
      await setTimeout(LOOK_MS);
    }
    const answered = JSON.parse(fs.readFileSync(answer, 'utf8')) as ProfileAnswer;
    if (answered.kind === 'refused') throw new StartFault(`${name}: ${answered.reason}`);
    return { runner, threads: answered.threads };
  } finally {
    for (const file of [request, answer]) fs.rmSync(file, { force: true });
  }
}

/** The signal ends a process that does not know it. Where the system does not tell (no /proc) the lock has to do. */
function hearsSignal(pid: number): boolean {
  let status: string;
  try {
    status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return true;
  }
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return caught === undefined || ((BigInt(`0x${caught}`) >> (SIGUSR2 - 1n)) & 1n) === 1n;
}
