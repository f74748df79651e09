import { BATCHES_AHEAD } from '../limits.ts';

/** Heights that came before their turn, so many at most. */
export class Ahead<T extends { readonly height: number }> {
  readonly #byHeight = new Map<number, T>();

  get size(): number {
    return this.#byHeight.size;
  }

  /** 0 when there is none. */
  get highest(): number {
    return Math.max(0, ...this.#byHeight.keys());
  }

  has(height: number): boolean {
    return this.#byHeight.has(height);
  }

  /** Whether it was kept. When full, the next one needed must never be kept out by later ones. */
  add(one: T): boolean {
    if (this.#byHeight.size >= BATCHES_AHEAD && !this.#byHeight.has(one.height)) {
      const { highest } = this;
      if (one.height > highest) return false;
      this.#byHeight.delete(highest);
    }
    this.#byHeight.set(one.height, one);
    return true;
  }

  get(height: number): T | undefined {
    return this.#byHeight.get(height);
  }

  forget(height: number): void {
    this.#byHeight.delete(height);
  }

  forgetUpTo(height: number): void {
    for (const each of this.#byHeight.keys()) if (each <= height) this.#byHeight.delete(each);
  }
}
