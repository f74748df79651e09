// One other member: its link, what it offers, and what it may still ask of us. All of it is bounded.
import type { PeerAddress } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { PEER_LIMITS } from '../limits.ts';
import { Bucket } from './bucket.ts';
import { PeerTable } from './peer-table.ts';

export class Peer {
  address: PeerAddress;
  readonly nodeId: Uint8Array;
  readonly key: string;
  readonly table = new PeerTable();
  /** Artifacts of this peer said to our services: one flood of calls does not hold up votes. */
  readonly saidIngress = new Bucket(PEER_LIMITS.callsPerSecond, PEER_LIMITS.callsAtOnce);
  readonly saidOther = new Bucket(PEER_LIMITS.othersPerSecond, PEER_LIMITS.othersAtOnce);
  readonly saidBytes = new Bucket(PEER_LIMITS.saidBytesPerSecond, PEER_LIMITS.saidBytesPerSecond);
  readonly #heard = new Bucket(PEER_LIMITS.heardBytesPerSecond, PEER_LIMITS.heardBytesAtOnce);
  /** Bytes that it was asked for and has not sent. */
  #expectedBytes = 0;
  #pausedUntilMs = 0;
  readonly served = new Bucket(PEER_LIMITS.servedBytesPerSecond, PEER_LIMITS.servedBytesAtOnce);
  up = false;
  /** Bodies that are kept because this peer offers them. */
  bodyBytes = 0;
  inFlight = 0;
  inFlightBytes = 0;

  constructor(address: PeerAddress) {
    this.address = address;
    this.nodeId = address.nodeId;
    this.key = toHex(address.nodeId);
  }

  /** It was asked for so much. */
  expect(bytes: number): void {
    const { expectedBytesMax } = PEER_LIMITS;
    this.#expectedBytes = Math.min(expectedBytesMax, this.#expectedBytes + bytes);
  }

  /** May a frame of so many bytes be read? What was asked for is on our account. */
  mayBeHeard(bytes: number, nowMs: number): boolean {
    const expected = Math.min(bytes, this.#expectedBytes);
    const charged = Math.max(bytes - expected, PEER_LIMITS.heardBytesOfFrame);
    if (!this.#heard.take(charged, nowMs)) return false;
    this.#expectedBytes -= expected;
    return true;
  }

  /** It brought rubbish: it may have less said for a while. */
  blame(nowMs: number): void {
    this.saidIngress.fine(PEER_LIMITS.blame, nowMs);
    this.saidOther.fine(PEER_LIMITS.blame, nowMs);
  }

  chargeParts(parts: number, nowMs: number): void {
    this.#heard.take(parts * PEER_LIMITS.heardBytesOfPart, nowMs);
  }

  /** For how long it is not to be read, so that it waits before anything of it is dropped. Said once for each while. */
  pauseMs(nowMs: number): number {
    const { heardBytesAtOnce, heardBytesPerSecond, pauseMsMax } = PEER_LIMITS;
    const level = this.#heard.level(nowMs);
    if (level >= heardBytesAtOnce / 4 || nowMs < this.#pausedUntilMs) return 0;
    const missing = heardBytesAtOnce / 2 - level;
    const ms = Math.min(pauseMsMax, Math.ceil((1_000 * missing) / heardBytesPerSecond));
    this.#pausedUntilMs = nowMs + ms;
    return ms;
  }
}

/** The other members, and which of them are reached. */
export class Members {
  readonly #peers = new Map<string, Peer>();
  #circle: ReadonlySet<string> | undefined;
  #up: readonly Peer[] | undefined;
  #near: readonly Peer[] = [];
  #far: readonly Peer[] = [];
  #turn = 0;

  get size(): number {
    return this.#peers.size;
  }

  /** Those whose link is up. */
  get up(): readonly Peer[] {
    if (this.#up === undefined) {
      this.#up = [...this.#peers.values()].filter(({ up }) => up);
      this.#near =
        this.#circle === undefined ? this.#up : this.#up.filter((one) => !this.isFar(one));
      this.#far = this.#circle === undefined ? [] : this.#up.filter((one) => this.isFar(one));
    }
    return this.#up;
  }

  /** Those of them that hear everything: in a large subnet, those in our circle. */
  get near(): readonly Peer[] {
    return this.up && this.#near;
  }

  /** The rest of them. */
  get far(): readonly Peer[] {
    return this.up && this.#far;
  }

  get hasCircle(): boolean {
    return this.#circle !== undefined;
  }

  isFar({ key }: Peer): boolean {
    return this.#circle?.has(key) === false;
  }

  /** The next of those that are far. */
  nextFar(count: number): readonly Peer[] {
    const { far } = this;
    const from = this.#turn % Math.max(1, far.length);
    this.#turn = from + count;
    return [...far.slice(from), ...far.slice(0, from)].slice(0, count);
  }

  /** Whether it is another circle than before. */
  setCircle(circle: ReadonlySet<string> | undefined): boolean {
    const before = this.#circle;
    this.#circle = circle;
    this.#up = undefined;
    if (before === undefined || circle === undefined) return before !== circle;
    return before.size !== circle.size || [...circle].some((key) => !before.has(key));
  }

  values(): IterableIterator<Peer> {
    return this.#peers.values();
  }

  get(nodeId: Uint8Array): Peer | undefined {
    return this.#peers.get(toHex(nodeId));
  }

  setUp(peer: Peer, up: boolean): void {
    peer.up = up;
    this.#up = undefined;
  }

  /** Answers those that are no members any more. */
  set(addresses: readonly PeerAddress[]): readonly Peer[] {
    const wanted = new Map(
      addresses.slice(0, PEER_LIMITS.peersMax).map((address) => [toHex(address.nodeId), address]),
    );
    const gone = [...this.#peers.values()].filter(({ key }) => !wanted.has(key));
    for (const { key } of gone) this.#peers.delete(key);
    for (const [key, address] of wanted) {
      const known = this.#peers.get(key);
      if (known === undefined) this.#peers.set(key, new Peer(address));
      else known.address = address;
    }
    this.#up = undefined;
    return gone;
  }
}
