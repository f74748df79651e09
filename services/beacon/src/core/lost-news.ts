// What final blocks show of news that the own consensus has said and the bus has lost: it is asked for again.
import type { Summary } from '@internode/contracts';
import { dealingsEnd } from '@internode/crypto';
import { BEACON_LIMITS } from '../limits.ts';
import type { Outbox } from './outbox.ts';

const ASK = 'dkg/ask';

export class LostNews {
  readonly #outbox: Outbox;
  /** Consensus was asked, and may still answer. */
  #isAsking = false;
  /** How often it was asked in this epoch for dealings that perhaps nobody made. */
  #dealingAsks = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** Another epoch. */
  advance(): void {
    this.#dealingAsks = 0;
  }

  /**
   * A block is final. Of dealings one can complain no longer than the epoch lasts; `lacksDealings` tells whether some of those that
   * may have been made are not known here.
   */
  finalized(height: number, running: Summary, lacksDealings: (running: Summary) => boolean): void {
    const { nextHeight } = running;
    if (nextHeight === 0 || this.#isAsking) return;
    if (height <= nextHeight) {
      const mayAsk =
        this.#dealingAsks < BEACON_LIMITS.dealingAsksMax && height >= dealingsEnd(running) - 1;
      if (!mayAsk || !lacksDealings(running)) return;
      this.#dealingAsks += 1;
    }
    this.#isAsking = true;
    this.#outbox.publish({ kind: 'RequestEpoch' });
    this.#outbox.add({ kind: 'wait', token: ASK, delayMs: BEACON_LIMITS.askEpochMs });
  }

  timer(token: string): void {
    if (token === ASK) this.#isAsking = false;
  }
}
