import { assert } from './assert.ts';

/** First in, first out, at most `capacity` items; a ring, so both ends cost O(1). */
export class BoundedQueue<T> {
  readonly capacity: number;
  #ring: (T | undefined)[] = [];
  #head = 0;
  #size = 0;

  constructor(capacity: number) {
    assert(Number.isSafeInteger(capacity) && capacity > 0, 'BoundedQueue: capacity');
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  get full(): boolean {
    return this.#size === this.capacity;
  }

  /** Adds at the end, or answers false when full: the refusing policy. */
  offer(item: T): boolean {
    if (this.full) return false;
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size) % this.#ring.length] = item;
    this.#size += 1;
    return true;
  }

  /** Adds at the end; when full, first drops the oldest and answers it: the drop-oldest policy. */
  push(item: T): T | undefined {
    const dropped = this.full ? this.shift() : undefined;
    this.offer(item);
    return dropped;
  }

  /** Takes the oldest. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#size -= 1;
    return item;
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#ring[this.#head];
  }

  clear(): void {
    this.#ring = [];
    this.#head = 0;
    this.#size = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.#size; i++) {
      yield this.#ring[(this.#head + i) % this.#ring.length] as T;
    }
  }

  #grow(): void {
    const ring = new Array<T | undefined>(Math.min(this.capacity, Math.max(8, 2 * this.#size)));
    for (let i = 0; i < this.#size; i++) {
      ring[i] = this.#ring[(this.#head + i) % this.#ring.length];
    }
    this.#ring = ring;
    this.#head = 0;
  }
}
