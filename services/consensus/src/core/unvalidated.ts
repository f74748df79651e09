// Artifacts from peers that nobody has judged yet. Bounded per carrying peer, so that one cannot crowd out the others.
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { Artifact, Unvalidated } from './view.ts';

export class UnvalidatedSection {
  readonly #items = new Map<string, Unvalidated>();
  readonly #loads = new Map<string, { count: number; bytes: number }>();

  get items(): ReadonlyMap<string, Unvalidated> {
    return this.#items;
  }

  /** False when the peer already has as much here as it may. Adding twice is adding once. */
  add(item: { readonly id: string; readonly artifact: Artifact; readonly peer: string; readonly bytes: number }): boolean {
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

  take(id: string): Unvalidated | undefined {
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
