// Artifacts from peers that nobody has judged yet. Bounded per carrying peer, so that one cannot crowd out the others.
import { BoundedSet } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { Artifact, Unvalidated } from './view.ts';

export class UnvalidatedSection {
  /** Ids of what was judged for ever: offered again, it costs neither decoding nor another look. */
  readonly #settled = new BoundedSet<string>(CONSENSUS_LIMITS.settledIdsMax, 'drop-oldest');
  readonly #items = new Map<string, Unvalidated>();
  readonly #loads = new Map<string, { count: number; bytes: number }>();

  get items(): ReadonlyMap<string, Unvalidated> {
    return this.#items;
  }

  isSettled(id: string): boolean {
    return this.#settled.has(id);
  }

  settle(id: string): void {
    this.#settled.add(id);
  }

  /** False when the peer already has as much here as it may. Adding twice is adding once. */
  add(item: {
    readonly id: string;
    readonly artifact: Artifact;
    readonly peer: string;
    readonly bytes: number;
  }): boolean {
    if (this.#items.has(item.id)) return true;
    const load = this.#loads.get(item.peer) ?? { count: 0, bytes: 0 };
    if (load.count >= CONSENSUS_LIMITS.unvalidatedPerPeerMax) return false;
    if (load.bytes + item.bytes > CONSENSUS_LIMITS.unvalidatedBytesPerPeerMax) return false;
    load.count += 1;
    load.bytes += item.bytes;
    this.#loads.set(item.peer, load);
    this.#items.set(item.id, { ...item, signatures: 'unchecked' });
    return true;
  }

  /** Out of the section for good: accepted, rejected or of no use any more. */
  take(id: string): Unvalidated | undefined {
    this.#settled.add(id);
    const item = this.#items.get(id);
    const load = item === undefined ? undefined : this.#loads.get(item.peer);
    if (item === undefined || load === undefined) return undefined;
    this.#items.delete(id);
    load.count -= 1;
    load.bytes -= item.bytes;
    if (load.count === 0) this.#loads.delete(item.peer);
    return item;
  }
}
