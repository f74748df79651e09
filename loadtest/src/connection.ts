// One keep-alive HTTP/1.1 connection that sends a request at a time. Far cheaper than a general client, which matters because the
// generator shares the machine with what it measures.
import { connect, type Socket } from 'node:net';
import { type HttpAnswer, parseAnswer } from './http-answer.ts';

interface Waiting {
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (fault: Error) => void;
}

const NOTHING = Buffer.alloc(0);
const ANSWER_TIMEOUT_MS = 60_000;

export class Connection {
  readonly #socket: Socket;
  readonly #host: string;
  #received: Buffer = NOTHING;
  #waiting: Waiting | undefined;
  #fault: Error | undefined;

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', (fault) => this.#fail(fault));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => this.#expire());
  }

  static open(url: string): Promise<Connection> {
    const { hostname, port, host } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port || 80), hostname.replace(/^\[|\]$/g, ''));
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Connection(socket, host));
      });
    });
  }

  /** By either side, also while it was idle. */
  get isClosed(): boolean {
    return this.#fault !== undefined;
  }

  /** `traceparent`: W3C trace context, when there is one. */
  post(
    path: string,
    body: Uint8Array,
    contentType = 'application/cbor',
    traceparent?: string,
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#fault) return reject(this.#fault);
      if (this.#waiting) return reject(new Error('one request at a time'));
      this.#waiting = { resolve, reject };
      const head =
        `POST ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nContent-Type: ${contentType}\r\n` +
        `Content-Length: ${body.length}\r\n` +
        `${traceparent === undefined ? '' : `traceparent: ${traceparent}\r\n`}\r\n`;
      this.#socket.write(Buffer.concat([Buffer.from(head, 'latin1'), body]));
    });
  }

  close(): void {
    this.#fail(new Error('the connection was closed'));
    this.#socket.destroy();
  }

  #expire(): void {
    if (!this.#waiting) return;
    this.#fail(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`));
    this.#socket.destroy();
  }

  #fail(fault: Error): void {
    this.#fault ??= fault;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#fault);
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const parsed = parseAnswer(this.#received);
    if (parsed.kind === 'partial') return;
    const waiting = this.#waiting;
    if (parsed.kind === 'malformed' || waiting === undefined) {
      this.#fail(new Error(parsed.kind === 'malformed' ? parsed.reason : 'an answer to nothing'));
      this.#socket.destroy();
      return;
    }
    this.#waiting = undefined;
    this.#received =
      parsed.end === this.#received.length ? NOTHING : this.#received.subarray(parsed.end);
    waiting.resolve(parsed.answer);
  }
}
