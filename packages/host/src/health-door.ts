// Where whoever looks after a process that runs alone asks it how it is: /healthz, /readyz, /metrics. For the machines of its
// operator, not for the public; the gateway answers the same at its own door, for the whole replica.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Host } from './host.ts';

export interface HealthAddress {
  readonly host: string;
  readonly port: number;
}

/** A few probes and collectors; more wait. */
const CONNECTIONS_MAX = 16;
const HEADER_BYTES_MAX = 4_096;
const REQUEST_MS_MAX = 5_000;
/** A broker that does not answer by then is not there. */
const BUS_MS_MAX = 1_000;

/** Opens the door; it is closed with the host. Answers the port. */
export async function openHealthDoor(
  host: Host,
  address: HealthAddress,
  hasBegun: () => boolean,
): Promise<number> {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: REQUEST_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAlive: false,
    },
    (request, response) => void answer(host, hasBegun, { request, response }),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(address);
  await once(server, 'listening');
  host.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answer(
  host: Host,
  hasBegun: () => boolean,
  { request, response }: Exchange,
): Promise<void> {
  const say = (status: number, text: string): void => {
    response.writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      connection: 'close',
    });
    response.end(request.method === 'HEAD' ? '' : text);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return say(405, 'Use GET or HEAD\n');
  switch (request.url?.split('?')[0]) {
    case '/healthz':
      return say(200, 'alive\n');
    case '/metrics':
      return say(200, host.telemetry.metrics.text());
    case '/readyz': {
      const trouble = hasBegun() ? await troubleOf(host) : 'it has not begun yet';
      return trouble === undefined ? say(200, 'ready\n') : say(503, `${trouble}\n`);
    }
    default:
      return say(404, 'There is nothing here\n');
  }
}

async function troubleOf(host: Host): Promise<string | undefined> {
  if (host.trouble !== undefined) return host.trouble;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('the bus does not answer'), BUS_MS_MAX);
  });
  const heard = host.hears().then(
    () => undefined,
    (fault: Error) => `the bus is lost: ${fault.message}`,
  );
  const outcome = await Promise.race([heard, late]);
  clearTimeout(timer);
  return outcome;
}
