// Core NATS: at most once. The head of an envelope travels as headers, large bodies in chunks below the server's maximum.
import { readFileSync } from 'node:fs';
import type { Bus, Cancel, Envelope } from '@internode/actor';
import {
  type Authenticator,
  connect,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  nkeyAuthenticator,
  type Subscription,
  type TlsOptions,
} from '@nats-io/transport-node';
import { Assembly, type Chunk } from './assembly.ts';
import { partsOf } from './parts.ts';
import { type Deliver, Subscribers } from './subscribers.ts';

export interface NatsOptions {
  /** `nats://host:port`; `tls://` insists on an encrypted connection. */
  readonly url: string;
  /** Shown in the server's list of connections. */
  readonly name?: string;
  /** Holds the seed of an NKey ("SU…"), by which the server knows who this is and what it may say and hear. */
  readonly credentialsFile?: string;
  /** PEM of who vouches for the server: the connection is TLS then. Absent: whom the system trusts. */
  readonly caFile?: string;
  /** How long a server that is not there yet is waited for at first; default: not at all. */
  readonly patienceMs?: number;
  /** Told in words for operators what the server complains of; never more often than it does. */
  readonly onTrouble?: (text: string) => void;
}

const ID = 'Internode-Id';
const CAUSE = 'Internode-Cause';
const SENDER = 'Internode-Sender';
/** `<index>/<count>`, absent when the body came whole. */
const CHUNK = 'Internode-Chunk';
const TRACEPARENT = 'traceparent';
/** Of an id, a sender or a trace's context. */
const NAME_LENGTH_MAX = 128;
/** The server counts headers into its maximum. */
const HEADERS_BYTES_MAX = 4096;
/** A container that is away answers nothing at all: who waits for long for it misses that it is back. */
const CONNECT_MS_MAX = 2_000;
/** A broker that is started again is there within tens of milliseconds. */
const RECONNECT_MS = 50;
/** Until a server that was not there yet is looked for again. */
const FIRST_CONNECT_MS = 100;
/** A subscription that the server has ended is made again after so long. */
const RESUBSCRIBE_MS = 500;
const CLOSE_MS_MAX = 1000;
/** Parts of messages whose last part reached another of the group are kept until there are so many. */
const GROUP_PARTS_BYTES_MAX = 64 * 1024 * 1024;

/** A subject as one group hears it ('': as all do). */
interface Channel {
  readonly subject: string;
  readonly group: string;
  readonly assembly: Assembly;
  readonly subscriptions: Map<string, Subscription>;
}

