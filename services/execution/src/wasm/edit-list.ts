/** Where and how the rewriter changes code; in order of position, all functions of a module in one. */

export const EDIT = {
  /** Insert: charge `a` instructions. */
  charge: 0,
  /** Insert after a loop header: charge `a`, then check the limit. */
  loop: 1,
  /** Replace a `return` by a branch to label `a`. */
  return: 2,
  /** Insert before a store: log the page of local `a` (or -1: of the operand) plus `b`; type `c`. */
  store: 3,
  /** Insert: make a NaN result canonical; shape `a`, or 0 when nothing looks at its bits. */
  nan: 4,
  /** Insert before and after what reads or changes the counter elsewhere. */
  spill: 5,
  reload: 6,
  /** Replace `memory.grow`. */
  grow: 7,
  /** Insert before memory.fill, copy, init (`a` = 0, 1, 2): charge, log the range. */
  bulk: 8,
  /** Insert before an instruction on tables or segments; `a` = type of the length on top, or 0. */
  table: 9,
} as const;

/** Upper bounds of what each kind adds, to keep functions below the engine's limit. */
const ADDED_BYTES = [14, 32, 6, 48, 34, 4, 4, 4, 4, 10];

export class EditList {
  count = 0;
  /** Sum of the bounds so far. */
  addedBytes = 0;
  position = new Int32Array(1024);
  kind = new Uint8Array(1024);
  a = new Int32Array(1024);
  b = new Float64Array(1024);
  c = new Uint8Array(1024);

  /** Returns the edit's index, so that its operands can be filled in later. */
  add(position: number, kind: number, a = 0, b = 0, c = 0): number {
    const index = this.count++;
    if (index === this.position.length) this.#enlarge();
    this.position[index] = position;
    this.kind[index] = kind;
    this.a[index] = a;
    this.b[index] = b;
    this.c[index] = c;
    this.addedBytes += ADDED_BYTES[kind] as number;
    return index;
  }

  #enlarge(): void {
    const size = this.position.length * 2;
    const larger = <T extends Int32Array | Uint8Array | Float64Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.position = larger(new Int32Array(size), this.position);
    this.kind = larger(new Uint8Array(size), this.kind);
    this.a = larger(new Int32Array(size), this.a);
    this.b = larger(new Float64Array(size), this.b);
    this.c = larger(new Uint8Array(size), this.c);
  }
}
