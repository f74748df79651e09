import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** "process 123 (node replica/src/main.ts start)" for the process listening on a TCP port; undefined where that cannot be seen. */
export function describePortOwner(port: number): string | undefined {
  try {
    const inodes = new Set(
      ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listeners(file, port)),
    );
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (!sockets(pid).some((inode) => inodes.has(inode))) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return `process ${pid} (${command.slice(0, 120)})`;
    }
  } catch {
    // Not Linux, or not ours to look at.
  }
  return undefined;
}

const LISTEN = '0A';

function listeners(file: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(`:${hexPort}`) && fields[3] === LISTEN)
    .map((fields) => fields[9] ?? '');
}

function sockets(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((handle) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${handle}`))?.[1] ?? '';
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}
