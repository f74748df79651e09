// What final blocks say about epochs: the newest summary, and key generation in the chain since the summary before it.
// Beacon is told it, the next summary follows from it, and the journal's base keeps it when the blocks are gone.
import type { Complaint, Dealing, DealingsInBlock, Summary } from '@internode/contracts';
import type { Block, Payload } from './artifact.ts';

/** A summary with the block that carries it. */
export interface Opening {
  readonly summary: Summary;
  /** Absent at genesis. */
  readonly block: Block | undefined;
  /** The random beacon of its height; "" when not known. */
  readonly beacon: Uint8Array;
}

export class EpochLog {
  #opening: Opening;
  #recorded: readonly DealingsInBlock[];

  constructor(opening: Opening, recorded: readonly DealingsInBlock[] = []) {
    this.#opening = opening;
    this.#recorded = recorded;
  }

  get opening(): Opening {
    return this.#opening;
  }

  /** Ascending by height, since the summary before the newest one. */
  get recorded(): readonly DealingsInBlock[] {
    return this.#recorded;
  }

  copy(): EpochLog {
    return new EpochLog(this.#opening, this.#recorded);
  }

  /** What only the block after the summary brings. */
  learnBeacon(height: number, beacon: Uint8Array): void {
    if (beacon.length === 0 || this.#opening.summary.height !== height || height === 0) return;
    this.#opening = { ...this.#opening, beacon };
  }

  /** The next final block. */
  add(
    block: Block,
    payload: Pick<Payload, 'summary' | 'dealings' | 'complaints'>,
    beacon: Uint8Array,
  ): void {
    const { summary, dealings, complaints } = payload;
    if (dealings.length + complaints.length > 0)
      this.#recorded = [...this.#recorded, { height: block.height, dealings, complaints }];
    if (summary === undefined) return;
    const since = this.#opening.summary.height;
    this.#recorded = this.#recorded.filter(({ height }) => height > since);
    this.#opening = { summary, block, beacon };
  }
}

/** Dealings and complaints of several blocks in the order of the chain. */
export function gathered(recorded: readonly DealingsInBlock[]): {
  readonly dealings: readonly Dealing[];
  readonly complaints: readonly Complaint[];
} {
  return {
    dealings: recorded.flatMap(({ dealings }) => dealings),
    complaints: recorded.flatMap(({ complaints }) => complaints),
  };
}
