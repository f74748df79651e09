// What this node offers to its peers: changes of the table leave as updates, at once when others wait for them; what a peer
// missed is told again when it asks.
import type { ArtifactKind, SlotChange, SlotUpdates, WantUpdates } from '@internode/contracts';
import { FRAME_LIMITS, OFFER_LIMITS, PEER_LIMITS } from '../limits.ts';
import type { Artifact } from './name.ts';
import { CHANGE_BYTES, type Outbox } from './outbox.ts';
import type { Members, Peer } from './peer.ts';
import { type Change, type Slot, SlotTable } from './slot-table.ts';

/** Large, and many have the same: advertised, unless small. */
const PATIENT: ReadonlySet<ArtifactKind> = new Set(['ingress', 'catch_up', 'dealing']);
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
  /** Services that repeat their offers when asked: what they no longer repeat is withdrawn. */
  readonly #repeating = new Set<Owner>();
  #toldCommit = 0;
  #quietBeats = 0;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(outbox: Outbox, members: Members) {
    this.#outbox = outbox;
    this.#members = members;
  }

  get table(): SlotTable {
    return this.#table;
  }

  /** False when the table is full. */
  offer(artifact: Artifact): boolean {
    const { artifactKind, body } = artifact;
    const { ms } = this.#outbox.now;
    const fits = body.length <= FRAME_LIMITS.artifactBytesMax;
    const slot = fits ? this.#table.offer(artifact, ms) : 'full';
    if (slot === 'full') return false;
    if (slot === undefined) this.#repeating.add(ownerOf(artifactKind));
    else if (artifactKind === 'ingress') this.#flushSoon('flush', OFFER_LIMITS.ingressFlushMs);
    else this.flush();
    return true;
  }

  withdraw(artifactKind: ArtifactKind, id: Uint8Array): boolean {
    if (!this.#table.withdraw(artifactKind, id)) return false;
    this.#flushSoon('flush-late', OFFER_LIMITS.withdrawalFlushMs);
    return true;
  }

  /** Tells everyone what changed. */
  flush(): void {
    if (this.#table.isTold) return;
    const after = this.#toldCommit;
    this.#toldCommit = this.#table.commit;
    const changes = this.#table.takeUntold();
    const { up } = this.#members;
    if (up.length === 0) return;
    this.#quietBeats = 0;
    for (const updates of updatesOf(changes, after, this.#table.commit))
      this.#outbox.sendAll(up, { kind: 'updates', updates });
  }

  /** The table stands here: who knows less asks. */
  tellCommit(peer: Peer): void {
    this.#outbox.send(peer, { kind: 'updates', updates: this.#standing() });
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
    for (const [index, updates] of told.entries()) {
      const last = index === told.length - 1;
      this.#outbox.send(peer, { kind: 'updates', updates: { ...updates, last } });
    }
  }

  beat(isStalled: boolean): void {
    this.#askOwners(isStalled);
    this.#quietBeats += 1;
    const isQuiet = this.#quietBeats > PEER_LIMITS.quietBeats;
    if (!isQuiet || this.#quietBeats % PEER_LIMITS.quietBeats === 0)
      this.#outbox.sendAll(this.#members.up, { kind: 'updates', updates: this.#standing() });
  }

  #standing(): SlotUpdates {
    const { commit } = this.#table;
    return { after: commit, through: commit, commit, changes: [], last: false };
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

  /** Timers of their own, so that the later one does not hold up the sooner. */
  #flushSoon(timer: 'flush' | 'flush-late', delayMs: number): void {
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

function isPushed({ artifactKind, body }: Slot): boolean {
  if (body.length < OFFER_LIMITS.pushBytesMax) return true;
  return !PATIENT.has(artifactKind) && body.length <= OFFER_LIMITS.urgentBytesMax;
}

function changeOf(change: Change): SlotChange {
  const { slot, commit } = change;
  if (!('body' in change)) return { slot, commit };
  const { artifactKind, id, body } = change;
  const content = { artifactKind, id, size: body.length };
  return { slot, commit, content: isPushed(change) ? { ...content, body } : content };
}

/** What it costs to tell. */
function sizeOf({ changes }: SlotUpdates): number {
  let bytes = CHANGE_BYTES;
  for (const { content } of changes) bytes += CHANGE_BYTES + (content?.body?.length ?? 0);
  return bytes;
}

function bytesOf(change: Change): number {
  return CHANGE_BYTES + ('body' in change && isPushed(change) ? change.body.length : 0);
}

/** Updates that follow one another from `after` to `through`, each short enough for a frame. */
function* updatesOf(
  changes: readonly Change[],
  after: number,
  through: number,
): Generator<SlotUpdates> {
  let from = after;
  let part: SlotChange[] = [];
  let bytes = 0;
  for (const change of changes) {
    const more = bytesOf(change);
    if (part.length > 0 && bytes + more > FRAME_LIMITS.frameBytesAim) {
      const to = part.at(-1)?.commit ?? from;
      yield { after: from, through: to, commit: through, changes: part, last: false };
      from = to;
      part = [];
      bytes = 0;
    }
    part.push(changeOf(change));
    bytes += more;
  }
  yield { after: from, through, commit: through, changes: part, last: false };
}
