// What members outside the circle hear of our table: what was made here, and when that is withdrawn. Of echoes, which are what
// others brought, they see nothing unless they ask; whoever has asked also hears when those are gone.
import type { Outbox } from './outbox.ts';
import type { Members, Peer } from './peer.ts';
import type { Change, SlotTable } from './slot-table.ts';
import { standingAt, updatesOf } from './updates.ts';

export class FarPeers {
  readonly #outbox: Outbox;
  readonly #members: Members;
  readonly #table: SlotTable;
  #toldCommit = 0;
  /** Slots whose content all of them may know. */
  readonly #known = new Set<number>();
  /** Slots that only one of them knows. */
  readonly #asked = new Map<Peer, Set<number>>();

  constructor(outbox: Outbox, members: Members, table: SlotTable) {
    this.#outbox = outbox;
    this.#members = members;
    this.#table = table;
  }

  /** Others are in the circle now: anyone may know what is on offer. */
  circleChanged(): void {
    this.#asked.clear();
    for (const { slot } of this.#table.values()) this.#known.add(slot);
  }

  /** These changes were told to the circle. Withdrawals alone can wait. */
  changed(changes: readonly Change[]): void {
    if (!this.#members.hasCircle) {
      this.#toldCommit = this.#table.commit;
      return;
    }
    if (changes.some(isMadeHere)) this.tell();
    for (const [peer, slots] of this.#asked) this.#tellGone(peer, slots, changes);
  }

  tell(): void {
    const changes: Change[] = [];
    for (const change of this.#table.changesAfter(this.#toldCommit)) {
      const { slot, commit } = change;
      if (isMadeHere(change)) {
        this.#known.add(slot);
        changes.push(change);
      } else if (this.#known.delete(slot)) changes.push({ slot, commit });
    }
    if (changes.length === 0) return;
    const after = this.#toldCommit;
    this.#toldCommit = this.#table.commit;
    for (const updates of updatesOf(changes, after, this.#toldCommit))
      this.#outbox.sendAll(this.#members.far, { kind: 'updates', updates });
  }

  tellCommit(peers: readonly Peer[]): void {
    this.#outbox.sendAll(peers, { kind: 'updates', updates: standingAt(this.#toldCommit) });
  }

  /** This one asked, and was told everything. */
  toldAll(peer: Peer): void {
    const slots = new Set<number>();
    for (const { slot } of this.#table.values()) if (!this.#known.has(slot)) slots.add(slot);
    if (slots.size > 0) this.#asked.set(peer, slots);
  }

  forget(peer: Peer): void {
    this.#asked.delete(peer);
  }

  #tellGone(peer: Peer, slots: Set<number>, changes: readonly Change[]): void {
    const gone = changes.flatMap(({ slot, commit }) =>
      slots.delete(slot) ? [{ slot, commit }] : [],
    );
    if (slots.size === 0) this.#asked.delete(peer);
    if (gone.length === 0) return;
    for (const updates of updatesOf(gone, this.#toldCommit, this.#table.commit))
      this.#outbox.send(peer, { kind: 'updates', updates });
  }
}

function isMadeHere(change: Change): boolean {
  return 'body' in change && !change.echo;
}
