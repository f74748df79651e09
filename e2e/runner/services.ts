// The processes of one replica whose services are apart, as the system lists them (Linux).
import { readdirSync, readFileSync } from 'node:fs';

export const SERVICES = ['gateway', 'p2p', 'consensus', 'beacon', 'execution', 'state'] as const;
export type ServiceName = (typeof SERVICES)[number];

interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** The process of a service, or of a further unit of it such as `gateway-2`; undefined while there is none. */
export function pidOfService(
  supervisor: number,
  unit: ServiceName | `${ServiceName}-${number}`,
): number | undefined {
  return descendants(supervisor).find(
    ({ pid, command }) =>
      command.includes('/src/main.ts') && settingsOf(pid).endsWith(`/services/${unit}.json`),
  )?.pid;
}

/** The file that the process was told to read. */
function settingsOf(pid: number): string {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return environment.find((line) => line.startsWith('INTERNODE_SETTINGS=')) ?? '';
  } catch {
    return '';
  }
}

export function pidOfBroker(supervisor: number): number | undefined {
  return descendants(supervisor).find(({ command }) => /^\S*nats-server /.test(command))?.pid;
}

/** What the process holds in memory. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** All that the process started, and what those started. */
export function descendants(root: number): Listed[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? listed(name) : []));
  const found = [root];
  for (let index = 0; index < found.length; index++)
    for (const { pid, parent } of all) if (parent === found[index]) found.push(pid);
  return all.filter(({ pid }) => pid !== root && found.includes(pid));
}

export function isAlive(pid: number): boolean {
  return listed(String(pid)).length > 0;
}

function listed(name: string): Listed[] {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '');
    const [state, parent] = stat.split(' ');
    if (state === 'Z') return [];
    const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return [{ pid: Number(name), parent: Number(parent), command }];
  } catch {
    return [];
  }
}
