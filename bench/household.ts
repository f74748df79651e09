// Everything a run leaves behind if nobody tidies up: processes and folders. All of it goes when this process ends, however it ends.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Household {
  readonly #children = new Set<ChildProcess>();
  readonly #folders: string[] = [];

  constructor() {
    process.on('exit', () => this.close());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => process.exit(130));
  }

  keep(child: ChildProcess): void {
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
  }

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'internode-bench-'));
    this.#folders.push(folder);
    return folder;
  }

  /** Kills each child by its own id. Synchronous: it runs while the process exits. */
  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const folder of this.#folders.splice(0))
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** SIGTERM, then SIGKILL when that was not enough. */
export async function end(child: ChildProcess, graceMs = 5000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await gone;
  clearTimeout(timer);
}

/** A port of the loopback interface that nobody listens on right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
