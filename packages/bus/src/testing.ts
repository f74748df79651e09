// For tests that need a real NATS server.
import { findNatsServer, type NatsServer as Running, runNatsServer } from './server.ts';

export interface NatsServer {
  readonly url: string;
  /** Kills the process and starts it again on the same port. */
  restart(): Promise<void>;
  /** Has it read its configuration again. */
  reload(): void;
  stop(): Promise<void>;
}

/** Starts a real server on a free port of the loopback. */
export async function startNatsServer(args: readonly string[] = []): Promise<NatsServer> {
  const binary = findNatsServer(() => {});
  let running: Running = await runNatsServer({ binary, args });
  const { url, port } = running;
  return {
    url,
    restart: async () => {
      await running.kill();
      running = await runNatsServer({ binary, args, port });
    },
    reload: () => void process.kill(running.pid, 'SIGHUP'),
    stop: () => running.kill(),
  };
}
