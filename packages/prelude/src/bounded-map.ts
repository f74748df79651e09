import { assert } from './assert.ts';

/** What a full collection does with one more: refuse it, or drop the oldest. */
export type WhenFull = 'refuse' | 'drop-oldest';

/** At most `capacity` entries, iterated in order of insertion; replacing a value keeps its place. */
export class BoundedMap<K, V> {
  readonly capacity: number;
  readonly #whenFull: WhenFull;
  readonly #entries = new Map<K, V>();

  constructor(capacity: number, whenFull: WhenFull) {
    assert(Number.isSafeInteger(capacity) && capacity > 0, 'BoundedMap: capacity');
    this.capacity = capacity;
    this.#whenFull = whenFull;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** True when the entry is in the map afterwards; false when it was refused. */
  set(key: K, value: V): boolean {
    if (this.#entries.size === this.capacity && !this.#entries.has(key)) {
      if (this.#whenFull === 'refuse') return false;
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, value);
    return true;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  keys(): IterableIterator<K> {
    return this.#entries.keys();
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#entries[Symbol.iterator]();
  }
}

/** At most `capacity` members, iterated in order of insertion. */
export class BoundedSet<T> {
  readonly #members: BoundedMap<T, true>;

  constructor(capacity: number, whenFull: WhenFull) {
    this.#members = new BoundedMap(capacity, whenFull);
  }

  get capacity(): number {
    return this.#members.capacity;
  }

  get size(): number {
    return this.#members.size;
  }

  /** True when the member is in the set afterwards; false when it was refused. */
  add(member: T): boolean {
    return this.#members.set(member, true);
  }

  has(member: T): boolean {
    return this.#members.has(member);
  }

  delete(member: T): boolean {
    return this.#members.delete(member);
  }

  clear(): void {
    this.#members.clear();
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#members.keys();
  }
}
