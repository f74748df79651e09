// CPU time, memory and what else the machine does, from /proc: Linux only.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { LoadFigures } from '@internode/loadtest';

export { residentMb } from '../e2e/runner/services.ts';

/** `getconf CLK_TCK` is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** User and system time of a process with all its threads, from the text of /proc/PID/stat. */
export function parseProcessCpuMs(stat: string): number {
  // The second field is the name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Busy and stolen time of all cores together, from the text of /proc/stat. */
export function parseMachineBusyMs(stat: string): number {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_MS;
}

export function processCpuMs(pid: number): number {
  return parseProcessCpuMs(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

export interface Measured extends LoadFigures {
  /** CPU time of the measured process, and of the generator, per operation. */
  readonly cpuUs: number;
  readonly generatorCpuUs: number;
  /** Share of the machine's cores that anything else took meanwhile, 0 to 1. */
  readonly otherLoad: number;
}

/** Runs a load with CPU time taken around it, of one process or of several together. */
export async function measured(
  pids: number | readonly number[],
  run: () => Promise<LoadFigures>,
): Promise<Measured> {
  const busyMs = () => parseMachineBusyMs(readFileSync('/proc/stat', 'utf8'));
  const usedMs = () => [pids].flat().reduce((sum, pid) => sum + processCpuMs(pid), 0);
  const [cpu, own, busy] = [usedMs(), process.cpuUsage(), busyMs()];
  const figures = await run();
  const cpuMs = usedMs() - cpu;
  const used = process.cpuUsage(own);
  const generatorMs = (used.user + used.system) / 1000;
  const availableMs = figures.seconds * 1000 * cpus().length;
  return {
    ...figures,
    cpuUs: (cpuMs * 1000) / figures.count,
    generatorCpuUs: (generatorMs * 1000) / figures.count,
    otherLoad: Math.min(1, Math.max(0, busyMs() - busy - cpuMs - generatorMs) / availableMs),
  };
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
  /** Whether the work tree differs from the commit. */
  readonly modified: boolean;
  readonly date: string;
}

export function describeMachine(): Machine {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const git = (...args: string[]): string => {
    try {
      return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
    } catch {
      return ''; // A copy without history.
    }
  };
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: git('rev-parse', '--short', 'HEAD') || 'unknown',
    modified: git('status', '--porcelain', '--untracked-files=no') !== '',
    date: new Date().toISOString().slice(0, 10),
  };
}
