import { assert } from '@internode/prelude';
import { StorageFault } from './fault.ts';
import type { Change, Entry, Range, Store } from './store.ts';

/** A batch that a crash may still lose, with what it replaced. */
interface Unsynced {
  readonly undo: readonly [string, Uint8Array | undefined][];
}

/**
 * An ordered store in memory. Besides `Store` it has the same operations without promises, for the simulator, whose
 * solvers answer in place. An unsynced batch is visible at once and lost in a crash.
 */
export class MemoryStore implements Store {
  /** Keys as text of one character per byte, which sorts as the bytes do. */
  readonly #values = new Map<string, Uint8Array>();
  #sortedKeys: string[] | undefined = [];
  #unsynced: Unsynced[] = [];
  #full = false;
  readonly #kept = new Map<string, HeldMemory>();

  /** From now on writes fail with `full`, or no longer. */
  setFull(full: boolean): void {
    this.#full = full;
  }

  /** Batches that a crash may still lose. */
  get unsyncedCount(): number {
    return this.#unsynced.length;
  }

  /** The power is cut: of the unsynced batches only the first `survivors` had reached the disk. */
  crash(survivors: number): void {
    assert(survivors >= 0 && survivors <= this.#unsynced.length, 'crash: survivors');
    for (const { undo } of this.#unsynced.slice(survivors).reverse()) {
      for (const [key, value] of undo.toReversed()) this.#set(key, value);
    }
    this.#unsynced = [];
  }

  /** Throws a `StorageFault` (`full`). */
  writeNow(batch: readonly Change[], { sync }: { readonly sync: boolean }): void {
    if (this.#full) throw new StorageFault('full', 'memory store: no space left');
    const undo = batch.map(({ key, value }): [string, Uint8Array | undefined] => {
      const text = textOf(key);
      const old = this.#values.get(text);
      this.#set(text, value && new Uint8Array(value));
      return [text, old];
    });
    this.#unsynced.push({ undo });
    if (sync) this.syncNow();
  }

  /** All that was written survives a crash. */
  syncNow(): void {
    this.#unsynced = [];
  }

  getNow(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(textOf(key))?.slice();
  }

  rangeNow({ gte, lt, limit }: Range & { readonly limit: number }): Entry[] {
    const entries: Entry[] = [];
    for (const key of this.#keysOf({ gte, lt }, limit)) {
      entries.push({ key: bytesOf(key), value: (this.#values.get(key) as Uint8Array).slice() });
    }
    return entries;
  }

  deleteRangeNow(range: Range, options: { readonly sync: boolean }): void {
    const keys = this.#keysOf(range, Number.POSITIVE_INFINITY);
    this.writeNow(
      keys.map((key) => ({ key: bytesOf(key), value: undefined })),
      options,
    );
  }

  /** What is stored now, readable whatever is written later. */
  holdNow(): HeldMemory {
    this.#sortedKeys ??= sortedKeysOf(this.#values);
    return new HeldMemory(this.#sortedKeys, new Map(this.#values));
  }

  /** What is stored now is put aside under a name: no crash undoes it. Throws a `StorageFault` (`full`). */
  keepNow(name: string): void {
    if (this.#full) throw new StorageFault('full', 'memory store: no space left');
    this.#kept.set(name, this.holdNow());
  }

  get kept(): string[] {
    return [...this.#kept.keys()];
  }

  /** Throws a `StorageFault` (`corrupt`) when it is gone. */
  heldOf(name: string): HeldMemory {
    const held = this.#kept.get(name);
    if (held === undefined) throw new StorageFault('corrupt', `nothing is kept as ${name}`);
    return held;
  }

  dropNow(name: string): void {
    this.#kept.delete(name);
  }

  async write(batch: readonly Change[], options: { readonly sync: boolean }): Promise<void> {
    this.writeNow(batch, options);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.getNow(key);
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return keys.map((key) => this.getNow(key));
  }

  async range(range: Range & { readonly limit: number }): Promise<Entry[]> {
    return this.rangeNow(range);
  }

  async deleteRange(range: Range, options: { readonly sync: boolean }): Promise<void> {
    this.deleteRangeNow(range, options);
  }

  async close(): Promise<void> {
    this.syncNow();
  }

  #set(key: string, value: Uint8Array | undefined): void {
    if (value === undefined) {
      if (this.#values.delete(key)) this.#sortedKeys = undefined;
    } else {
      if (!this.#values.has(key)) this.#sortedKeys = undefined;
      this.#values.set(key, value);
    }
  }

  #keysOf({ gte, lt }: Range, limit: number): string[] {
    this.#sortedKeys ??= sortedKeysOf(this.#values);
    const keys = this.#sortedKeys;
    const from = firstNotBelow(keys, textOf(gte));
    const end = firstNotBelow(keys, textOf(lt));
    return keys.slice(from, Math.min(end, from + limit));
  }
}

/** A `Held` without promises. */
export class HeldMemory {
  readonly #keys: readonly string[];
  readonly #values: ReadonlyMap<string, Uint8Array>;

  constructor(keys: readonly string[], values: ReadonlyMap<string, Uint8Array>) {
    this.#keys = keys;
    this.#values = values;
  }

  readNow({ gte, lt, bytesMax }: Range & { readonly bytesMax: number }): Entry[] {
    const entries: Entry[] = [];
    const end = textOf(lt);
    let bytes = 0;
    for (let i = firstNotBelow(this.#keys, textOf(gte)); bytes < bytesMax; i++) {
      const text = this.#keys[i];
      if (text === undefined || text >= end) break;
      const key = bytesOf(text);
      const value = (this.#values.get(text) as Uint8Array).slice();
      bytes += key.length + value.length;
      entries.push({ key, value });
    }
    return entries;
  }
}

function sortedKeysOf(values: ReadonlyMap<string, Uint8Array>): string[] {
  return [...values.keys()].sort((a, b) => (a < b ? -1 : 1));
}

function firstNotBelow(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function textOf(key: Uint8Array): string {
  let text = '';
  for (let i = 0; i < key.length; i++) text += String.fromCharCode(key[i] as number);
  return text;
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
