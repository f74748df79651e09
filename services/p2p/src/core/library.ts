// What peers offer, once per artifact however many offer it. A body is kept while a peer that offers it has room for it: its
// size is charged to each such peer, so that nobody fills the room of another.
import type { SlotContent } from '@internode/contracts';
import { PEER_LIMITS } from '../limits.ts';
import type { Artifact } from './name.ts';
import type { Peer } from './peer.ts';
import type { Entry } from './peer-table.ts';

export interface Offered {
  readonly name: string;
  readonly content: SlotContent;
  /** Who offers it, in how many slots. */
  readonly peers: Map<Peer, number>;
  /** Those of them that are charged for the body. */
  readonly payers: Set<Peer>;
  artifact: Artifact | undefined;
  saidMs: number | undefined;
  /** How often it was said again. */
  saidAgain: number;
}

export class Library {
  readonly #offered = new Map<string, Offered>();
  /** Of the bodies of one peer. */
  bytesPerPeerMax: number = PEER_LIMITS.bodyBytesPerPeerMax;
  #bodies = 0;
  #bodyBytes = 0;

  get size(): number {
    return this.#offered.size;
  }

  get bodies(): number {
    return this.#bodies;
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  get(name: string): Offered | undefined {
    return this.#offered.get(name);
  }

  values(): IterableIterator<Offered> {
    return this.#offered.values();
  }

  /** Another slot of this peer holds it. */
  add(peer: Peer, { name, content }: Entry): Offered {
    let offered = this.#offered.get(name);
    if (offered === undefined) {
      const { artifactKind, id, size } = content;
      offered = {
        name,
        content: { artifactKind, id, size },
        peers: new Map(),
        payers: new Set(),
        artifact: undefined,
        saidMs: undefined,
        saidAgain: 0,
      };
      this.#offered.set(name, offered);
    }
    offered.peers.set(peer, (offered.peers.get(peer) ?? 0) + 1);
    if (offered.artifact !== undefined) this.#charge(offered, offered.artifact, peer);
    return offered;
  }

  /** One slot of this peer fewer. Answers what nobody offers any more. */
  remove(peer: Peer, name: string): Offered | undefined {
    const offered = this.#offered.get(name);
    const slots = offered?.peers.get(peer);
    if (offered === undefined || slots === undefined) return undefined;
    if (slots > 1) {
      offered.peers.set(peer, slots - 1);
      return undefined;
    }
    offered.peers.delete(peer);
    if (offered.payers.delete(peer)) {
      peer.bodyBytes -= offered.artifact?.body.length ?? 0;
      if (offered.payers.size === 0) this.#findPayer(offered);
    }
    if (offered.peers.size > 0) return undefined;
    this.#offered.delete(name);
    return offered;
  }

  /** Keeps a body if one of those who offer it has room. */
  keep(offered: Offered, artifact: Artifact): boolean {
    if (offered.artifact !== undefined) return true;
    for (const peer of offered.peers.keys()) this.#charge(offered, artifact, peer);
    if (offered.payers.size === 0) return false;
    offered.artifact = artifact;
    this.#count(1, artifact.body.length);
    return true;
  }

  #charge(offered: Offered, { body }: Artifact, peer: Peer): void {
    if (offered.payers.has(peer) || peer.bodyBytes + body.length > this.bytesPerPeerMax) return;
    if (offered.payers.size === 0 && this.#bodyBytes + body.length > PEER_LIMITS.bodyBytesMax)
      return;
    offered.payers.add(peer);
    peer.bodyBytes += body.length;
  }

  #findPayer(offered: Offered): void {
    const { artifact } = offered;
    if (artifact === undefined) return;
    this.#count(-1, -artifact.body.length);
    offered.artifact = undefined;
    const kept = offered.peers.size > 0 && this.keep(offered, artifact);
    // Its last owner may still hand it on.
    if (!kept && offered.peers.size === 0) offered.artifact = artifact;
  }

  #count(bodies: number, bytes: number): void {
    this.#bodies += bodies;
    this.#bodyBytes += bytes;
  }
}
