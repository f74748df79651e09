// Ports of the loopback interface for listeners that are told to others before they listen.
import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

const LOOPBACK = '127.0.0.1';
/**
 * Systems give those above to connections, and to listeners that want any: a gateway or a client could take one meanwhile. (Linux from
 * 32,768, macOS and Windows from 49,152.)
 */
const [FIRST, LAST] = [20_000, 32_767];
const TRIES = 200;

/** The wanted ports where they are free, else any. Held until all are known, so that they differ. */
export async function freePorts(wanted: readonly (number | undefined)[]): Promise<number[]> {
  const servers: Server[] = [];
  try {
    const ports: number[] = [];
    for (const port of wanted) {
      const [free, server] = await listenAt(port);
      ports.push(free);
      servers.push(server);
    }
    return ports;
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

async function listenAt(wanted: number | undefined): Promise<[number, Server]> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = tries === 0 && wanted !== undefined ? wanted : randomInt(FIRST, LAST + 1);
    const server = await listen(port);
    if (server !== undefined) return [port, server];
  }
  throw new Error(`no port from ${FIRST} to ${LAST} is free`);
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, LOOPBACK, () => resolve(server));
  });
}
