// Bodies that are wanted: what a peer only advertised, and what our services ask for. Each is asked of one peer at a time, of the
// next when that one is late, does not have it, or sends something else.
import type { ArtifactChunk, ArtifactKind } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { bytesEqual } from '@internode/prelude';
import { FETCH_LIMITS, FRAME_LIMITS } from '../limits.ts';
import { Assembly } from './assembly.ts';
import type { Misdeed } from './event.ts';
import { Late } from './late.ts';
import type { Library, Offered } from './library.ts';
import { type Artifact, nameOf } from './name.ts';
import type { Outbox } from './outbox.ts';
import type { Members, Peer } from './peer.ts';

interface Wanted {
  readonly name: string;
  readonly artifactKind: ArtifactKind;
  readonly id: Uint8Array;
  /** Our services asked: any peer may have it, and what comes is said at once. */
  requested: boolean;
  first: Peer | undefined;
  /** When it is given up, unless somebody offers it. */
  untilMs: number;
  readonly tried: Set<Peer>;
  /** Everyone was asked in vain. */
  restUntilMs: number;
  asked: Asked | undefined;
  /** Whose advert it is, when our services have not asked for it. */
  advertiser: Peer | undefined;
}

interface Asked {
  readonly peer: Peer;
  readonly bytes: number;
  untilMs: number;
  assembly: Assembly | undefined;
}

/** A body that was wanted and fits its id. */
export interface Fetched {
  readonly artifact: Artifact;
  readonly peer: Peer;
  readonly requested: boolean;
}

/** Of a body whose size nobody has said yet. */
const UNKNOWN_BYTES = 4096;

export class Fetcher {
  readonly #outbox: Outbox;
  readonly #members: Members;
  readonly #library: Library;
  readonly #wanted = new Map<string, Wanted>();
  /** Wanted and asked of nobody, in order. */
  readonly #idle = new Set<Wanted>();
  /** Adverts beyond what is looked after of their peer. */
  readonly #later = new Map<Offered, Peer>();
  readonly #adverts = new Map<Peer, number>();
  readonly #late = new Late();
  #requested = 0;

  constructor(outbox: Outbox, members: Members, library: Library) {
    this.#outbox = outbox;
    this.#members = members;
    this.#library = library;
  }

  get size(): number {
    return this.#wanted.size;
  }

