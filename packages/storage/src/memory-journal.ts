import type { Journal } from '@internode/actor';
import { assert } from '@internode/prelude';

interface Pending {
  /** Undefined for an append. */
  readonly replacement: readonly Uint8Array[] | undefined;
  readonly entry: Uint8Array | undefined;
  readonly durable: () => void;
}

/**
 * A disk in memory. What is appended is durable only after `later` ran; until then a crash may lose it.
 * `later` is the world's: a microtask in a process, a drawn delay in the simulator.
 */
export class MemoryJournal implements Journal {
  readonly #later: (sync: () => void) => void;
  #synced: Uint8Array[] = [];
  #unsynced: Pending[] = [];
  /** Grows with each crash: a sync asked for before it does not happen after it. */
  #era = 0;
  #full = false;

  /** `later` must not run its argument before it returns. */
  constructor(later: (sync: () => void) => void = inMicrotask) {
    this.#later = later;
  }

  append(entry: Uint8Array, durable: () => void): void {
    this.#put({ entry: new Uint8Array(entry), replacement: undefined, durable });
  }

  compact(entries: readonly Uint8Array[], durable: () => void): void {
    this.#put({
      entry: undefined,
      replacement: entries.map((entry) => new Uint8Array(entry)),
      durable,
    });
  }

  replay(visit: (entry: Uint8Array) => void): void {
    const entries = [...this.#synced];
    for (const pending of this.#unsynced) apply(entries, pending);
    for (const entry of entries) visit(new Uint8Array(entry));
  }

  /** A full disk syncs nothing until there is space again. */
  setFull(full: boolean): void {
    this.#full = full;
    const last = this.#unsynced.at(-1);
    if (!full && last !== undefined) this.#syncLater(last);
  }

  /** Entries and compactions that a crash may still lose. */
  get unsyncedCount(): number {
    return this.#unsynced.length;
  }

  /**
   * The power is cut. The first `survivors` of the unsynced writes happen to have reached the disk whole; the next one,
   * if any, was torn, which a checksum tells, so it and all after it are gone. Nobody is told `durable` any more.
   */
  crash(survivors: number): void {
    assert(survivors >= 0 && survivors <= this.#unsynced.length, 'crash: survivors');
    for (const pending of this.#unsynced.slice(0, survivors)) apply(this.#synced, pending);
    this.#unsynced = [];
    this.#era += 1;
  }

  #put(pending: Pending): void {
    this.#unsynced.push(pending);
    this.#syncLater(pending);
  }

  #syncLater(pending: Pending): void {
    const era = this.#era;
    this.#later(() => {
      if (this.#era === era && !this.#full) this.#sync(pending);
    });
  }

  /** Syncs `pending` and all before it, in order, whatever order the world chose. */
  #sync(pending: Pending): void {
    const count = this.#unsynced.indexOf(pending) + 1;
    for (const done of this.#unsynced.splice(0, count)) {
      apply(this.#synced, done);
      done.durable();
    }
  }
}

function inMicrotask(run: () => void): void {
  void Promise.resolve().then(run);
}

function apply(entries: Uint8Array[], { entry, replacement }: Pending): void {
  if (replacement !== undefined) {
    entries.length = 0;
    for (const kept of replacement) entries.push(kept);
  }
  if (entry !== undefined) entries.push(entry);
}
