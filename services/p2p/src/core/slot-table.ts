// What this node offers to its peers: the current content of a table of slots, not a growing log (protocol 3.1). A slot
// is reused when its artifact is withdrawn; a receiver keeps one entry per slot, so its memory is bounded by our table.
import type { ArtifactKind } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { P2P_LIMITS } from '../limits.ts';

export interface Slot {
  readonly slot: number;
  /** Rises with every change of the table; the newer of two updates of a slot wins at the receiver. */
  readonly commit: number;
  readonly artifactKind: ArtifactKind;
  readonly id: Uint8Array;
  readonly body: Uint8Array;
}

export class SlotTable {
  readonly #slots = new Map<string, Slot>();
  readonly #free: number[] = [];
  #next = 0;
  #commit = 0;
  #bytes = 0;

  get size(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  values(): IterableIterator<Slot> {
    return this.#slots.values();
  }

  /** The new slot; undefined when the artifact is offered already; 'full' when the table is. */
  offer(artifactKind: ArtifactKind, id: Uint8Array, body: Uint8Array): Slot | 'full' | undefined {
    const name = nameOf(artifactKind, id);
    if (this.#slots.has(name)) return undefined;
    if (this.#slots.size >= P2P_LIMITS.slotsMax) return 'full';
    if (this.#bytes + body.length > P2P_LIMITS.slotBytesMax) return 'full';
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.#next;
      this.#next += 1;
    }
    this.#commit += 1;
    this.#bytes += body.length;
    const offered: Slot = { slot, commit: this.#commit, artifactKind, id, body };
    this.#slots.set(name, offered);
    return offered;
  }

  /** Nothing is sent: peers learn it when the slot is used again. */
  withdraw(artifactKind: ArtifactKind, id: Uint8Array): boolean {
    const name = nameOf(artifactKind, id);
    const slot = this.#slots.get(name);
    if (slot === undefined) return false;
    this.#slots.delete(name);
    this.#free.push(slot.slot);
    this.#bytes -= slot.body.length;
    return true;
  }
}

function nameOf(artifactKind: ArtifactKind, id: Uint8Array): string {
  return `${artifactKind}/${toHex(id)}`;
}
