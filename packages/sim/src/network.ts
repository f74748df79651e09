// The network between nodes: links as TCP makes them. What is sent while a link is up arrives in order, or the link breaks
// and what was under way is gone. A way that is cut holds its frames back; when it stays cut, both sides give the link up.
import { assert } from '@internode/prelude';
import type { Agenda } from './agenda.ts';
import { roundTripMs } from './cities.ts';
import type { Random } from './random.ts';
import { CALM, type Swarm } from './swarm.ts';

/** What a node hears of its peers. Peers are named by their identity. */
export interface Ears {
  linkChanged(peer: string, up: boolean): void;
  frame(peer: string, frame: Uint8Array): void;
}

/** A node's way to its peers, for one life of whoever holds it. */
export interface Line {
  /** Links to these are kept, others dropped. */
  connect(peers: readonly string[]): void;
  send(peers: readonly string[], frame: Uint8Array): void;
}

export interface NetworkFigures {
  frames: number;
  bytes: number;
  linksBroken: number;
}

interface Port {
  readonly node: string;
  readonly identity: string;
  readonly city: number;
  readonly wanted: Set<string>;
  ears: Ears | undefined;
  upFreeMs: number;
  downFreeMs: number;
}

/** Side 0 is the port that was added first. */
type Side = 0 | 1;

interface Link {
  readonly ports: readonly [Port, Port];
  readonly oneWayMs: number;
  up: boolean;
  dialing: boolean;
  /** Grows with each change: what belongs to an older one does not happen any more. */
  era: number;
  /** What each side believes. */
  readonly told: [boolean, boolean];
  /** Bytes under way, and when the last of them arrives, by sending side. */
  readonly queued: [number, number];
  readonly lastMs: [number, number];
}

/** Of framing and headers. */
const OVERHEAD_BYTES = 60;
/** More than this under way on one link breaks it, as a full send buffer does. */
const QUEUED_BYTES_MAX = 64 * 1024 * 1024;
/** After so long without an answer a side gives a link up. */
const IDLE_MS = 1_000;
/** Between two attempts to connect. */
const DIAL_AGAIN_MS = 200;
const BYTES_PER_MBIT_MS = 125;

export class Network {
  readonly figures: NetworkFigures = { frames: 0, bytes: 0, linksBroken: 0 };
  readonly #random: Random;
  readonly #put: Agenda['put'];
  readonly #nowMs: () => number;
  readonly #onFrame: (to: string, frame: Uint8Array) => void;
  readonly #ports = new Map<string, Port>();
  readonly #byIdentity = new Map<string, Port[]>();
  readonly #links = new Map<string, Link>();
  readonly #cutUntilMs = new Map<string, number>();
  /** Which of two twins a node meets under their identity, when it is not the first. */
  readonly #meetsSecond = new Set<string>();
  #swarm: Swarm = CALM;
  /** The last bandwidth that was bounded: what piled up under it leaves at its pace, not all in one instant. */
  #boundedMbit = 0;

  constructor(world: {
    readonly random: Random;
    readonly nowMs: () => number;
    readonly put: Agenda['put'];
    /** Told of each frame that arrives. */
    readonly onFrame: (to: string, frame: Uint8Array) => void;
  }) {
    this.#random = world.random;
    this.#nowMs = world.nowMs;
    this.#put = world.put;
    this.#onFrame = world.onFrame;
  }

  setSwarm(swarm: Swarm): void {
    this.#swarm = swarm;
    if (swarm.bandwidthMbit > 0) this.#boundedMbit = swarm.bandwidthMbit;
  }

  /** A node's place in the network. Two nodes with one identity are twins: each other node meets one of them at a time. */
  add(node: string, identity: string, city: number): void {
    const port: Port = {
      node,
      identity,
      city,
      wanted: new Set(),
      ears: undefined,
      upFreeMs: 0,
      downFreeMs: 0,
    };
    this.#ports.set(node, port);
    const twins = this.#byIdentity.get(identity) ?? [];
    this.#byIdentity.set(identity, [...twins, port]);
  }

  open(node: string, ears: Ears): Line {
    const port = this.#portOf(node);
    port.ears = ears;
    return {
      connect: (peers) => {
        if (port.ears === ears) this.#connect(port, peers);
      },
      send: (peers, frame) => {
        if (port.ears === ears) for (const peer of peers) this.#send(port, peer, frame);
      },
    };
  }

