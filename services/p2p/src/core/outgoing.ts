// What this node offers to its peers: changes of the table leave as updates, at once when others wait for them; what a peer
// missed is told again when it asks.
import type { ArtifactKind, SlotUpdates, WantUpdates } from '@internode/contracts';
import { FRAME_LIMITS, OFFER_LIMITS, PEER_LIMITS } from '../limits.ts';
import { FarPeers } from './far-peers.ts';
import type { Artifact } from './name.ts';
import type { Outbox } from './outbox.ts';
import type { Members, Peer } from './peer.ts';
import { type Change, SlotTable } from './slot-table.ts';
import { bytesOf, sizeOf, standingAt, updatesOf } from './updates.ts';

const BEACON_KINDS: ReadonlySet<ArtifactKind> = new Set([
  'beacon_share',
  'beacon',
  'tape_share',
  'tape',
  'certification_share',
  'certification',
  'catch_up_share',
  'catch_up',
  'dealing',
  'complaint',
]);

type Owner = 'beacon' | 'consensus' | 'p2p';

export class Outgoing {
  readonly #outbox: Outbox;
  readonly #members: Members;
  readonly #table = new SlotTable();
  readonly #far: FarPeers;
  /** Services that repeat their offers when asked: what they no longer repeat is withdrawn. */
  readonly #repeating = new Set<Owner>();
  #toldCommit = 0;
  #quietBeats = 0;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(outbox: Outbox, members: Members) {
    this.#outbox = outbox;
    this.#members = members;
    this.#far = new FarPeers(outbox, members, this.#table);
  }

  get table(): SlotTable {
    return this.#table;
  }

  /** False when the table is full. An echo is what a peer brought: only the circle is told, and not at once. */
  offer(artifact: Artifact, wasBrought = false): boolean {
    const { artifactKind, body } = artifact;
    const { ms } = this.#outbox.now;
    const fits = body.length <= FRAME_LIMITS.artifactBytesMax;
    const echo = wasBrought && artifactKind !== 'ingress' && this.#members.hasCircle;
    const slot = fits ? this.#table.offer({ ...artifact, echo }, ms) : 'full';
    if (slot === 'full') return false;
    if (slot === undefined) this.#repeating.add(ownerOf(artifactKind));
    else if (artifactKind === 'ingress') this.#flushSoon('flush', OFFER_LIMITS.ingressFlushMs);
    else if (echo) this.#flushSoon('flush-echo', OFFER_LIMITS.echoFlushMs);
    else this.flush();
    return true;
  }

  withdraw(artifactKind: ArtifactKind, id: Uint8Array): boolean {
    if (!this.#table.withdraw(artifactKind, id)) return false;
    this.#flushSoon('flush-late', OFFER_LIMITS.withdrawalFlushMs);
    return true;
  }

  /** Tells what changed: everything to everyone in a small subnet. */
  flush(): void {
    if (this.#table.isTold) return;
    const after = this.#toldCommit;
    this.#toldCommit = this.#table.commit;
    const changes = this.#table.takeUntold();
    const { near } = this.#members;
    if (near.length > 0) {
      this.#quietBeats = 0;
      for (const updates of updatesOf(changes, after, this.#table.commit))
        this.#outbox.sendAll(near, { kind: 'updates', updates });
    }
    this.#far.changed(changes);
  }

  /** The table stands here: who knows less asks. */
  tellCommit(peer: Peer): void {
    if (this.#members.isFar(peer)) return this.#far.tellCommit([peer]);
    this.#outbox.send(peer, { kind: 'updates', updates: standingAt(this.#table.commit) });
  }

  circleChanged(): void {
    this.#far.circleChanged();
  }

  forget(peer: Peer): void {
    this.#far.forget(peer);
  }

  hearWant(peer: Peer, { life, after }: WantUpdates): void {
    if (!peer.served.has(this.#outbox.now.ms)) {
      this.#outbox.limited(peer, 'served');
      return;
    }
    this.flush();
    const from = life === this.#outbox.life ? after : 0;
    const told = this.#burst(from);
    const bytes = told.reduce((sum, updates) => sum + sizeOf(updates), 0);
    peer.served.take(bytes, this.#outbox.now.ms);
    if (this.#members.isFar(peer)) this.#far.toldAll(peer);
    for (const [index, updates] of told.entries()) {
      const last = index === told.length - 1;
      this.#outbox.send(peer, { kind: 'updates', updates: { ...updates, last } });
    }
  }

  /** Of those that are far, only some at a time are told where the table stands. */
  beat(isStalled: boolean, turn: readonly Peer[]): void {
    this.#askOwners(isStalled);
    this.#far.tell();
    this.#far.tellCommit(turn);
    this.#quietBeats += 1;
    const isQuiet = this.#quietBeats > PEER_LIMITS.quietBeats;
    if (!isQuiet || this.#quietBeats % PEER_LIMITS.quietBeats === 0)
      this.#outbox.sendAll(this.#members.near, {
        kind: 'updates',
        updates: standingAt(this.#table.commit),
      });
  }

  #burst(from: number): readonly SlotUpdates[] {
    const { commit } = this.#table;
    const changes: Change[] = [];
    let bytes = 0;
    for (const change of this.#table.changesAfter(from)) {
      changes.push(change);
      bytes += bytesOf(change);
      if (bytes >= PEER_LIMITS.burstBytesMax) break;
    }
    const isAll = bytes < PEER_LIMITS.burstBytesMax;
    const through = isAll ? commit : (changes.at(-1)?.commit ?? commit);
    return [...updatesOf(changes, Math.min(from, commit), through)].map((updates) => ({
      ...updates,
      commit,
    }));
  }

  /** Timers of their own, so that a later one does not hold up a sooner one. */
  #flushSoon(timer: 'flush' | 'flush-late' | 'flush-echo', delayMs: number): void {
    if (this.#members.size > 0) this.#outbox.startTimer(timer, delayMs);
    else this.flush();
  }

  /** What they offered may have been lost, or we; so may what they withdrew. */
  #askOwners(isStalled: boolean): void {
    const { ms } = this.#outbox.now;
    const { requestOffersMs, requestOffersStalledMs } = OFFER_LIMITS;
    if (ms - this.#askedMs < (isStalled ? requestOffersStalledMs : requestOffersMs)) return;
    this.#askedMs = ms;
    this.#outbox.publish({ kind: 'RequestOffers' });
    for (const { artifactKind, id, offeredMs } of [...this.#table.values()]) {
      const isRepeated = this.#repeating.has(ownerOf(artifactKind));
      if (isRepeated && ms - offeredMs > OFFER_LIMITS.unrepeatedMs) this.withdraw(artifactKind, id);
    }
  }
}

function ownerOf(artifactKind: ArtifactKind): Owner {
  if (artifactKind === 'ingress') return 'p2p';
  return BEACON_KINDS.has(artifactKind) ? 'beacon' : 'consensus';
}
