// Bodies that are wanted: what a peer only advertised, and what our services ask for. Each is asked of one peer at a time, of the
// next when that one is late, does not have it, or sends something else.
import type { ArtifactChunk, ArtifactKind } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { bytesEqual } from '@internode/prelude';
import { FETCH_LIMITS, FRAME_LIMITS } from '../limits.ts';
import { Assembly } from './assembly.ts';
import type { Misdeed } from './event.ts';
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
  untilMs: number;
  readonly tried: Set<Peer>;
  asked: Asked | undefined;
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

  constructor(outbox: Outbox, members: Members, library: Library) {
    this.#outbox = outbox;
    this.#members = members;
    this.#library = library;
  }

  get size(): number {
    return this.#wanted.size;
  }

  wantOffered({ name, content }: Offered, peer: Peer): void {
    this.#want(name, content, peer);
  }

  request(artifactKind: ArtifactKind, id: Uint8Array, first: Peer | undefined): void {
    const wanted = this.#want(nameOf(artifactKind, id), { artifactKind, id }, first);
    if (wanted !== undefined) wanted.requested = true;
  }

  /** It came by itself, or is wanted no more. */
  arrived(name: string): boolean {
    const wanted = this.#wanted.get(name);
    if (wanted === undefined) return false;
    this.#land(wanted);
    this.#idle.delete(wanted);
    this.#wanted.delete(name);
    return wanted.requested;
  }

  hearChunk(peer: Peer, chunk: ArtifactChunk): Fetched | Misdeed | undefined {
    const { artifactKind, id, size } = chunk;
    const name = nameOf(artifactKind, id);
    const wanted = this.#wanted.get(name);
    const asked = wanted?.asked;
    if (wanted === undefined || asked?.peer !== peer) return 'chunk nobody asked for';
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
      asked.untilMs = this.#outbox.now.ms + FETCH_LIMITS.answerMs;
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
    }
    this.send();
  }

  /** Passes over who is late, gives up what nobody wants any more, asks on. */
  lookAfter(): void {
    const { ms } = this.#outbox.now;
    for (const wanted of this.#wanted.values()) {
      const { name, untilMs, asked } = wanted;
      if (asked !== undefined && asked.untilMs <= ms) this.#passOver(wanted);
      if (wanted.asked === undefined && untilMs <= ms) {
        // What is still on offer stays wanted: somebody must have it.
        if (this.#library.get(name) === undefined) this.arrived(name);
        else wanted.untilMs = ms + FETCH_LIMITS.giveUpMs;
      }
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
    if (this.#wanted.size > 0) this.#outbox.startTimer('look-after', FETCH_LIMITS.lookAfterMs);
  }

  #want(
    name: string,
    { artifactKind, id }: { readonly artifactKind: ArtifactKind; readonly id: Uint8Array },
    first: Peer | undefined,
  ): Wanted | undefined {
    const untilMs = this.#outbox.now.ms + FETCH_LIMITS.giveUpMs;
    const known = this.#wanted.get(name);
    if (known !== undefined) {
      known.untilMs = untilMs;
      if (known.first === undefined || !known.first.up) known.first = first;
      return known;
    }
    if (this.#wanted.size >= FETCH_LIMITS.wantedMax) {
      this.#outbox.limited(first, 'wanted');
      return undefined;
    }
    const wanted: Wanted = {
      name,
      artifactKind,
      id,
      requested: false,
      first,
      untilMs,
      tried: new Set(),
      asked: undefined,
    };
    this.#wanted.set(name, wanted);
    this.#idle.add(wanted);
    return wanted;
  }

  /** First the one that was named, then those that offer it, then, on request, anyone. */
  #choose(wanted: Wanted): Peer | undefined {
    const { first, tried, name, requested } = wanted;
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
    const untilMs = this.#outbox.now.ms + FETCH_LIMITS.answerMs;
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
    // Everyone was asked: begin again, with whoever comes first.
    if (others.every((peer) => tried.has(peer))) tried.clear();
  }

  #refuse(wanted: Wanted, misdeed: Misdeed): Misdeed {
    this.#passOver(wanted);
    this.send();
    return misdeed;
  }
}

/** So many that cannot be asked for are skipped before the rest waits for the next look. */
const MISSES_MAX = 256;