  /** The holder of the line is gone: at once for the others after a kill, noticed only by silence after a power cut. */
  close(node: string, silently: boolean): void {
    const port = this.#portOf(node);
    port.ears = undefined;
    port.wanted.clear();
    port.upFreeMs = 0;
    port.downFreeMs = 0;
    for (const link of this.#links.values()) {
      if (!link.ports.includes(port)) continue;
      link.told[sideOf(link, port)] = false;
      if (link.up) this.#break(link, silently ? IDLE_MS : link.oneWayMs);
    }
  }

  /** Nothing passes from one node to the other for so long. */
  cut(from: string, to: string, forMs: number): void {
    const way = `${from}>${to}`;
    const untilMs = Math.max(this.#cutUntilMs.get(way) ?? 0, this.#nowMs() + forMs);
    this.#cutUntilMs.set(way, untilMs);
    const link = this.#links.get(nameOf(from, to));
    if (link === undefined || forMs <= IDLE_MS) return;
    const { era } = link;
    this.#put(this.#nowMs() + IDLE_MS, () => {
      if (link.era === era && link.up && this.#isCut(link)) this.#break(link, 0);
    });
  }

  heal(): void {
    this.#cutUntilMs.clear();
  }

  /** One link that is up, if any, breaks. */
  breakOne(random: Random): void {
    const up = [...this.#links.values()].filter((link) => link.up);
    if (up.length > 0) this.#break(random.pick(up), 0);
  }

  /** Those who meet the first twin of this identity meet the second, and the other way round, for a drawn half of all nodes. */
  swapTwins(identity: string, random: Random): void {
    for (const port of this.#ports.values()) {
      if (port.identity === identity || random.chance(0.5)) continue;
      const meeting = `${port.node}>${identity}`;
      if (!this.#meetsSecond.delete(meeting)) this.#meetsSecond.add(meeting);
      for (const twin of this.#byIdentity.get(identity) ?? []) {
        const link = this.#links.get(nameOf(port.node, twin.node));
        if (link?.up === true) this.#break(link, link.oneWayMs);
        this.#dial(port, twin);
      }
    }
  }

  #portOf(node: string): Port {
    const port = this.#ports.get(node);
    assert(port !== undefined, `no node ${node} in the network`);
    return port;
  }

  #meet(port: Port, identity: string): Port | undefined {
    const twins = this.#byIdentity.get(identity) ?? [];
    return this.#meetsSecond.has(`${port.node}>${identity}`) ? (twins[1] ?? twins[0]) : twins[0];
  }

