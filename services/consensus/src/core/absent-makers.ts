// Makers that let their turn pass, or whose connection is lost: later ranks do not wait for them until they make a block again. A
// local opinion that changes when blocks are made and voted for, never which (protocol 2.3: delays are for liveness only), so nodes
// may differ in it. Without it each height whose first makers are down costs one unit for each of them, for as long as they are down.
import { toHex } from '@internode/prelude';

export class AbsentMakers {
  /** Why, by node id in hex; who has been absent longest comes first. */
  readonly #why = new Map<string, 'turn' | 'link'>();

  /**
   * A round ended without a block of this maker, whose turn came before. At most `faults` can be absent at once, so more are slow,
   * or this node hears little: who has been absent longest is waited for again. So at most that many blocks more compete.
   */
  missed(nodeId: Uint8Array, faults: number): void {
    this.#add(toHex(nodeId), 'turn', faults);
  }

  /** One that let its turn pass has to make a block, however well it is connected: it may be stopped, or silent. */
  linkChanged(
    { peer, up }: { readonly peer: Uint8Array; readonly up: boolean },
    faults: number,
  ): void {
    const id = toHex(peer);
    const why = this.#why.get(id);
    if (up && why === 'link') this.#why.delete(id);
    if (!up && why === undefined) this.#add(id, 'link', faults);
  }

  /** It made a valid block. */
  heard(nodeId: Uint8Array): void {
    if (this.#why.size > 0) this.#why.delete(toHex(nodeId));
  }

  get size(): number {
    return this.#why.size;
  }

  has(nodeId: Uint8Array): boolean {
    return this.#why.has(toHex(nodeId));
  }

  #add(id: string, why: 'turn' | 'link', faults: number): void {
    this.#why.delete(id);
    this.#why.set(id, why);
    for (const longest of this.#why.keys()) {
      if (this.#why.size <= faults) break;
      this.#why.delete(longest);
    }
  }
}
