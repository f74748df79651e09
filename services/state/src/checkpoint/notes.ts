/** Which units were written: since the last manifest was begun, and, for a later life, since the last that is known. */
import type { RowChange } from '../core/task.ts';
import { type Note, notesOf } from './remembered.ts';
import { areOfOneBlock, unitOfStored } from './units.ts';

export class Notes {
  /** Since the last checkpoint was begun. */
  #written = new Set<string>();
  /** Of these there is a note in the store. */
  readonly #noted = new Set<string>();
  /** Tells notes of before a checkpoint from those of after it. */
  #since = 0;
  #sinceMax = 0;
  /** Without a checkpoint that is known everything is read anyway. */
  #isOn = false;

  /** Another life: what is noted in the store is not known yet. */
  begin(): void {
    this.#written = new Set();
    this.#noted.clear();
    this.#isOn = true;
  }

  /** What earlier lives have left, and whether there is a checkpoint that is known. */
  found(notes: readonly Note[], isNeeded: boolean): void {
    for (const { since } of notes) this.#sinceMax = Math.max(this.#sinceMax, since);
    this.#isOn = isNeeded || this.#since > 0;
  }

  /** The keys of a batch that is about to be written, with whose notes. */
  writing(keys: Iterable<Uint8Array>): RowChange[] {
    const fresh = new Set<string>();
    let last: Uint8Array | undefined;
    for (const key of keys) {
      const isSame = last !== undefined && areOfOneBlock(last, key);
      last = key;
      if (isSame) continue;
      const unit = unitOfStored(key);
      if (unit === undefined) continue;
      this.#written.add(unit);
      if (this.#isOn && !this.#noted.has(unit)) fresh.add(unit);
    }
    for (const unit of fresh) this.#noted.add(unit);
    return notesOf(this.#since, fresh);
  }

  /** All of the unit was replaced or deleted, and what it is now is known. */
  settled(unit: string): void {
    this.#written.delete(unit);
  }

  /** A batch may be lost, with its notes. */
  failed(): void {
    this.#noted.clear();
  }

  /** A checkpoint is begun: what is written from now on is not in it. Answers what was written before. */
  cut(height: number): ReadonlySet<string> {
    this.#since = Math.max(height, this.#sinceMax + 1);
    this.#sinceMax = this.#since;
    this.#isOn = true;
    this.#noted.clear();
    return this.take();
  }

  take(): ReadonlySet<string> {
    const written = this.#written;
    this.#written = new Set();
    return written;
  }
}
