import type { Clock, Instant } from '@internode/actor';

/** The longest delay that the platform's timers take; longer ones are reached in several. */
const DELAY_MS_MAX = 2_147_483_647;

/** The machine's clocks. No two readings of `ms` are equal. */
export class SystemClock implements Clock {
  #lastMs = 0;

  now(): Instant {
    const ms = performance.now();
    this.#lastMs = ms > this.#lastMs ? ms : this.#lastMs + 1e-6;
    return { ms: this.#lastMs, unixNanos: BigInt(Date.now()) * 1_000_000n };
  }

  after(delayMs: number, fire: () => void): () => void {
    if (delayMs > DELAY_MS_MAX) {
      let cancel = this.after(DELAY_MS_MAX, () => {
        cancel = this.after(delayMs - DELAY_MS_MAX, fire);
      });
      return () => cancel();
    }
    const timer = setTimeout(fire, Math.max(0, delayMs));
    return () => clearTimeout(timer);
  }

  soon(run: () => void): void {
    setImmediate(run);
  }
}
