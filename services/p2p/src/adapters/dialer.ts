// Reaches one peer, and again whenever it is lost.
import { Client, type ClientDuplexStream } from '@grpc/grpc-js';
import type { PeerAddress } from '@internode/contracts';
import { LINK_LIMITS } from '../limits.ts';
import type { Certified } from './certificate.ts';
import { GRPC_OPTIONS, openStream } from './grpc-protocol.ts';
import { PeerCredentials } from './peer-tls.ts';

export interface DialerOptions {
  readonly own: Certified;
  readonly address: PeerAddress;
  /** The other end has shown the right key and speaks. `lost` is to be called when it is gone. */
  readonly onOpen: (stream: ClientDuplexStream<Buffer, Buffer>, lost: () => void) => void;
  readonly onRefused: (reason: 'wrong key' | 'bad address') => void;
}

const ADDRESS = /^([\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}$/;

export class Dialer {
  readonly #options: DialerOptions;
  /** Ends the attempt or the connection under way. */
  #hangUp = (): void => {};
  #timer: NodeJS.Timeout | undefined;
  #delayMs: number = LINK_LIMITS.redialMsMin;
  #closed = false;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#dial();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#hangUp();
  }

  #dial(): void {
    const { own, address, onOpen, onRefused } = this.#options;
    if (!ADDRESS.test(address.address)) return onRefused('bad address');
    const secrets = new PeerCredentials(own, address.publicKey, () => onRefused('wrong key'));
    const client = new Client(address.address, secrets, GRPC_OPTIONS);
    const stream = openStream(client);
    let open = false;
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(opening);
      stream.cancel();
      client.close();
      secrets.close();
      this.#redial(open);
    };
    this.#hangUp = over;
    const opening = setTimeout(over, LINK_LIMITS.openingMs);
    stream.on('error', over);
    stream.once('metadata', () => {
      if (isOver) return;
      clearTimeout(opening);
      open = true;
      onOpen(stream, over);
    });
    // Until someone reads it, so that the answer to the first word is heard.
    stream.once('end', over);
  }

  #redial(wasOpen: boolean): void {
    if (this.#closed) return;
    if (wasOpen) this.#delayMs = LINK_LIMITS.redialMsMin;
    const delayMs = this.#delayMs * (0.5 + Math.random());
    this.#delayMs = Math.min(LINK_LIMITS.redialMsMax, 2 * this.#delayMs);
    this.#timer = setTimeout(() => this.#dial(), delayMs);
  }
}
