/**
 * The abstract operand stack of one function: heights, and for each operand what the rewriter
 * wants to know: the local it was read from and when, and the NaN edit that made it.
 */
import { malformed } from './binary-reader.ts';
import type { EditList } from './edit-list.ts';
import { NAN } from './opcodes.ts';

/** Keeps hostile code with many multi-value calls from taking much memory. */
const HEIGHT_LIMIT = 200_000;

export class OperandStack {
  height = 0;
  heightMax = 0;
  /** Operands below belong to an outer block. */
  base = 0;
  local = new Int32Array(256);
  readAt = new Int32Array(256);
  nanEdit = new Int32Array(256);

  reset(): void {
    this.height = 0;
    this.heightMax = 0;
    this.base = 0;
  }

  push(local = -1, readAt = 0, nanEdit = -1): void {
    const at = this.height++;
    if (at >= this.heightMax) this.#raise(at);
    this.local[at] = local;
    this.readAt[at] = readAt;
    this.nanEdit[at] = nanEdit;
  }

  pushUnknown(count: number): void {
    for (let index = 0; index < count; index++) this.push();
  }

  pop(count: number): void {
    this.height -= count;
    if (this.height < this.base) malformed('operand stack underflow');
  }

  /** Forgets what is known of the top operands: they also flow elsewhere. */
  blur(count: number): void {
    this.pop(count);
    this.pushUnknown(count);
  }

  /** The operands just popped went where the bits of a NaN do not matter. */
  forgetNans(operands: number, edits: EditList): void {
    for (let index = 0; index < operands; index++) {
      const edit = this.nanEdit[this.height + index] as number;
      if (edit >= 0) edits.a[edit] = NAN.none;
    }
  }

  #raise(at: number): void {
    this.heightMax = at + 1;
    if (this.heightMax > HEIGHT_LIMIT) malformed('operand stack too high');
    if (at < this.local.length) return;
    const grow = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(from.length * 2);
      to.set(from);
      return to;
    };
    this.local = grow(this.local);
    this.readAt = grow(this.readAt);
    this.nanEdit = grow(this.nanEdit);
  }
}
