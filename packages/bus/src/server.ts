// A nats-server as a child process that ends with this one, however this one ends.
import { type ChildProcess, spawn } from 'node:child_process';

export {
  type BrokerCertificate,
  type BusUser,
  brokerConfig,
  type NewUser,
  newUser,
  publicKeyOf,
} from './credentials.ts';
export { findNatsServer } from './find-server.ts';

export interface NatsServerOptions {
  readonly binary: string;
  /** Arguments besides address and port. */
  readonly args?: readonly string[];
  /** A free one when absent. */
  readonly port?: number;
  /** Told when the server has ended without being asked to. */
  readonly onEnded?: (how: string) => void;
}

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** SIGKILL, as in a fault. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** The server has a shell for a parent, which ends it once the other end of the shell's input is gone. */
const GUARD = `exec 3<&0
"$@" 3<&- </dev/null & server=$!
(cat <&3 >/dev/null; kill $server 2>/dev/null) 2>/dev/null &
wait $server`;
const LOG_KEPT = 4_000;
const START_MS_MAX = 10_000;
const STOP_MS_MAX = 5_000;

/** Starts a server on the loopback. Rejects with what it said when it ends before it listens. */
export async function runNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const { binary, args = [], port = -1, onEnded } = options;
  const command = [binary, '-a', '127.0.0.1', '-p', String(port), ...args];
  const child = spawn('sh', ['-c', GUARD, 'sh', ...command], {
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  });
  const gone = new Promise<string>((resolve) => {
    child.once('error', (fault) => resolve(fault.message));
    child.once('exit', (code, signal) => resolve(`${signal ?? `status ${code}`}`));
  });
  child.stdin.on('error', () => {});
  // The guard of a server that has ended goes, too.
  void gone.then(() => child.stdin.destroy());
  const log = await listening(child, gone);
  const pid = Number(/^\[(\d+)\]/m.exec(log)?.[1]);
  const ownPort = Number(/client connections on \S+:(\d+)/.exec(log)?.[1]);
  let stopping = false;
  void gone.then((how) => {
    if (!stopping) onEnded?.(how);
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    stopping = true;
    signalTo(pid, signal);
    const deadline = setTimeout(() => signalTo(pid, 'SIGKILL'), STOP_MS_MAX);
    await gone;
    clearTimeout(deadline);
  };
  return {
    url: `nats://127.0.0.1:${ownPort}`,
    port: ownPort,
    pid,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}

async function listening(child: ChildProcess, gone: Promise<string>): Promise<string> {
  let log = '';
  const ready = new Promise<'ready'>((resolve) => {
    child.stderr?.on('data', (chunk) => {
      if (log.length > LOG_KEPT) return;
      log += chunk;
      if (log.includes('Server is ready')) resolve('ready');
    });
  });
  const late = new Promise<string>((resolve) =>
    setTimeout(() => resolve(`silence for ${START_MS_MAX} ms`), START_MS_MAX).unref(),
  );
  const outcome = await Promise.race([ready, gone, late]);
  if (outcome === 'ready') return log;
  child.stdin?.end();
  throw new Error(`nats-server ended with ${outcome}: ${log.trim()}`);
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
