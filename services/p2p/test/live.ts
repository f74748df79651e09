// Nodes with real peer ports on the loopback: the p2p service, its adapter and a bus, and nothing else.
import { randomFillSync } from 'node:crypto';
import { Client } from '@grpc/grpc-js';
import { Caller, type MessageOf, type Observe, Service } from '@internode/actor';
import { MemoryBus } from '@internode/bus/memory';
import type { Message, MessageKind, PeerAddress } from '@internode/contracts';
import { nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { selfAuthenticating, setHashEngine, sha256 } from '@internode/encoding';
import { SystemClock } from '@internode/host';
import { toHex, utf8 } from '@internode/prelude';
import { MemoryJournal } from '@internode/storage/memory';
import { certify } from '../src/adapters/certificate.ts';
import { type GrpcPeers, openGrpcPeers } from '../src/adapters/grpc-peers.ts';
import { GRPC_OPTIONS, openStream } from '../src/adapters/grpc-protocol.ts';
import { PeerCredentials } from '../src/adapters/peer-tls.ts';
import { createP2p, type P2pEvent } from '../src/index.ts';

setHashEngine(nodeHashEngine);

export interface Identity {
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly nodeId: Uint8Array;
}

export function identityOf(name: string): Identity {
  return identityOfSecret(sha256(utf8(name)));
}

export function identityOfSecret(secret: Uint8Array): Identity {
  const publicKey = nodeSignatures.ed25519PublicKey(secret);
  return { secret, publicKey, nodeId: selfAuthenticating(publicKey) };
}

/** The lowest id first: it dials all others. */
export function identities(count: number): Identity[] {
  return Array.from({ length: count }, (_, index) => identityOf(`node ${index}`)).sort((a, b) =>
    toHex(a.nodeId) < toHex(b.nodeId) ? -1 : 1,
  );
}

export class LiveNode implements AsyncDisposable {
  readonly identity: Identity;
  readonly events: P2pEvent[] = [];
  readonly bus = new MemoryBus({ handsOver: true });
  readonly place = { subnet: 'test', node: 'node' };
  readonly clock = new SystemClock();
  readonly entropy = { fill: (bytes: Uint8Array): void => void randomFillSync(bytes) };
  #peers: GrpcPeers | undefined;
  #service: ReturnType<LiveNode['serviceOf']> | undefined;
  readonly #caller = new Caller({ name: 'test', ports: this, keyOf: {}, pendingMax: 1 });
  #port = 0;
  #known: readonly PeerAddress[] = [];

  constructor(identity: Identity) {
    this.identity = identity;
  }

  get peers(): GrpcPeers {
    if (this.#peers === undefined) throw new Error('not open');
    return this.#peers;
  }

  get address(): PeerAddress {
    const { nodeId, publicKey } = this.identity;
    return { nodeId, publicKey, address: `127.0.0.1:${this.peers.port}` };
  }

  get service(): ReturnType<LiveNode['serviceOf']> {
    if (this.#service === undefined) throw new Error('not started');
    return this.#service;
  }

  async open(port = 0): Promise<void> {
    const { nodeId, secret } = this.identity;
    const observe: Observe = (_service, event) => void this.events.push(event as P2pEvent);
    this.#peers = await openGrpcPeers({
      nodeId,
      secret,
      listen: { host: '127.0.0.1', port },
      ports: this,
      observe,
    });
  }

  /** Its port is deaf for a while: the service goes on. */
  async closePeers(): Promise<void> {
    this.#port = this.peers.port;
    await this.peers.close();
  }

  async reopenPeers(): Promise<void> {
    await this.open(this.#port);
    // The service says so again by itself, but only now and then.
    this.say({ kind: 'ConnectPeers', peers: this.#known });
  }

  async restartPeers(): Promise<void> {
    await this.closePeers();
    await this.reopenPeers();
  }

  /** The service of this node, which knows these peers. */
  start(peers: readonly PeerAddress[]): void {
    const service = this.serviceOf(peers);
    this.#known = peers.filter(({ nodeId }) => toHex(nodeId) !== toHex(this.identity.nodeId));
    this.#service = service;
    const observe: Observe = (_service, event) => void this.events.push(event as P2pEvent);
    service.start({
      place: this.place,
      bus: this.bus,
      clock: this.clock,
      entropy: this.entropy,
      journal: new MemoryJournal(),
      solver: { solve: () => {} },
      observe,
    });
  }

  serviceOf(peers: readonly PeerAddress[]) {
    return new Service(createP2p({ nodeId: this.identity.nodeId, peers }));
  }

  say(message: Message, traceparent = ''): void {
    this.#caller.tell(message, traceparent);
  }

  hear<Kind extends MessageKind>(kind: Kind, listen: (message: MessageOf<Kind>) => void): void {
    this.#caller.listen(kind, listen);
  }

  /** Everything of a kind that is said from now on. */
  collect<Kind extends MessageKind>(kind: Kind): MessageOf<Kind>[] {
    const heard: MessageOf<Kind>[] = [];
    this.hear(kind, (message) => heard.push(message));
    return heard;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#service?.stop();
    await this.#peers?.close();
  }
}

export async function until(is: () => boolean, withinMs = 10_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!is()) {
    if (performance.now() > endMs) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** A network of so many, with all links up. */
export class LiveNet implements AsyncDisposable {
  readonly nodes: readonly LiveNode[];

  constructor(count: number) {
    this.nodes = identities(count).map((identity) => new LiveNode(identity));
  }

  static async open(count: number): Promise<LiveNet> {
    const net = new LiveNet(count);
    for (const node of net.nodes) await node.open();
    for (const node of net.nodes) node.start(net.addresses);
    await until(() => net.nodes.every(({ peers }) => peers.linksUp === count - 1));
    return net;
  }

  get addresses(): readonly PeerAddress[] {
    return this.nodes.map(({ address }) => address);
  }

  node(index: number): LiveNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`no node ${index}`);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}

/** A member as a puppet: holds a key of the record, and says what the test wants. */
export class Puppet implements AsyncDisposable {
  readonly stream: ReturnType<typeof openStream>;
  readonly frames: Uint8Array[] = [];
  readonly #client: Client;
  isOpen = false;
  isLost = false;

  /** Dials, as only a member with a lower id may. */
  constructor(identity: Identity, to: PeerAddress, options: Partial<typeof GRPC_OPTIONS> = {}) {
    const secrets = new PeerCredentials(certify(identity.secret), to.publicKey, () => {});
    this.#client = new Client(to.address, secrets, { ...GRPC_OPTIONS, ...options });
    this.stream = openStream(this.#client);
    this.stream.setMaxListeners(0);
    this.stream.on('metadata', () => {
      this.isOpen = true;
    });
    this.stream.on('data', (frame: Buffer) => this.frames.push(new Uint8Array(frame)));
    for (const event of ['error', 'end', 'close'])
      this.stream.on(event, () => {
        this.isLost = true;
      });
  }

  send(frame: Uint8Array): void {
    this.stream.write(Buffer.from(frame));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.cancel();
    this.#client.close();
  }
}
