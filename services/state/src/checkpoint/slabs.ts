import { CHECKPOINT_LIMITS } from '../limits.ts';

const SLAB_BYTES = CHECKPOINT_LIMITS.askedBytesMax + 64 * 1024;
/** Less is not worth keeping. */
const KEPT_BYTES_MIN = 64 * 1024;
const FREE_MAX = 4;

/** Memory for one batch on its way to the store. */
export interface Slab {
  allocate(length: number): Buffer;
}

/** Memory that is used again: a fresh megabyte costs the system more than filling it. */
export class Slabs {
  readonly #free: Buffer[] = [];
  readonly #taken = new Map<Slab, Buffer>();

  take(): Slab {
    const slab: Slab = {
      allocate: (length) => {
        if (length < KEPT_BYTES_MIN || length > SLAB_BYTES) return Buffer.allocUnsafeSlow(length);
        const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
        this.#taken.set(slab, memory);
        return memory.subarray(0, length);
      },
    };
    return slab;
  }

  /** Nobody reads what was allocated any more. */
  giveBack(slab: Slab): void {
    const memory = this.#taken.get(slab);
    this.#taken.delete(slab);
    if (memory !== undefined && this.#free.length < FREE_MAX) this.#free.push(memory);
  }
}
