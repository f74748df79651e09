import type { BatchExecuted } from '@internode/contracts';

/** What was executed and is not yet in the store, in order of height. */
export class Executed {
  readonly #capacity: number;
  #kept: BatchExecuted[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get full(): boolean {
    return this.#kept.length >= this.#capacity;
  }

  get oldest(): BatchExecuted | undefined {
    return this.#kept[0];
  }

  keep(executed: BatchExecuted): void {
    this.#kept.push(executed);
  }

  /** State has this height and all before. */
  forget(height: number): void {
    this.#kept = this.#kept.filter((executed) => executed.height > height);
  }

  from(height: number): readonly BatchExecuted[] {
    return this.#kept.filter((executed) => executed.height >= height);
  }
}
