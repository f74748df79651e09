// For tests that need a real NATS server.

import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface NatsServer {
  readonly url: string;
  /** Kills the process and starts it again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The binary: named by INTERNODE_NATS_SERVER, or on PATH, or where Debian puts it. Throws with how to get one. */
function binaryPath(): string {
  const named = process.env['INTERNODE_NATS_SERVER'];
  if (named !== undefined && named !== '') return named;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  const found = folders
    .map((folder) => join(folder, 'nats-server'))
    .find((path) => fs.existsSync(path));
  if (found !== undefined) return found;
  throw new Error(
    'No nats-server found. Install one (apt install nats-server, brew install nats-server, or ' +
      'go install github.com/nats-io/nats-server/v2@latest) or name it in INTERNODE_NATS_SERVER.',
  );
}

/** Starts a real server on a free port of the loopback. */
export async function startNatsServer(): Promise<NatsServer> {
  const binary = binaryPath();
  const dir = fs.mkdtempSync(join(tmpdir(), 'internode-nats-'));
  let child: ChildProcess | undefined;
  let port = -1;

  const start = async (): Promise<void> => {
    const started = spawn(
      binary,
      ['-a', '127.0.0.1', '-p', String(port), '--ports_file_dir', dir],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    child = started;
    let log = '';
    started.stderr.on('data', (chunk) => {
      log += chunk;
    });
    while (!log.includes('Server is ready')) {
      if (started.exitCode !== null) throw new Error(`nats-server ended: ${log}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    port = Number(/client connections on \S+:(\d+)/.exec(log)?.[1]);
  };
  const stop = async (): Promise<void> => {
    const stopped = child;
    if (stopped === undefined || stopped.exitCode !== null) return;
    await new Promise((resolve) => {
      stopped.once('exit', resolve);
      stopped.kill('SIGKILL');
    });
  };

  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    restart: async () => {
      await stop();
      await start();
    },
    stop: async () => {
      await stop();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}
