/** The socket side of the gateway: bounded in time, headers, bodies and connections. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { GatewayConfig } from '../config.ts';
import { type Answer, TOO_LARGE, unavailableAnswer } from '../core/answer.ts';
import { type Route, routeOf } from '../core/route.ts';
import type { Gateway } from '../gateway.ts';
import {
  BODIES_BYTES_MAX,
  CALL_BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  HEADER_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  QUERY_BODY_BYTES_MAX,
  READ_STATE_BODY_BYTES_MAX,
  REQUEST_TIMEOUT_MS,
  SILENCE_TIMEOUT_MS,
} from '../limits.ts';
import { type DebugTo, debugRefusal } from './debug-door.ts';

const NOTHING = new Uint8Array(0);
const BUSY = unavailableAnswer('Too many request bodies are being received');
/** How long a closing door lets answers under way finish. */
const CLOSE_MS = 1_000;

const COMMON_HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': '*',
  'x-content-type-options': 'nosniff',
};

const PREFLIGHT_HEADERS = {
  ...COMMON_HEADERS,
  'access-control-allow-methods': 'GET, HEAD, OPTIONS, POST',
  'access-control-allow-headers': 'authorization, content-type, x-requested-with, *',
  'access-control-max-age': '7200',
};

/** For pages of this origin only, and never kept by anybody on the way. */
const DEBUG_HEADERS = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };

const BAD_REQUESTS: { readonly [code: string]: string } = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

export type OpenDoor = {
  readonly host: string;
  readonly port: number;
  /** Stops listening at once; answers under way get a second. */
  close(): Promise<void>;
};

interface Address {
  readonly host: string;
  readonly port: number;
  readonly sharesPort?: boolean;
  readonly debugTo?: GatewayConfig['debugTo'];
}

/** Listens and lets the gateway answer. Rejects when the address cannot be had. */
export async function openDoor(gateway: Gateway, address: Address): Promise<OpenDoor> {
  const { debugTo = 'loopback' } = address;
  const receiver = new BodyReceiver();
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 2_000,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    (request, response) => void serve({ gateway, receiver, debugTo }, request, response),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.timeout = SILENCE_TIMEOUT_MS;
  server.on('clientError', answerBadRequest);
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  return { host: address.host, port, close: () => closeServer(server) };
}

function listen(server: Server, { host, port, sharesPort = false }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, reusePort: sharesPort, backlog: 1024 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}

interface Desk {
  readonly gateway: Gateway;
  readonly receiver: BodyReceiver;
  readonly debugTo: DebugTo;
}

async function serve(
  { gateway, receiver, debugTo }: Desk,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = routeOf(request.method ?? '', request.url ?? '');
  const bytesMax = bodyLimitOf(route);
  const received =
    bytesMax === undefined ? ignoreBody(request) : await receiver.receive(request, bytesMax);
  if (received.kind === 'gone') return;
  const hidden = route.kind === 'traces' ? debugRefusal(request, debugTo) : undefined;
  const refused = received.kind === 'refused' ? received.answer : hidden;
  const body = received.kind === 'refused' ? NOTHING : received.body;
  const answer =
    refused === undefined
      ? await gateway.answer(route, body, traceparentOf(request))
      : gateway.refuse(route, refused);
  send(response, answer, headersFor(route));
  receiver.release(received);
}

function headersFor({ kind }: Route): object {
  if (kind === 'traces') return DEBUG_HEADERS;
  return kind === 'preflight' ? PREFLIGHT_HEADERS : COMMON_HEADERS;
}

/** The client's trace context as it came: whoever reads it judges it. Two are none. */
function traceparentOf({ headers }: IncomingMessage): string {
  const traceparent = headers['traceparent'];
  return typeof traceparent === 'string' ? traceparent : '';
}

/** Undefined for routes that take no body. */
function bodyLimitOf(route: Route): number | undefined {
  switch (route.kind) {
    case 'call':
      return CALL_BODY_BYTES_MAX;
    case 'query':
      return QUERY_BODY_BYTES_MAX;
    case 'read_state':
      return READ_STATE_BODY_BYTES_MAX;
    default:
      return undefined;
  }
}

function send(response: ServerResponse, answer: Answer, common: object): void {
  if (response.destroyed) return;
  const { status, contentType, body, headers } = answer;
  response.writeHead(status, {
    ...common,
    ...headers,
    'content-type': contentType,
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(body) }),
  });
  response.end(body);
}

function answerBadRequest(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = BAD_REQUESTS[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

type Received =
  | { readonly kind: 'whole'; readonly body: Uint8Array; readonly bytes: number }
  | { readonly kind: 'refused'; readonly answer: Answer; readonly bytes: 0 }
  /** The client hung up. */
  | { readonly kind: 'gone'; readonly bytes: 0 };

/** What still comes is read and forgotten, so that the client gets to read the answer. */
function ignoreBody(request: IncomingMessage): Received {
  request.on('error', () => {});
  request.resume();
  return { kind: 'whole', body: NOTHING, bytes: 0 };
}

const GONE: Received = { kind: 'gone', bytes: 0 };

/** Receives bodies, counting the bytes of all of them. */
class BodyReceiver {
  #bytes = 0;

  receive(request: IncomingMessage, bytesMax: number): Promise<Received> {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > bytesMax) return Promise.resolve(this.#refuse(request, TOO_LARGE));
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const settle = (received: Received): void => {
        request.off('data', take).off('end', finish).off('close', hangUp).off('error', hangUp);
        if (received.kind !== 'whole') this.#bytes -= bytes;
        resolve(received);
      };
      const take = (chunk: Buffer): void => {
        chunks.push(chunk);
        bytes += chunk.length;
        this.#bytes += chunk.length;
        if (bytes > bytesMax) settle(this.#refuse(request, TOO_LARGE));
        else if (this.#bytes > BODIES_BYTES_MAX) settle(this.#refuse(request, BUSY));
      };
      const finish = (): void => settle({ kind: 'whole', body: joined(chunks), bytes });
      const hangUp = (): void => settle(GONE);
      request.on('data', take).on('end', finish).on('close', hangUp).on('error', hangUp);
    });
  }

  /** To be called once a received body is not needed any more. */
  release({ bytes }: Received): void {
    this.#bytes -= bytes;
  }

  #refuse(request: IncomingMessage, answer: Answer): Received {
    ignoreBody(request);
    return { kind: 'refused', answer, bytes: 0 };
  }
}

/** A plain view, not a Buffer. */
function joined(chunks: readonly Buffer[]): Uint8Array {
  const [only] = chunks;
  if (only === undefined) return NOTHING;
  const whole = chunks.length === 1 ? only : Buffer.concat(chunks);
  return new Uint8Array(whole.buffer, whole.byteOffset, whole.length);
}