  #connect(port: Port, peers: readonly string[]): void {
    const wanted = new Set(peers);
    for (const identity of port.wanted) {
      if (wanted.has(identity)) continue;
      port.wanted.delete(identity);
      const other = this.#meet(port, identity);
      const link = other && this.#links.get(nameOf(port.node, other.node));
      if (link?.up === true) this.#break(link, link.oneWayMs);
    }
    for (const identity of wanted) {
      if (identity === port.identity || port.wanted.has(identity)) continue;
      port.wanted.add(identity);
      const other = this.#meet(port, identity);
      if (other !== undefined) this.#dial(port, other);
    }
  }

  #isWanted({ ports: [a, b] }: Link): boolean {
    if (a.ears === undefined || b.ears === undefined) return false;
    if (!a.wanted.has(b.identity) || !b.wanted.has(a.identity)) return false;
    return this.#meet(a, b.identity) === b && this.#meet(b, a.identity) === a;
  }

  #dial(from: Port, to: Port): void {
    const link = this.#linkOf(from, to);
    if (link.up || link.dialing || !this.#isWanted(link)) return;
    link.dialing = true;
    const attempt = (): void => {
      link.dialing = false;
      if (link.up || !this.#isWanted(link)) return;
      if (!this.#isCut(link)) return this.#rise(link);
      link.dialing = true;
      this.#put(this.#nowMs() + DIAL_AGAIN_MS, attempt);
    };
    this.#put(this.#nowMs() + 3 * this.#scaled(link.oneWayMs) + this.#jitterMs(), attempt);
  }

  #rise(link: Link): void {
    link.up = true;
    link.era += 1;
    link.queued.fill(0);
    link.lastMs.fill(0);
    const { era } = link;
    this.#tell(link, 0, true);
    this.#put(this.#nowMs() + this.#scaled(link.oneWayMs), () => {
      if (link.era === era) this.#tell(link, 1, true);
    });
  }

  #break(link: Link, noticedMs: number): void {
    link.up = false;
    link.era += 1;
    this.figures.linksBroken += 1;
    const { era } = link;
    this.#put(this.#nowMs() + noticedMs, () => {
      if (link.era !== era) return;
      for (const side of [0, 1] as const) this.#tell(link, side, false);
      this.#dial(...link.ports);
    });
  }

  /** One that restarts before the others noticed connects again: they learn both at once. */
  #tell(link: Link, side: Side, up: boolean): void {
    const [port, other] = side === 0 ? link.ports : [link.ports[1], link.ports[0]];
    if (link.told[side] && up) this.#tell(link, side, false);
    if (link.told[side] === up) return;
    link.told[side] = up;
    port.ears?.linkChanged(other.identity, up);
  }

  #send(from: Port, identity: string, frame: Uint8Array): void {
    const to = this.#meet(from, identity);
    const link = to && this.#links.get(nameOf(from.node, to.node));
    if (to === undefined || link === undefined || !link.up) return;
    const side = sideOf(link, from);
    if (!link.told[side]) return;
    const bytes = frame.length + OVERHEAD_BYTES;
    this.figures.frames += 1;
    this.figures.bytes += bytes;
    link.queued[side] += bytes;
    if (link.queued[side] > QUEUED_BYTES_MAX) return this.#break(link, 0);
    from.upFreeMs = this.#freeAgainMs(from.upFreeMs, bytes);
    const onTheWayMs = this.#scaled(link.oneWayMs) + this.#jitterMs();
    const cutMs = this.#cutUntilMs.get(`${from.node}>${to.node}`) ?? 0;
    const atMs = Math.max(Math.max(from.upFreeMs, cutMs) + onTheWayMs, link.lastMs[side]);
    link.lastMs[side] = atMs;
    const { era } = link;
    this.#put(atMs, () => {
      if (link.era !== era) return;
      link.queued[side] -= bytes;
      to.downFreeMs = this.#freeAgainMs(to.downFreeMs, bytes);
      if (to.downFreeMs <= this.#nowMs()) return this.#arrive(from, to, frame);
      this.#put(to.downFreeMs, () => {
        if (link.era === era) this.#arrive(from, to, frame);
      });
    });
  }

  #arrive(from: Port, to: Port, frame: Uint8Array): void {
    this.#onFrame(to.node, frame);
    to.ears?.frame(from.identity, frame);
  }

  #isCut({ ports: [a, b] }: Link): boolean {
    const nowMs = this.#nowMs();
    const untilMs = (from: Port, to: Port): number =>
      this.#cutUntilMs.get(`${from.node}>${to.node}`) ?? 0;
    return Math.max(untilMs(a, b), untilMs(b, a)) > nowMs;
  }

  #linkOf(from: Port, to: Port): Link {
    const name = nameOf(from.node, to.node);
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const link: Link = {
      ports: [from, to],
      oneWayMs: roundTripMs(from.city, to.city) / 2,
      up: false,
      dialing: false,
      era: 0,
      told: [false, false],
      queued: [0, 0],
      lastMs: [0, 0],
    };
    this.#links.set(name, link);
    return link;
  }

  #scaled(ms: number): number {
    return ms * this.#swarm.distance;
  }

  #jitterMs(): number {
    const { jitterMsMean } = this.#swarm;
    return jitterMsMean > 0 ? this.#random.exponential(jitterMsMean) : 0;
  }

  /** When a way that is busy until `freeMs` has also passed these. */
  #freeAgainMs(freeMs: number, bytes: number): number {
    const nowMs = this.#nowMs();
    const isBusy = freeMs > nowMs;
    const mbit = this.#swarm.bandwidthMbit || (isBusy ? this.#boundedMbit : 0);
    return Math.max(freeMs, nowMs) + (mbit > 0 ? bytes / (mbit * BYTES_PER_MBIT_MS) : 0);
  }
}

function sideOf(link: Link, port: Port): Side {
  return link.ports[0] === port ? 0 : 1;
}

function nameOf(one: string, other: string): string {
  return one < other ? `${one}=${other}` : `${other}=${one}`;
}
