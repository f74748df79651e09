import type { StoredTip } from '@internode/contracts';
import { type Opened, Opening } from './opening.ts';
import { STORE_FORMAT, SYNC_KEY, TIP, TIP_KEY } from './rows.ts';
import { identityOf, type SubnetDescription } from './subnet.ts';
import type { StateTask } from './task.ts';

/** Rows that were fetched become a state: they are read as at a start, their root is compared, the tip is written last. */
export class Installing {
  readonly #tip: StoredTip;
  readonly opening: Opening;
  #opened: Opened | undefined;

  constructor(subnet: SubnetDescription, tip: StoredTip) {
    this.#tip = { ...tip, identity: identityOf(subnet), format: STORE_FORMAT };
    this.opening = new Opening(subnet, this.#tip);
  }

  /** The root over the rows is the one that the package proves. */
  read(opened: Opened): StateTask {
    this.#opened = opened;
    return this.#write;
  }

  get #write(): StateTask {
    const changes = [
      { key: TIP_KEY, value: TIP.encode(this.#tip) },
      { key: SYNC_KEY, value: undefined },
    ];
    return { kind: 'write', changes, sync: true };
  }

  /** What was asked of the store and may be asked again. */
  get task(): StateTask | undefined {
    return this.#opened && this.#write;
  }

  get opened(): Opened | undefined {
    return this.#opened;
  }
}
