// Carries frames between this node and the members that p2p names: gRPC streams over mutual TLS, the lower node id dials.
// Decides nothing: which members, what to say and what to make of what they say is the core's business.
import { Caller, type Observe, type Ports } from '@internode/actor';
import type { PeerAddress } from '@internode/contracts';
import { bytesEqual, compareBytes, give, toHex } from '@internode/prelude';
import type { LinkEvent } from '../core/event.ts';
import { FRAME_LIMITS, LINK_LIMITS } from '../limits.ts';
import { certify } from './certificate.ts';
import { Dialer } from './dialer.ts';
import { contextOf } from './frame-context.ts';
import type { FrameStream } from './grpc-protocol.ts';
import { Link } from './link.ts';
import { listen } from './listener.ts';
import { YoungGarbage } from './young-garbage.ts';

export interface GrpcPeersOptions {
  readonly nodeId: Uint8Array;
  /** The 32 secret bytes of this node's Ed25519 key. */
  readonly secret: Uint8Array;
  /** Where peers reach this node; port 0 lets the system choose. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly ports: Pick<Ports, 'bus' | 'clock' | 'entropy' | 'place'>;
  readonly observe: Observe;
}

export interface GrpcPeers extends AsyncDisposable {
  /** The port that peers reach. */
  readonly port: number;
  /** Members whose stream is open. */
  readonly linksUp: number;
  close(): Promise<void>;
}

interface Peer {
  readonly key: string;
  address: PeerAddress;
  dialer: Dialer | undefined;
  link: Link | undefined;
  /** Ends the connection of the link. */
  hangUp: () => void;
}

export async function openGrpcPeers(options: GrpcPeersOptions): Promise<GrpcPeers> {
  const peers = new Peers(options);
  try {
    await peers.open();
  } catch (fault) {
    await peers.close();
    throw fault;
  }
  return peers;
}

class Peers implements GrpcPeers {
  readonly #options: GrpcPeersOptions;
  readonly #own: ReturnType<typeof certify>;
  readonly #caller: Caller;
  readonly #peers = new Map<string, Peer>();
  /** Where members are, as far as their addresses are numbers. */
  #hosts: ReadonlySet<string> = new Set();
  #listener: Awaited<ReturnType<typeof listen>> | undefined;
  readonly #garbage = new YoungGarbage();
  #bulkBytes = 0;
  #closed = false;

