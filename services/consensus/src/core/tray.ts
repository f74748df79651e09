// Votes of others that nobody has checked: one sum is checked when they are a quorum. A vote comes from its signer itself, so
// whoever sends a bad one is known, and not listened to any more.
import { BoundedSet } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { HashKey, VotePurpose } from './artifact.ts';

export interface VotedBlock {
  readonly purpose: VotePurpose;
  readonly height: number;
  readonly key: HashKey;
}

interface Heap extends VotedBlock {
  readonly shares: Map<number, Uint8Array>;
  busy: boolean;
}

const NONE: ReadonlyMap<number, Uint8Array> = new Map();

export class Tray {
  readonly #heaps = new Map<string, Heap>();
  /** How many blocks of a height and purpose a member has voted for. */
  readonly #voted = new Map<number, Map<string, number>>();
  readonly #culprits = new BoundedSet<string>(CONSENSUS_LIMITS.culpritsMax, 'drop-oldest');

  get size(): number {
    let size = 0;
    for (const heap of this.#heaps.values()) size += heap.shares.size;
    return size;
  }

  /** False when it is dropped. `signer` is an index; `name` outlives epochs. */
  add(
    vote: VotedBlock,
    by: { readonly signer: number; readonly name: string; readonly signature: Uint8Array },
  ): boolean {
    const { purpose, height, key } = vote;
    if (this.#culprits.has(by.name)) return false;
    const heap = this.#heaps.get(nameOf(vote)) ?? {
      purpose,
      height,
      key,
      shares: new Map<number, Uint8Array>(),
      busy: false,
    };
    if (heap.shares.has(by.signer)) return true;
    const here = this.#voted.get(height) ?? new Map<string, number>();
    const slot = `${purpose}/${by.signer}`;
    const count = here.get(slot) ?? 0;
    if (count >= CONSENSUS_LIMITS.votedBlocksMax) return false;
    this.#voted.set(height, here.set(slot, count + 1));
    heap.shares.set(by.signer, by.signature);
    this.#heaps.set(nameOf(vote), heap);
    return true;
  }

  sharesFor(vote: VotedBlock): ReadonlyMap<number, Uint8Array> {
    const heap = this.#heaps.get(nameOf(vote));
    return heap === undefined || heap.busy ? NONE : heap.shares;
  }

  /** A sum of them is being checked. */
  begin(vote: VotedBlock): void {
    const heap = this.#heaps.get(nameOf(vote));
    if (heap !== undefined) heap.busy = true;
  }

  end(vote: VotedBlock): void {
    const heap = this.#heaps.get(nameOf(vote));
    if (heap !== undefined) heap.busy = false;
  }

  /** A member that has sent a bad vote: none of its votes counts. */
  convict(signer: number, name: string): void {
    this.#culprits.add(name);
    for (const heap of this.#heaps.values()) heap.shares.delete(signer);
  }

  forgetUpTo(height: number): void {
    for (const [name, heap] of this.#heaps) if (heap.height <= height) this.#heaps.delete(name);
    for (const voted of this.#voted.keys()) if (voted <= height) this.#voted.delete(voted);
  }
}

function nameOf({ purpose, height, key }: VotedBlock): string {
  return `${purpose}/${height}/${key}`;
}
