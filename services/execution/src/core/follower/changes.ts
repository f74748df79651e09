/**
 * What heights of late changed in memories. The store, from which a follower reads pages, may be some heights older than the
 * follower is: what it lacks is laid over what was read.
 */
import type { BatchExecuted, MemoryChange, MemoryKind } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import type { Pages } from '../loading.ts';

/** All changes of one memory since a height that the store surely has. */
export class Newer {
  readonly #pages = new Map<number, Uint8Array>();
  #cleared = false;

  add(change: MemoryChange): void {
    if (change.cleared) {
      this.#cleared = true;
      this.#pages.clear();
    }
    for (const { index, content } of change.pages) this.#pages.set(index, content);
  }

  /** `stored`, and what has changed of pages `from` to `to`, the last not among them. Ascending. */
  over(stored: Pages, from = 0, to = Number.POSITIVE_INFINITY): Pages {
    const pages = new Map<number, Uint8Array>();
    if (!this.#cleared) for (const { index, content } of stored) pages.set(index, content);
    for (const [index, content] of this.#pages)
      if (index >= from && index < to) pages.set(index, content);
    return Array.from(pages, ([index, content]) => ({ index, content })).sort(
      (left, right) => left.index - right.index,
    );
  }
}

interface Watched {
  readonly key: string;
  readonly memory: MemoryKind;
  readonly newer: Newer;
}

export class RecentChanges {
  /** Applied, and not known to be in the store; ascending. */
  #kept: BatchExecuted[] = [];
  readonly #watched = new Set<Watched>();

  get size(): number {
    return this.#kept.length;
  }

  add(executed: BatchExecuted): void {
    this.#kept.push(executed);
    for (const watched of this.#watched) note(watched, executed);
  }

  /** The store has this height and all before. */
  forget(height: number): void {
    if ((this.#kept[0]?.height ?? Number.POSITIVE_INFINITY) > height) return;
    this.#kept = this.#kept.filter((executed) => executed.height > height);
  }

  /** What the store may not have of a memory at any time from now on, until `done`. To be called before it is asked. */
  watch(key: string, memory: MemoryKind): { readonly newer: Newer; readonly done: () => void } {
    const watched: Watched = { key, memory, newer: new Newer() };
    for (const executed of this.#kept) note(watched, executed);
    this.#watched.add(watched);
    return { newer: watched.newer, done: () => void this.#watched.delete(watched) };
  }

  module(hash: Uint8Array): Uint8Array | undefined {
    const key = toHex(hash);
    for (const { modules } of this.#kept)
      for (const module of modules) if (toHex(module.hash) === key) return module.content;
    return undefined;
  }
}

function note({ key, memory, newer }: Watched, { canisters }: BatchExecuted): void {
  for (const { canisterId, memories } of canisters) {
    if (toHex(canisterId) !== key) continue;
    for (const change of memories) if (change.memory === memory) newer.add(change);
  }
}
