// Makers that let their turn pass: later ranks do not wait for them until they make a block again. A local opinion that changes
// when blocks are made and voted for, never which (protocol 2.3: delays are for liveness only), so nodes may differ in it.
// Without it each height whose first makers are down costs one unit for each of them, for as long as they are down.
import { toHex } from '@internode/prelude';

export class AbsentMakers {
  /** Node ids in hex; who was missed first comes first. */
  readonly #missed = new Set<string>();

  /**
   * A round ended without a block of this maker, whose turn came before. At most `faults` can be absent at once, so more are slow,
   * or this node hears little: the one that was missed first is waited for again. So at most that many blocks compete.
   */
  missed(nodeId: Uint8Array, faults: number): void {
    if (faults < 1) return;
    const id = toHex(nodeId);
    this.#missed.delete(id);
    this.#missed.add(id);
    for (const oldest of this.#missed) {
      if (this.#missed.size <= faults) break;
      this.#missed.delete(oldest);
    }
  }

  /** It made a valid block. */
  heard(nodeId: Uint8Array): void {
    if (this.#missed.size > 0) this.#missed.delete(toHex(nodeId));
  }

  get size(): number {
    return this.#missed.size;
  }

  has(nodeId: Uint8Array): boolean {
    return this.#missed.has(toHex(nodeId));
  }
}