  constructor(options: GrpcPeersOptions) {
    this.#options = options;
    this.#own = certify(options.secret);
    const { ports } = options;
    this.#caller = new Caller({ name: 'peers', ports, keyOf: {}, pendingMax: 1 });
    this.#caller.listen('ConnectPeers', ({ peers }) => this.#connect(peers));
    this.#caller.listen('SendFrame', ({ peers, bulk, ...frame }, traceparent) => {
      for (const nodeId of peers)
        this.#peers.get(toHex(nodeId))?.link?.send(frame, bulk, traceparent);
    });
    this.#caller.listen('PausePeer', ({ peer, forMs }) =>
      this.#peers.get(toHex(peer))?.link?.pause(forMs),
    );
  }

  async open(): Promise<void> {
    const { host, port } = this.#options.listen;
    this.#listener = await listen({
      own: this.#own,
      host,
      port,
      whois: (publicKey) => this.#whois(publicKey),
      isMembers: (place) => this.#hosts.has(place),
      onOpen: (key, stream, lost) => {
        const peer = this.#peers.get(key);
        if (peer === undefined) lost();
        else this.#linkUp(peer, stream, lost);
      },
      onRefused: (reason) => this.#tell({ kind: 'LinkRefused', peer: '', reason }),
    });
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  get linksUp(): number {
    return [...this.#peers.values()].filter(({ link }) => link !== undefined).length;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#caller.close();
    for (const peer of this.#peers.values()) this.#drop(peer);
    this.#peers.clear();
    await this.#listener?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Those who may call: members with a lower id, which dial. */
  #whois(publicKey: Uint8Array): string | undefined {
    for (const { key, address } of this.#peers.values()) {
      if (!bytesEqual(address.publicKey, publicKey)) continue;
      return this.#dials(address) ? undefined : key;
    }
    return undefined;
  }

  #dials({ nodeId }: PeerAddress): boolean {
    return compareBytes(this.#options.nodeId, nodeId) < 0;
  }

  #connect(addresses: readonly PeerAddress[]): void {
    const wanted = new Map(addresses.map((address) => [toHex(address.nodeId), address]));
    this.#hosts = new Set(addresses.map(({ address }) => hostOf(address)));
    for (const peer of [...this.#peers.values()]) {
      const address = wanted.get(peer.key);
      if (address !== undefined && isSame(address, peer.address)) continue;
      this.#peers.delete(peer.key);
      this.#drop(peer);
    }
    for (const [key, address] of wanted) {
      const known = this.#peers.get(key);
      if (known === undefined) this.#add(key, address);
      else this.#sayLink(known);
    }
  }

  #add(key: string, address: PeerAddress): void {
    const peer: Peer = { key, address, dialer: undefined, link: undefined, hangUp: () => {} };
    this.#peers.set(key, peer);
    if (!this.#dials(address)) return;
    peer.dialer = new Dialer({
      own: this.#own,
      address,
      onOpen: (stream, lost) => this.#linkUp(peer, stream, lost),
      onRefused: (reason) => this.#tell({ kind: 'LinkRefused', peer: key, reason }),
    });
  }

  #drop(peer: Peer): void {
    peer.dialer?.close();
    peer.hangUp();
    peer.link?.close();
  }

  /** The newest stream counts: the peer opens another only when it has lost the last. */
  #linkUp(peer: Peer, stream: FrameStream, hangUp: () => void): void {
    peer.hangUp();
    peer.link?.close();
    const link = new Link(stream, {
      takeBulk: (bytes) => {
        if (this.#bulkBytes + bytes > LINK_LIMITS.bulkBytesOfAllMax) return false;
        this.#bulkBytes += bytes;
        return true;
      },
      giveBulk: (bytes) => {
        this.#bulkBytes -= bytes;
      },
      onFrame: (frame) => this.#hear(peer, frame),
      onDropped: (bytes) => this.#tell({ kind: 'FrameDropped', peer: peer.key, bytes }),
      onLarge: (bytes) => this.#garbage.passed(bytes),
      onClosed: () => {
        hangUp();
        if (peer.link !== link) return;
        peer.link = undefined;
        peer.hangUp = () => {};
        this.#sayLink(peer);
      },
    });
    peer.link = link;
    peer.hangUp = hangUp;
    this.#sayLink(peer);
  }

  #hear(peer: Peer, frame: Uint8Array): void {
    if (frame.length > FRAME_LIMITS.frameBytesMax) return peer.hangUp();
    const message = { kind: 'FrameReceived', peer: peer.address.nodeId } as const;
    const context = contextOf(frame);
    this.#caller.tell({ ...message, frame: plainFrame(frame) }, context);
  }

  #sayLink({ address, link }: Peer): void {
    if (this.#closed) return;
    const up = link !== undefined;
    this.#caller.tell({ kind: 'PeerLinkChanged', peer: address.nodeId, up });
  }

  #tell(event: LinkEvent): void {
    this.#options.observe('p2p', event);
  }
}

/** What gRPC writes before a message. */
const PREFIX_BYTES = 5;

/** A large one is alone in its memory, and can be handed over as it is; small ones share theirs with others, and are copied. */
function plainFrame(frame: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = frame;
  if (buffer.byteLength > length + PREFIX_BYTES) return frame;
  give(new Uint8Array(buffer));
  return new Uint8Array(buffer, byteOffset, length);
}

function isSame(left: PeerAddress, right: PeerAddress): boolean {
  return left.address === right.address && bytesEqual(left.publicKey, right.publicKey);
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}
