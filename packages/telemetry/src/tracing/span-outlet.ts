// Spans that wait to be told to another process: bounded, in batches.
import { OUTLET_BATCH_MAX, OUTLET_SPANS_MAX } from '../limits.ts';
import type { TraceSpan } from './trace-span.ts';

export interface SpanBatch {
  readonly spans: readonly TraceSpan[];
  /** Had no room since the last batch. */
  readonly dropped: number;
}

export class SpanOutlet {
  readonly #onFirst: () => void;
  #waiting: TraceSpan[] = [];
  #dropped = 0;
  #idle = true;

  /** `onFirst` is told when there is something to take after a `take` in vain. */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  readonly add = (span: TraceSpan): void => {
    if (this.#waiting.length < OUTLET_SPANS_MAX) this.#waiting.push(span);
    else this.#dropped += 1;
    if (!this.#idle) return;
    this.#idle = false;
    this.#onFirst();
  };

  /** Undefined when there is nothing to say. */
  take(): SpanBatch | undefined {
    this.#idle = this.#waiting.length === 0 && this.#dropped === 0;
    if (this.#idle) return undefined;
    const batch = { spans: this.#waiting.splice(0, OUTLET_BATCH_MAX), dropped: this.#dropped };
    this.#dropped = 0;
    return batch;
  }
}