  /** A peer advertises it. */
  wantOffered(offered: Offered, peer: Peer): void {
    const { name, content } = offered;
    if (this.#wanted.has(name)) return;
    const adverts = this.#adverts.get(peer) ?? 0;
    if (adverts >= FETCH_LIMITS.offeredPerPeerMax) {
      this.#later.set(offered, peer);
      return;
    }
    this.#adverts.set(peer, adverts + 1);
    const wanted = this.#add(name, content, peer);
    wanted.advertiser = peer;
  }

  /** Our services ask for it, and ask again while they want it. */
  request(artifactKind: ArtifactKind, id: Uint8Array, first: Peer | undefined): void {
    const name = nameOf(artifactKind, id);
    const known = this.#wanted.get(name);
    if (known === undefined && this.#requested >= FETCH_LIMITS.requestedMax)
      return this.#outbox.limited(first, 'wanted');
    const wanted = known ?? this.#add(name, { artifactKind, id }, first);
    if (!wanted.requested) this.#requested += 1;
    wanted.requested = true;
    wanted.untilMs = this.#outbox.now.ms + FETCH_LIMITS.giveUpMs;
    if (wanted.first === undefined || !wanted.first.up) wanted.first = first;
  }

  /** Nobody offers it any more. */
  forget(offered: Offered): void {
    this.#later.delete(offered);
    if (this.#wanted.get(offered.name)?.requested === false) this.arrived(offered.name);
  }

  /** It came by itself, or is wanted no more. */
  arrived(name: string): boolean {
    const wanted = this.#wanted.get(name);
    if (wanted === undefined) return false;
    this.#land(wanted);
    this.#idle.delete(wanted);
    this.#wanted.delete(name);
    const { advertiser, requested } = wanted;
    if (requested) this.#requested -= 1;
    if (advertiser !== undefined) this.#uncount(advertiser);
    return requested;
  }

  hearChunk(peer: Peer, chunk: ArtifactChunk): Fetched | Misdeed | undefined {
    const { artifactKind, id, size } = chunk;
    const name = nameOf(artifactKind, id);
    const wanted = this.#wanted.get(name);
    const asked = wanted?.asked;
    if (wanted === undefined || asked?.peer !== peer)
      return this.#late.has(peer, name) ? undefined : 'chunk nobody asked for';
    if (size === 0) {
      this.#passOver(wanted);
      this.send();
      return undefined;
    }
    if (size > FRAME_LIMITS.artifactBytesMax) return this.#refuse(wanted, 'body too large');
    asked.assembly ??= new Assembly(size);
    const body = asked.assembly.add(chunk);
    if (body === 'malformed') return this.#refuse(wanted, 'chunk malformed');
    if (body === undefined) {
      asked.untilMs = this.#outbox.now.ms + answerMs(wanted);
      return undefined;
    }
    if (!bytesEqual(sha256(body), id)) return this.#refuse(wanted, 'body is not what the id says');
    const requested = this.arrived(name);
    this.send();
    return { artifact: { artifactKind, id, body }, peer, requested };
  }

  /** Its link is down, or it is no member any more. */
  linkDown(peer: Peer): void {
    for (const wanted of this.#wanted.values()) {
      if (wanted.first === peer) wanted.first = undefined;
      if (wanted.asked?.peer === peer) this.#passOver(wanted);
      wanted.tried.delete(peer);
      if (wanted.advertiser !== peer || this.#members.get(peer.nodeId) === peer) continue;
      wanted.advertiser = undefined;
      this.#uncount(peer);
    }
    this.send();
  }

  /** Passes over who is late, gives up what nobody wants any more, asks on. */
  lookAfter(): void {
    const { ms } = this.#outbox.now;
    for (const wanted of this.#wanted.values()) {
      const { name, untilMs, asked } = wanted;
      if (asked !== undefined && asked.untilMs <= ms) this.#passOver(wanted);
      // What is on offer stays wanted: somebody must have it.
      if (untilMs <= ms && this.#library.get(name) === undefined) this.arrived(name);
    }
    for (const [offered, peer] of this.#later) {
      if ((this.#adverts.get(peer) ?? 0) >= FETCH_LIMITS.offeredPerPeerMax) continue;
      this.#later.delete(offered);
      this.wantOffered(offered, peer);
    }
    this.send();
  }

  /** Asks for what can be asked for now. */
  send(): void {
    const requests = new Map<Peer, Map<ArtifactKind, Uint8Array[]>>();
    let misses = 0;
    for (const wanted of this.#idle) {
      const peer = this.#choose(wanted);
      if (peer === undefined) {
        misses += 1;
        if (misses > MISSES_MAX) break;
        continue;
      }
      this.#ask(wanted, peer);
      const kinds = requests.get(peer) ?? new Map<ArtifactKind, Uint8Array[]>();
      const ids = kinds.get(wanted.artifactKind) ?? [];
      ids.push(wanted.id);
      requests.set(peer, kinds.set(wanted.artifactKind, ids));
    }
    for (const [peer, kinds] of requests) {
      for (const [artifactKind, ids] of kinds)
        this.#outbox.send(peer, { kind: 'fetch', fetch: { artifactKind, ids } });
    }
    if (this.#wanted.size + this.#later.size > 0)
      this.#outbox.startTimer('look-after', FETCH_LIMITS.lookAfterMs);
  }

  #add(
    name: string,
    { artifactKind, id }: { readonly artifactKind: ArtifactKind; readonly id: Uint8Array },
    first: Peer | undefined,
  ): Wanted {
    const wanted: Wanted = {
      name,
      artifactKind,
      id,
      requested: false,
      first,
      untilMs: this.#outbox.now.ms + FETCH_LIMITS.giveUpMs,
      tried: new Set(),
      restUntilMs: 0,
      asked: undefined,
      advertiser: undefined,
    };
    this.#wanted.set(name, wanted);
    this.#idle.add(wanted);
    return wanted;
  }

  #uncount(peer: Peer): void {
    const left = (this.#adverts.get(peer) ?? 1) - 1;
    if (left === 0) this.#adverts.delete(peer);
    else this.#adverts.set(peer, left);
  }

  /** First the one that was named, then those that offer it, then, on request, anyone. */
  #choose(wanted: Wanted): Peer | undefined {
    const { first, tried, name, requested } = wanted;
    if (wanted.restUntilMs > this.#outbox.now.ms) return undefined;
    const bytes = this.#bytesOf(name);
    const may = (peer: Peer): boolean =>
      peer.up &&
      !tried.has(peer) &&
      peer.inFlight < FETCH_LIMITS.inFlightPerPeerMax &&
      peer.inFlightBytes + bytes <= FETCH_LIMITS.inFlightBytesPerPeerMax;
    if (first !== undefined && may(first)) return first;
    for (const peer of this.#library.get(name)?.peers.keys() ?? []) if (may(peer)) return peer;
    if (!requested) return undefined;
    return this.#members.up.find(may);
  }

  #bytesOf(name: string): number {
    return this.#library.get(name)?.content.size ?? UNKNOWN_BYTES;
  }

  #ask(wanted: Wanted, peer: Peer): void {
    const bytes = this.#bytesOf(wanted.name);
    const untilMs = this.#outbox.now.ms + answerMs(wanted);
    wanted.asked = { peer, bytes, untilMs, assembly: undefined };
    wanted.tried.add(peer);
    peer.inFlight += 1;
    peer.inFlightBytes += bytes;
    peer.expect(bytes);
    this.#idle.delete(wanted);
  }

  #land(wanted: Wanted): void {
    const { asked } = wanted;
    if (asked === undefined) return;
    wanted.asked = undefined;
    this.#late.add(asked.peer, wanted.name);
    asked.peer.inFlight -= 1;
    asked.peer.inFlightBytes -= asked.bytes;
  }

  #passOver(wanted: Wanted): void {
    this.#land(wanted);
    this.#idle.add(wanted);
    const { tried, requested, name } = wanted;
    const others = requested
      ? this.#members.up
      : [...(this.#library.get(name)?.peers.keys() ?? [])];
    // Everyone was asked: begin again, after a while, with whoever comes first.
    if (!others.every((peer) => tried.has(peer))) return;
    tried.clear();
    wanted.restUntilMs = this.#outbox.now.ms + FETCH_LIMITS.restMs;
  }

  #refuse(wanted: Wanted, misdeed: Misdeed): Misdeed {
    this.#passOver(wanted);
    this.send();
    return misdeed;
  }
}

function answerMs({ requested }: Wanted): number {
  return requested ? FETCH_LIMITS.requestedAnswerMs : FETCH_LIMITS.answerMs;
}

/** So many that cannot be asked for are skipped before the rest waits for the next look. */
const MISSES_MAX = 256;