export class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #subscribers = new Subscribers();
  readonly #assembly = new Assembly();
  readonly #onTrouble: (text: string) => void;
  #connected = true;
  #closing = false;
  #strange = 0;

  /** Messages of our subjects that were no envelopes, and were dropped: none of ours ever is. */
  get strange(): number {
    return this.#strange;
  }

  /** Since it was made: messages and their bytes, as the server sees them. */
  get traffic(): {
    readonly messagesIn: number;
    readonly messagesOut: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
  } {
    const { inMsgs, outMsgs, inBytes, outBytes } = this.#connection.stats();
    return { messagesIn: inMsgs, messagesOut: outMsgs, bytesIn: inBytes, bytesOut: outBytes };
  }

  /** Rejects when the server cannot be reached in time; later losses of the connection are mended by themselves. */
  static async connect(options: NatsOptions): Promise<NatsBus> {
    const { patienceMs = 0 } = options;
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      try {
        return await NatsBus.#connect(options);
      } catch (fault) {
        if (!isAbsent(fault) || performance.now() > deadlineMs) throw fault;
        await new Promise((resolve) => setTimeout(resolve, FIRST_CONNECT_MS));
      }
    }
  }

  static async #connect(options: NatsOptions): Promise<NatsBus> {
    const { url, name, credentialsFile, onTrouble = () => {} } = options;
    const connection = await connect({
      servers: url,
      timeout: CONNECT_MS_MAX,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: RECONNECT_MS,
      noAsyncTraces: true,
      ...(name !== undefined && { name }),
      ...(credentialsFile !== undefined && { authenticator: authenticatorOf(credentialsFile) }),
      ...(isSecure(options) && { tls: tlsOptionsOf(options) }),
    });
    return new NatsBus(connection, onTrouble);
  }

  private constructor(connection: NatsConnection, onTrouble: (text: string) => void) {
    this.#connection = connection;
    this.#onTrouble = onTrouble;
    void this.#watch();
  }

  /** While the connection is down, or once it is being closed, messages are lost rather than piled up: cores ask again. */
  publish(envelope: Envelope): void {
    if (!this.#connected || this.#isOver) return;
    const { subject, body } = envelope;
    const chunkBytesMax = (this.#connection.info?.max_payload ?? 1_048_576) - HEADERS_BYTES_MAX;
    const count = Math.ceil(body.length / chunkBytesMax);
    if (count <= 1) {
      // The client sends later and keeps no copy of its own.
      this.#connection.publish(subject, new Uint8Array(body), { headers: headersOf(envelope) });
      return;
    }
    for (let index = 0; index < count; index++) {
      const head = headersOf(envelope);
      head.set(CHUNK, `${index}/${count}`);
      const chunk = new Uint8Array(
        body.subarray(index * chunkBytesMax, (index + 1) * chunkBytesMax),
      );
      const carried = index < count - 1 ? partsOf(subject) : subject;
      this.#connection.publish(carried, chunk, { headers: head });
    }
  }

  subscribe(subject: string, deliver: Deliver, group = ''): Cancel {
    const assembly = group === '' ? this.#assembly : new Assembly(GROUP_PARTS_BYTES_MAX);
    const channel: Channel = { subject, group, assembly, subscriptions: new Map() };
    return this.#subscribers.add(subject, {
      deliver,
      group,
      first: () => {
        this.#listen(channel, partsOf(subject));
        this.#listen(channel, subject);
      },
      last: () => {
        const subscriptions = [...channel.subscriptions.values()];
        channel.subscriptions.clear();
        for (const subscription of subscriptions) subscription.unsubscribe();
      },
    });
  }

  /** Once settled, the server knows every subscription made so far. */
  ready(): Promise<void> {
    return this.#connection.flush();
  }

  /** Sends what was published, then disconnects; without a server there is nothing to wait for. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#connection.isClosed()) return;
    if (!this.#connected) return this.#connection.close();
    const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS_MAX).unref());
    // A broker that goes meanwhile takes nothing more: that is no fault of who stops.
    const drained = this.#connection.drain().catch((fault: Error) => {
      this.#onTrouble(`what was said last may be lost: ${fault.message}`);
    });
    await Promise.race([drained, late]);
    if (!this.#connection.isClosed()) await Promise.race([this.#connection.close(), late]);
  }

  /** The client throws at whoever uses a connection that drains or is closed; timers of a host may outlive it. */
  get #isOver(): boolean {
    return this.#closing || this.#connection.isClosed();
  }

  #listen(channel: Channel, carried: string): void {
    if (this.#isOver) return;
    const { subject, group, subscriptions } = channel;
    const callback = (error: Error | null, message: Msg): void => {
      if (error === null) return this.#receive(channel, message);
      this.#onTrouble(`${carried}: ${error.message}`);
    };
    const isQueued = group !== '' && carried === subject;
    const options = isQueued ? { callback, queue: group } : { callback };
    const subscription = this.#connection.subscribe(carried, options);
    subscriptions.set(carried, subscription);
    const again = (): void => {
      if (subscriptions.get(carried) !== subscription || this.#isOver) return;
      setTimeout(() => {
        if (subscriptions.get(carried) === subscription) this.#listen(channel, carried);
      }, RESUBSCRIBE_MS).unref();
    };
    void subscription.closed.then(again, again);
  }

  #receive({ subject, group, assembly }: Channel, message: Msg): void {
    const envelope = envelopeOf(subject, message);
    const chunk = chunkOf(message);
    // By its own subject a message comes whole, or its last chunk; all others come beside it.
    const isOwn = message.subject === subject;
    if (envelope === undefined || chunk === 'malformed' || (chunk === undefined && !isOwn)) {
      this.#strange += 1;
      return;
    }
    if (chunk === undefined) return this.#subscribers.deliverTo(group, envelope);
    const key = `${subject} ${envelope.sender} ${envelope.id}`;
    const body = assembly.add({ ...chunk, key, bytes: envelope.body });
    if (body !== undefined) this.#subscribers.deliverTo(group, { ...envelope, body });
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect') this.#connected = false;
      if (status.type === 'reconnect') this.#connected = true;
      if (status.type === 'error') this.#onTrouble(status.error.message);
      if (status.type === 'slowConsumer') this.#onTrouble('messages wait to be handled');
    }
  }
}

/** Not there, or its name is not known yet; unlike one that does not let us in. */
function isAbsent(fault: unknown): boolean {
  const codes = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ETIMEDOUT|timeout/i;
  const { message, cause } = fault as Error;
  return codes.test(message) || (cause instanceof Error && isAbsent(cause));
}

function isSecure({ url, caFile }: NatsOptions): boolean {
  return caFile !== undefined || url.startsWith('tls://');
}

function tlsOptionsOf({ url, caFile }: NatsOptions): TlsOptions {
  // The client tells the handshake the name of a server that has one, and nothing where the address is a number: any certificate
  // would then have to be one of `localhost`.
  const { hostname } = new URL(url);
  const options = {
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(caFile !== undefined && { caFile }),
  };
  return options;
}

function authenticatorOf(file: string): Authenticator {
  return nkeyAuthenticator(new TextEncoder().encode(readFileSync(file, 'utf8').trim()));
}

function headersOf({ id, cause, sender, traceparent }: Envelope): MsgHdrs {
  const head = headers();
  head.set(ID, id);
  head.set(SENDER, sender);
  if (cause !== '') head.set(CAUSE, cause);
  if (traceparent !== '') head.set(TRACEPARENT, traceparent);
  return head;
}

/** Undefined when the head is not as one of ours is. */
function envelopeOf(subject: string, { headers: head, data }: Msg): Envelope | undefined {
  if (head === undefined) return undefined;
  const [id, cause, sender, traceparent] = [ID, CAUSE, SENDER, TRACEPARENT].map((name) =>
    head.get(name),
  ) as [string, string, string, string];
  const isNamed = id !== '' && sender !== '';
  const isShort = [id, cause, sender, traceparent].every(({ length }) => length <= NAME_LENGTH_MAX);
  if (!isNamed || !isShort) return undefined;
  return { id, cause, sender, subject, traceparent, body: new Uint8Array(data) };
}

/** Which chunk of how many, if it is one. */
function chunkOf({ headers: head }: Msg): Pick<Chunk, 'index' | 'count'> | 'malformed' | undefined {
  const text = head?.get(CHUNK) ?? '';
  if (text === '') return undefined;
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  return index === undefined ? 'malformed' : { index: Number(index), count: Number(count) };
}
