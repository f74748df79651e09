// Artifacts from peers that nobody has judged yet. Bounded per carrying peer, so that one cannot crowd out the others.
import { BoundedSet } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { Artifact, Unvalidated } from './view.ts';

export class UnvalidatedSection {
  /** Ids of what was judged for ever: offered again, it costs neither decoding nor another look. */
  readonly #settled = new BoundedSet<string>(CONSENSUS_LIMITS.settledIdsMax, 'drop-oldest');
  readonly #items = new Map<string, Unvalidated>();
  readonly #byHeight = new Map<number, Map<string, Unvalidated>>();
  /** Items of a peer at a height. */
  readonly #counts = new Map<string, number>();
  readonly #loads = new Map<string, { count: number; bytes: number }>();

  get items(): ReadonlyMap<string, Unvalidated> {
    return this.#items;
  }

  /** By height, so that judging costs nothing for those whose time has not come. */
  get heights(): ReadonlyMap<number, ReadonlyMap<string, Unvalidated>> {
    return this.#byHeight;
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
    const place = placeOf(item.peer, item.artifact.height);
    const here = this.#counts.get(place) ?? 0;
    if (here >= CONSENSUS_LIMITS.unvalidatedPerPeerAndHeightMax) return false;
    load.count += 1;
    load.bytes += item.bytes;
    this.#loads.set(item.peer, load);
    this.#counts.set(place, here + 1);
    const added: Unvalidated = { ...item, signatures: 'unchecked' };
    this.#items.set(item.id, added);
    const { height } = item.artifact;
    this.#byHeight.set(height, (this.#byHeight.get(height) ?? new Map()).set(item.id, added));
    return true;
  }

  /** Out of the section for good: accepted, rejected or of no use any more. */
  take(id: string): Unvalidated | undefined {
    this.#settled.add(id);
    const item = this.#items.get(id);
    const load = item === undefined ? undefined : this.#loads.get(item.peer);
    if (item === undefined || load === undefined) return undefined;
    this.#items.delete(id);
    const { height } = item.artifact;
    const level = this.#byHeight.get(height);
    level?.delete(id);
    if (level?.size === 0) this.#byHeight.delete(height);
    const place = placeOf(item.peer, height);
    const left = (this.#counts.get(place) ?? 1) - 1;
    if (left === 0) this.#counts.delete(place);
    else this.#counts.set(place, left);
    load.count -= 1;
    load.bytes -= item.bytes;
    if (load.count === 0) this.#loads.delete(item.peer);
    return item;
  }
}

function placeOf(peer: string, height: number): string {
  return `${peer}/${height}`;
}
