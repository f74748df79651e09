// Says again what was said: batches to execution, final blocks to p2p. Only what is durable.
import { BoundedMap } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { Outbox } from './outbox.ts';
import type { State } from './state.ts';

export class Repeater {
  readonly #state: State;
  readonly #outbox: Outbox;
  /** When a final block was last said again for ingress that came late, by height. */
  readonly #repeatedMs = new BoundedMap<number, number>(64, 'drop-oldest');
  /** Up to here batches come from replay; they are not said again before it is certain that they are durable … */
  #restoredHeight = 0;
  /** … but then at once, from where they were asked for. */
  #askedFrom: number | undefined;

  constructor(state: State, outbox: Outbox) {
    this.#state = state;
    this.#outbox = outbox;
  }

  restoredUpTo(height: number): void {
    this.#restoredHeight = height;
  }

  becameDurable(height: number): void {
    this.#state.ledger.becameDurable(height);
    const from = this.#askedFrom;
    this.#askedFrom = undefined;
    if (from !== undefined) this.batches(from);
  }

  /** p2p offers ingress that is final: it has missed the news. */
  finalized(height: number): void {
    const { ledger, now } = this.#state;
    const last = this.#repeatedMs.get(height);
    if (last !== undefined && now.ms - last < CONSENSUS_LIMITS.askAgainMs) return;
    const delivery = height <= ledger.durable ? ledger.delivery(height) : undefined;
    if (delivery === undefined) return;
    this.#repeatedMs.set(height, now.ms);
    this.#outbox.publish(delivery.finalized);
  }

  batches(from: number): void {
    const { ledger, now, asked, packages } = this.#state;
    asked.set('batch', now.ms);
    if (ledger.durable < this.#restoredHeight) {
      this.#askedFrom = Math.min(from, this.#askedFrom ?? from);
      return;
    }
    const { base } = ledger.figures;
    // Of no use without those before: state is told to fetch the package that the journal begins with.
    if (from <= base && packages.height >= base) return;
    if (from <= base)
      this.#outbox.observe({ kind: 'BatchesForgotten', asked: from, oldest: base + 1 });
    for (const { batch } of ledger.from(from)) this.#outbox.publish(batch);
  }
}
