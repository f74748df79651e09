import type { OfferId } from './offers.ts';

export interface Kept {
  readonly height: number;
  readonly content: Uint8Array;
  readonly signature: Uint8Array;
  /** While it is offered to peers. */
  offer: OfferId | undefined;
}

/** Finished values of one kind by height; the lowest are forgotten first. */
export class History {
  readonly #values = new Map<number, Kept>();

  get(height: number): Kept | undefined {
    return this.#values.get(height);
  }

  set(height: number, content: Uint8Array, signature: Uint8Array): void {
    this.#values.set(height, { height, content, signature, offer: undefined });
  }

  entries(): IterableIterator<Kept> {
    return this.#values.values();
  }

  /** Keeps the `count` latest added; answers what is gone. */
  forgetOldest(count: number): readonly Kept[] {
    const gone: Kept[] = [];
    for (const kept of this.#values.values()) {
      if (this.#values.size <= count) break;
      this.#values.delete(kept.height);
      gone.push(kept);
    }
    return gone;
  }
}
