/**
 * Divides a function into basic blocks and says what each has to charge.
 *
 * An arm of an `if` that leaves for good does not end the block before the `if`: that block goes on
 * with the other path, and the arm gets back what it paid for code that is then not run. So the
 * common path has fewer charges, and still each path pays exactly for what it runs.
 */
import { EDIT, type EditList } from './edit-list.ts';

/** A block as it was when an `if` interrupted it. */
export interface PausedBlock {
  readonly edit: number;
  readonly paid: number;
}

export const NO_BLOCK: PausedBlock = { edit: -1, paid: 0 };

/** A block of code (`block`, `loop`, `if`) that is open. */
export interface Frame {
  opcode: number;
  readonly base: number;
  readonly params: number;
  readonly results: number;
  readonly live: boolean;
  branched: boolean;
  /** For `if`: the block that it interrupts, and the charge of its first arm. */
  before: PausedBlock;
  arm: number;
}

interface Refund {
  readonly arm: number;
  readonly paid: number;
}

export class BlockCosts {
  /** Cost of the current block so far. */
  cost = 0;
  /** Blocks that charge something, and the cost of all of them. */
  blocks = 0;
  total = 0;
  readonly #edits: EditList;
  readonly #refunds = new Map<number, Refund[]>();
  #edit = -1;

  constructor(edits: EditList) {
    this.#edits = edits;
  }

  reset(): void {
    this.blocks = 0;
    this.total = 0;
  }

  /** Ends the current block and begins one that is charged at `position`. */
  start(position: number, kind: number = EDIT.charge): void {
    this.end();
    this.#edit = this.#edits.add(position, kind);
  }

  /** Sets the charge of the current block, and of arms that paid for its rest. */
  end(): void {
    if (this.#edit >= 0) {
      this.#add(this.#edit, this.cost);
      if (this.cost > 0) this.blocks++;
      this.total += this.cost;
      for (const { arm, paid } of this.#refunds.get(this.#edit) ?? []) {
        this.#add(arm, paid - this.cost);
      }
      this.#refunds.delete(this.#edit);
    }
    this.#edit = -1;
    this.cost = 0;
  }

  /** Sets the current block aside; `startArm` must follow. */
  pause(): PausedBlock {
    const paused = { edit: this.#edit, paid: this.cost };
    this.#edit = -1;
    this.cost = 0;
    return paused;
  }

  /** Begins the first block of an arm; answers its charge. */
  startArm(position: number): number {
    this.start(position);
    return this.#edit;
  }

  /** Goes on with a paused block, because the arm left for good. */
  resume(block: PausedBlock, arm: number): void {
    this.#edit = block.edit;
    this.cost = block.paid;
    const refunds = this.#refunds.get(block.edit) ?? [];
    refunds.push({ arm, paid: block.paid });
    this.#refunds.set(block.edit, refunds);
  }

  /** Ends a paused block where it was paused. */
  close(block: PausedBlock): void {
    this.#edit = block.edit;
    this.cost = block.paid;
    this.end();
  }

  #add(edit: number, cost: number): void {
    this.#edits.a[edit] = (this.#edits.a[edit] as number) + cost;
  }
}
