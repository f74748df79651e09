// The peer port. A connection is nobody until TLS has proven a member's key; before that, not a byte of it is parsed by anyone
// but TLS. Each accepted connection has a gRPC server of its own, which therefore knows who calls.
import type { ServerHttp2Session } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Metadata, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { LINK_LIMITS } from '../limits.ts';
import { type Certified, provenKey } from './certificate.ts';
import { GRPC_OPTIONS, PEERS_SERVICE } from './grpc-protocol.ts';
import { TLS_OPTIONS } from './peer-tls.ts';
import { Turnstile } from './turnstile.ts';

export type Refusal = 'no key' | 'not a member' | 'handshake' | 'too many strangers' | 'silent';

export interface ListenerOptions {
  readonly own: Certified;
  readonly host: string;
  readonly port: number;
  /** Whose key this is, if it may call us. */
  readonly whois: (publicKey: Uint8Array) => string | undefined;
  /** Whether a member is at this address. */
  readonly isMembers: (host: string) => boolean;
  readonly onOpen: (
    name: string,
    stream: ServerDuplexStream<Buffer, Buffer>,
    lost: () => void,
  ) => void;
  readonly onRefused: (reason: Refusal) => void;
}

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

export async function listen(options: ListenerOptions): Promise<Listener> {
  const { own, host, port, onRefused } = options;
  /** Connections that have not shown a key, the oldest first. */
  const strangers = new Map<string, Socket>();
  const sockets = new Set<Socket>();
  const tls = createTlsServer({ ...TLS_OPTIONS, ...own, handshakeTimeout: LINK_LIMITS.openingMs });
  tls.on('tlsClientError', (_fault, socket) => {
    onRefused('handshake');
    socket.destroy();
  });
  tls.on('secureConnection', (socket) => {
    strangers.delete(endOf(socket));
    accept(socket, options);
  });
  const turnstile = new Turnstile(options.isMembers, (socket) => tls.emit('connection', socket));
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const end = endOf(socket);
    sockets.add(socket);
    strangers.set(end, socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      if (strangers.get(end) === socket) strangers.delete(end);
    });
    const [oldest] = strangers.values();
    if (strangers.size > LINK_LIMITS.strangersMax && oldest !== undefined) {
      onRefused('too many strangers');
      oldest.destroy();
    }
    turnstile.enter(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', () => {});
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        turnstile.close();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}

function accept(socket: TLSSocket, { whois, onOpen, onRefused }: ListenerOptions): void {
  socket.on('error', () => {});
  const key = provenKey(socket);
  const name = key === undefined ? undefined : whois(key);
  if (name === undefined) {
    onRefused(key === undefined ? 'no key' : 'not a member');
    socket.destroy();
    return;
  }
  const server = new Server(GRPC_OPTIONS);
  const opening = setTimeout(() => {
    onRefused('silent');
    socket.destroy();
  }, LINK_LIMITS.openingMs);
  let isOpen = false;
  server.addService(PEERS_SERVICE, {
    exchange: (stream: ServerDuplexStream<Buffer, Buffer>) => {
      if (isOpen) {
        stream.end();
        return;
      }
      isOpen = true;
      clearTimeout(opening);
      // The dialling side takes it as the word that it was let in.
      stream.sendMetadata(new Metadata());
      onOpen(name, stream, () => socket.destroy());
    },
  });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  socket.once('close', () => {
    clearTimeout(opening);
    injector.destroy();
    server.forceShutdown();
  });
  injector.injectConnection(socket);
  widen(server);
}

/**
 * The dialling side has an option for its window of flow control, a server has none: without this, what we receive here is bounded
 * by 64 KiB per round trip. Reaches into the library, which is pinned; if its insides change, links are slower and nothing else.
 */
function widen(server: Server): void {
  const { http2Servers } = server as unknown as {
    readonly http2Servers?: ReadonlyMap<
      unknown,
      { readonly sessions?: Iterable<ServerHttp2Session> }
    >;
  };
  for (const { sessions } of http2Servers?.values() ?? []) {
    for (const session of sessions ?? []) {
      session.setLocalWindowSize(LINK_LIMITS.windowBytes);
      session.settings({ initialWindowSize: LINK_LIMITS.windowBytes, maxConcurrentStreams: 1 });
    }
  }
}
