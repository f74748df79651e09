// TLS 1.3 on both sides, each showing its node's key. Who shows a key that is not asked for is not spoken to.
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext, type TLSSocket } from 'node:tls';
import { ChannelCredentials, credentials } from '@grpc/grpc-js';
import { bytesEqual } from '@internode/prelude';
import { type Certified, provenKey } from './certificate.ts';

/** Chains of issuers are not looked at (certificates sign themselves): the proven key is, before anything is said. */
export const TLS_OPTIONS = {
  minVersion: 'TLSv1.3',
  rejectUnauthorized: false,
  requestCert: true,
  ALPNProtocols: ['h2'],
} as const;

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

export class WrongKey extends Error {}

/** The dialling side: a channel whose connections reach the holder of one key, or nobody. */
export class PeerCredentials extends ChannelCredentials {
  readonly #options: ConnectionOptions;
  readonly #publicKey: Uint8Array;
  readonly #onWrongKey: () => void;
  readonly #sockets = new Set<Socket>();

  constructor(own: Certified, publicKey: Uint8Array, onWrongKey: () => void) {
    super();
    this.#options = {
      ...TLS_OPTIONS,
      secureContext: createSecureContext({ ...own, minVersion: 'TLSv1.3' }),
    };
    this.#publicKey = publicKey;
    this.#onWrongKey = onWrongKey;
  }

  /**
   * Ends its connections. A channel that closes leaves those alone on which TLS has not agreed yet: a peer that is stopped would
   * gather one for each attempt, and this process could not end before it.
   */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...args: Parameters<ChannelCredentials['_createSecureConnector']>
  ): Connector {
    const plain = credentials.createInsecure()._createSecureConnector(...args);
    return {
      connect: async (socket) => ({ socket: await this.#secure(socket), secure: true }),
      waitForReady: async () => {},
      getCallCredentials: () => plain.getCallCredentials(),
      destroy: () => plain.destroy(),
    };
  }

  #secure(socket: Socket): Promise<TLSSocket> {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return new Promise((resolve, reject) => {
      const secured = connect({ ...this.#options, socket });
      secured.on('error', reject);
      secured.once('close', () => reject(new Error('closed')));
      secured.once('secureConnect', () => {
        const key = provenKey(secured);
        if (key !== undefined && bytesEqual(key, this.#publicKey)) return resolve(secured);
        this.#onWrongKey();
        secured.destroy();
        reject(new WrongKey('another key than the record says'));
      });
    });
  }
}
