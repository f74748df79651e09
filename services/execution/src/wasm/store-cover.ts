/**
 * Which stores need no check of their own. A check of address X+lo logs the page of X+lo and the
 * first 256 bytes of the page after it; so it covers every store to X+[lo, lo+256) that it dominates
 * while local X keeps its value (logged pages stay logged until the message ends).
 */
import type { EditList } from './edit-list.ts';
import { TAIL_BYTES } from './meta-memory.ts';

interface Cover {
  readonly local: number;
  low: number;
  high: number;
  /** Depth of blocks where the check stands; void once that block ends. */
  readonly depth: number;
  readonly edit: number;
}

const COVERS_MAX = 8;

export class StoreCover {
  #covers: Cover[] = [];

  /** All checks are void: another path joins. */
  clear(): void {
    if (this.#covers.length > 0) this.#covers = [];
  }

  forget(local: number): void {
    for (let index = 0; index < this.#covers.length; index++) {
      if (this.#covers[index]?.local !== local) continue;
      this.#covers.splice(index, 1);
      return;
    }
  }

  leave(depth: number): void {
    if (this.#covers.some((cover) => cover.depth >= depth)) {
      this.#covers = this.#covers.filter((cover) => cover.depth < depth);
    }
  }

  /** True when an earlier check covers the store, perhaps after moving its low end down. */
  covers(local: number, offset: number, bytes: number, edits: EditList): boolean {
    const cover = this.#covers.find((candidate) => candidate.local === local);
    if (cover === undefined) return false;
    const low = Math.min(cover.low, offset);
    const high = Math.max(cover.high, offset + bytes);
    if (high - low > TAIL_BYTES) return false;
    cover.low = low;
    cover.high = high;
    edits.b[cover.edit] = low;
    return true;
  }

  add(local: number, offset: number, bytes: number, depth: number, edit: number): void {
    this.forget(local);
    if (this.#covers.length === COVERS_MAX) this.#covers.shift();
    this.#covers.push({ local, low: offset, high: offset + bytes, depth, edit });
  }
}
