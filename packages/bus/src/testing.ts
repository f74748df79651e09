// For tests that need a real NATS server, or a client of it that keeps to no rules.
import { readFileSync } from 'node:fs';
import { connect, headers, nkeyAuthenticator } from '@nats-io/transport-node';
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

/** Somebody who has stolen the key of a service and says what he likes. */
export interface Intruder {
  /** What the server refused him. */
  readonly refusals: readonly string[];
  publish(subject: string, body: Uint8Array, heads?: Readonly<Record<string, string>>): void;
  /** Tries to hear a subject. */
  listen(subject: string): void;
  /** How many messages he has heard. */
  readonly heard: number;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export async function intrude(url: string, credentialsFile: string): Promise<Intruder> {
  const seed = new TextEncoder().encode(readFileSync(credentialsFile, 'utf8').trim());
  const connection = await connect({
    servers: url,
    authenticator: nkeyAuthenticator(seed),
    noAsyncTraces: true,
  });
  const refusals: string[] = [];
  let heard = 0;
  void (async () => {
    for await (const status of connection.status())
      if (status.type === 'error') refusals.push(status.error.message);
  })();
  return {
    refusals,
    get heard() {
      return heard;
    },
    publish: (subject, body, heads) => {
      if (heads === undefined) return connection.publish(subject, body);
      const head = headers();
      for (const [name, value] of Object.entries(heads)) head.set(name, value);
      connection.publish(subject, body, { headers: head });
    },
    listen: (subject) => {
      const callback = (error: Error | null): void => {
        if (error === null) heard += 1;
        else refusals.push(error.message);
      };
      connection.subscribe(subject, { callback });
    },
    flush: () => connection.flush(),
    close: () => connection.close(),
  };
}
