// Which subnet record is in force at which height of the state, as execution says. A summary takes the record of its
// block's certified height, so a few older ones are known too.
import type { RecordInForce, SubnetRecord, SubnetRecordChanged } from '@internode/contracts';

export class RecordsKnown {
  #records: readonly RecordInForce[] = [];
  /** Up to here they are complete. */
  #height = -1;
  /** Execution named a version that is not known here: what it said of it was lost. */
  #missed = false;

  get missed(): boolean {
    return this.#missed;
  }

  hear({ height, records }: SubnetRecordChanged): void {
    if (height < this.#height) return;
    this.#records = records;
    this.#height = height;
    this.#missed = false;
  }

  hearTip(height: number, version: number | undefined): void {
    if (this.#records.at(-1)?.record.version !== version) {
      if (height >= this.#height) this.#missed = true;
      return;
    }
    this.#height = Math.max(this.#height, height);
    this.#missed = false;
  }

  /** Of the state of this height. `record` is absent in a subnet without one; undefined: not known. */
  at(height: number): { readonly record: SubnetRecord | undefined } | undefined {
    if (height > this.#height) return undefined;
    if (this.#records.length === 0) return NONE;
    const found = this.#records.findLast(({ sinceHeight }) => sinceHeight <= height);
    return found === undefined ? undefined : { record: found.record };
  }
}

const NONE = { record: undefined };
