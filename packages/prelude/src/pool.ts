const FREE_MAX = 4;

/** What is used again: a fresh megabyte costs the system more than filling it. */
export class Pool<T> {
  readonly #make: () => T;
  readonly #free: T[] = [];

  constructor(make: () => T) {
    this.#make = make;
  }

  take(): T {
    return this.#free.pop() ?? this.#make();
  }

  /** Nobody looks into it any more. */
  giveBack(one: T): void {
    if (this.#free.length < FREE_MAX) this.#free.push(one);
  }
}
