// What this node offers to its peers: the current content of a table of slots, not a growing log (protocol 3.1). A slot
// is reused when its artifact is withdrawn; a receiver keeps one entry per slot, so its memory is bounded by our table.
// Each change has a number, and what changed after any number can be told: that is how a receiver makes good what it missed.
import type { ArtifactKind } from '@internode/contracts';
import { OFFER_LIMITS } from '../limits.ts';
import { nameOf } from './name.ts';

export interface Slot {
  readonly slot: number;
  /** Rises with every change of the table; the newer of two changes of a slot wins at the receiver. */
  readonly commit: number;
  readonly artifactKind: ArtifactKind;
  readonly id: Uint8Array;
  readonly body: Uint8Array;
  /** A peer brought it. */
  readonly echo: boolean;
  /** When its owner last said that it is on offer. */
  offeredMs: number;
}

/** The last change of a slot. */
export type Change = Slot | { readonly slot: number; readonly commit: number };

interface Load {
  slots: number;
  bytes: number;
}

export class SlotTable {
  readonly #slots = new Map<string, Slot>();
  /** By slot, in order of commit. */
  readonly #changes = new Map<number, Change>();
  /** Changed since `takeUntold`. */
  readonly #untold = new Set<number>();
  readonly #free: number[] = [];
  readonly #load: Load = { slots: 0, bytes: 0 };
  readonly #ingress: Load = { slots: 0, bytes: 0 };
  #commit = 0;
  #slotsMax: number = OFFER_LIMITS.slotsMax;

  /** Slots from here on stay as they are until they are withdrawn. */
  set slotsMax(slots: number) {
    this.#slotsMax = slots;
  }

  get size(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#load.bytes;
  }

  get commit(): number {
    return this.#commit;
  }

  get isTold(): boolean {
    return this.#untold.size === 0;
  }

  values(): IterableIterator<Slot> {
    return this.#slots.values();
  }

  get(name: string): Slot | undefined {
    return this.#slots.get(name);
  }

  /** The new slot; undefined when the artifact is offered already; 'full' when the table is. */
  offer(
    artifact: {
      readonly artifactKind: ArtifactKind;
      readonly id: Uint8Array;
      readonly body: Uint8Array;
      readonly echo: boolean;
    },
    nowMs = 0,
  ): Slot | 'full' | undefined {
    const { artifactKind, id, body, echo } = artifact;
    const name = nameOf(artifactKind, id);
    const known = this.#slots.get(name);
    if (known !== undefined) {
      known.offeredMs = nowMs;
      return undefined;
    }
    if (!this.#hasRoom(artifactKind, body.length)) return 'full';
    // Every number below the count of slots ever in use is in use or free.
    const slot = this.#free.pop() ?? this.#slots.size;
    this.#commit += 1;
    this.#count(artifactKind, 1, body.length);
    const change = { slot, commit: this.#commit };
    const offered: Slot = { ...change, artifactKind, id, body, echo, offeredMs: nowMs };
    this.#slots.set(name, offered);
    this.#change(offered);
    return offered;
  }

  withdraw(artifactKind: ArtifactKind, id: Uint8Array): boolean {
    const name = nameOf(artifactKind, id);
    const slot = this.#slots.get(name);
    if (slot === undefined) return false;
    this.#slots.delete(name);
    this.#free.push(slot.slot);
    this.#count(artifactKind, -1, -slot.body.length);
    this.#commit += 1;
    this.#change({ slot: slot.slot, commit: this.#commit });
    return true;
  }

  /** What changed after a commit and is still so, ascending. */
  *changesAfter(commit: number): Generator<Change> {
    if (commit >= this.#commit) return;
    for (const change of this.#changes.values()) if (change.commit > commit) yield change;
  }

  /** What changed since the last time, ascending. */
  takeUntold(): readonly Change[] {
    const changes: Change[] = [];
    for (const slot of this.#untold) {
      const change = this.#changes.get(slot);
      if (change !== undefined) changes.push(change);
    }
    this.#untold.clear();
    return changes;
  }

  #hasRoom(artifactKind: ArtifactKind, bytes: number): boolean {
    const { slotBytesMax, ingressThirds, ingressSlotBytesMax } = OFFER_LIMITS;
    if (this.#load.slots >= this.#slotsMax || this.#load.bytes + bytes > slotBytesMax) return false;
    if (artifactKind !== 'ingress') return true;
    const { slots, bytes: ingressBytes } = this.#ingress;
    const slotsMax = (this.#slotsMax * ingressThirds) / 3;
    return slots < slotsMax && ingressBytes + bytes <= ingressSlotBytesMax;
  }

  #count(artifactKind: ArtifactKind, slots: number, bytes: number): void {
    for (const load of artifactKind === 'ingress' ? [this.#load, this.#ingress] : [this.#load]) {
      load.slots += slots;
      load.bytes += bytes;
    }
  }

  /** Both orders are orders of commit: a slot that changes again goes to the end. */
  #change(change: Change): void {
    this.#changes.delete(change.slot);
    this.#changes.set(change.slot, change);
    this.#untold.delete(change.slot);
    this.#untold.add(change.slot);
  }
}

/** How many slots a table has in a subnet of so many. */
export function slotsOf(members: number): number {
  const { slotsMax, slotsOfAllMax, slotsMin } = OFFER_LIMITS;
  return Math.min(slotsMax, Math.max(slotsMin, Math.floor(slotsOfAllMax / Math.max(1, members))));
}
