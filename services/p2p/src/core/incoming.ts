// What peers offer to us: keeps a copy of each peer's table, asks for what it missed, has new artifacts said or fetched.
import type { SlotChange, SlotUpdates } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { bytesEqual } from '@internode/prelude';
import { FRAME_LIMITS, PEER_LIMITS } from '../limits.ts';
import type { Misdeed } from './event.ts';
import type { Fetcher } from './fetcher.ts';
import type { Library } from './library.ts';
import type { Artifact } from './name.ts';
import type { Outbox } from './outbox.ts';
import type { Peer } from './peer.ts';
import { areMalformed, type Entry } from './peer-table.ts';
import type { Speaker } from './speaker.ts';

export const ID_BYTES = 32;

export interface Desk {
  readonly outbox: Outbox;
  readonly library: Library;
  readonly speaker: Speaker;
  readonly fetcher: Fetcher;
  /** What this node has of its own. */
  readonly own: (name: string) => Artifact | undefined;
  /** Told of bodies that nobody offers any more. */
  readonly onGone: (artifact: Artifact) => void;
}

export class Incoming {
  readonly #desk: Desk;
  /** Of one peer's table. */
  slotsMax = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** False when the frame is of an earlier life of the peer. */
  meet(peer: Peer, life: number): boolean {
    const gone = peer.table.meet(life, this.#desk.outbox.now.ms);
    if (gone === 'past') return false;
    for (const name of gone) this.#remove(peer, name);
    return true;
  }

  /** The peer is no member any more. */
  forget(peer: Peer): void {
    for (const name of peer.table.clear()) this.#remove(peer, name);
  }

  hearUpdates(peer: Peer, updates: SlotUpdates): Misdeed | undefined {
    if (areMalformed(updates, this.slotsMax)) return 'updates malformed';
    const { table } = peer;
    let misdeed: Misdeed | undefined;
    for (const change of updates.changes) misdeed = this.#take(peer, change) ?? misdeed;
    const missed = updates.after > table.through;
    table.advance(updates);
    if (updates.last) table.wantedMs = undefined;
    if (missed || updates.last) this.catchUp(peer);
    return misdeed;
  }

  /** Asks the peer for what is missing of its table, unless it was asked just now. */
  catchUp(peer: Peer): void {
    const { table } = peer;
    if (table.isBehind) this.want(peer);
  }

  want(peer: Peer): void {
    this.#wantAfter(peer, peer.table.through);
  }

  /** Asks for the whole table, of which a far peer tells but a part. */
  wantAll(peer: Peer): void {
    this.#wantAfter(peer, 0);
  }

  #wantAfter(peer: Peer, after: number): void {
    const { table } = peer;
    const { ms } = this.#desk.outbox.now;
    if (table.wantedMs !== undefined && ms - table.wantedMs < PEER_LIMITS.wantAgainMs) return;
    table.wantedMs = ms;
    this.#desk.outbox.send(peer, { kind: 'want', want: { life: table.life, after } });
  }

  #take(peer: Peer, change: SlotChange): Misdeed | undefined {
    const turn = peer.table.take(change);
    if (turn === undefined) return undefined;
    const misdeed = turn.come === undefined ? undefined : this.#add(peer, turn.come);
    // Afterwards, so that what stays on offer under another slot is not taken for gone.
    if (turn.gone !== undefined) this.#remove(peer, turn.gone);
    return misdeed;
  }

  #add(peer: Peer, entry: Entry): Misdeed | undefined {
    const { library, speaker, fetcher } = this.#desk;
    const { artifactKind, id, size, body } = entry.content;
    if (id.length !== ID_BYTES) return 'updates malformed';
    if (size > FRAME_LIMITS.artifactBytesMax) return 'body too large';
    const offered = library.add(peer, entry);
    if (offered.artifact !== undefined) return undefined;
    const own = this.#desk.own(entry.name);
    if (own !== undefined) {
      speaker.hearOwn(offered, own);
      return undefined;
    }
    if (body === undefined) {
      if (!speaker.wasSaid(entry.name)) fetcher.wantOffered(offered, peer);
      return undefined;
    }
    if (body.length !== size || !bytesEqual(sha256(body), id))
      return 'body is not what the id says';
    const artifact = { artifactKind, id, body };
    if (fetcher.arrived(entry.name)) speaker.hearRequested(artifact, peer, offered);
    else speaker.hear(offered, artifact, peer);
    return undefined;
  }

  #remove(peer: Peer, name: string): void {
    const gone = this.#desk.library.remove(peer, name);
    if (gone === undefined) return;
    this.#desk.speaker.forget(gone);
    this.#desk.fetcher.forget(gone);
    if (gone.artifact !== undefined) this.#desk.onGone(gone.artifact);
  }
}
