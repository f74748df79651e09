/**
 * Which stores need no check of their own. A check of address X+lo logs the page of X+lo and the
 * first 256 bytes of the page after it; so it covers every store to X+[lo, lo+256) that it dominates
 * while local X keeps its value (logged pages stay logged until the message ends).
 */
import { malformed } from './binary-reader.ts';
import { EDIT, type EditList } from './edit-list.ts';
import { LOCALS_MAX } from './immediates.ts';
import { TAIL_BYTES } from './meta-memory.ts';
import type { OperandStack } from './operand-stack.ts';

interface Cover {
  readonly local: number;
  low: number;
  high: number;
  /** Depth of blocks where the check stands; void once that block ends. */
  readonly depth: number;
  readonly edit: number;
}

/** A store: its position, constant offset, bytes written, type of the value, depth of blocks. */
export interface Store {
  readonly at: number;
  readonly offset: number;
  readonly bytes: number;
  readonly type: number;
  readonly depth: number;
}

const COVERS_MAX = 8;
/** Stores at or above this offset always trap: no heap is that large. */
const OFFSET_END = 2 ** 34;

export class StoreCover {
  #covers: Cover[] = [];
  /** Module position of the last change of each local; positions of other functions are smaller. */
  readonly #changedAt = new Int32Array(LOCALS_MAX + 1);
  readonly #edits: EditList;

  constructor(edits: EditList) {
    this.#edits = edits;
  }

  /** All checks are void: another path joins. */
  clear(): void {
    if (this.#covers.length > 0) this.#covers = [];
  }

  /** The local has another value from here on. */
  changed(local: number, at: number): void {
    this.#changedAt[local] = at;
    this.#forget(local);
  }

  /** Notes the check that the store needs, if any. Its operands are on the stack. */
  check(stack: OperandStack, { at, offset, bytes, type, depth }: Store): void {
    if (offset >= OFFSET_END) return;
    const address = stack.height - 2;
    if (address < stack.base) malformed('operand stack underflow');
    const local = stack.local[address] as number;
    const fresh =
      local >= 0 && (this.#changedAt[local] as number) <= (stack.readAt[address] as number);
    if (!fresh) {
      this.#edits.add(at, EDIT.store, -1, offset, type);
      return;
    }
    if (this.#isCovered(local, offset, bytes)) return;
    const edit = this.#edits.add(at, EDIT.store, local, offset, type);
    this.#forget(local);
    if (this.#covers.length === COVERS_MAX) this.#covers.shift();
    this.#covers.push({ local, low: offset, high: offset + bytes, depth, edit });
  }

  #forget(local: number): void {
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
  #isCovered(local: number, offset: number, bytes: number): boolean {
    const cover = this.#covers.find((candidate) => candidate.local === local);
    if (cover === undefined) return false;
    const low = Math.min(cover.low, offset);
    const high = Math.max(cover.high, offset + bytes);
    if (high - low > TAIL_BYTES) return false;
    cover.low = low;
    cover.high = high;
    this.#edits.b[cover.edit] = low;
    return true;
  }
}
