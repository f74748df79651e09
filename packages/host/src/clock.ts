import type { Clock, Instant } from '@internode/actor';

/** The longest delay that the platform's timers take; longer ones are reached in several. */
const DELAY_MS_MAX = 2_147_483_647;

/** The machine's clocks. No two readings of `ms` are equal. */
export class SystemClock implements Clock {
  #lastMs = 0;
  #unixMs = 0;
  #unixNanos = 0n;

  now(): Instant {
    const ms = performance.now();
    this.#lastMs = ms > this.#lastMs ? ms : this.#lastMs + 1e-6;
    // Dozens of readings for each call: one in a millisecond makes the large number.
    const unixMs = Date.now();
    if (unixMs !== this.#unixMs) {
      this.#unixMs = unixMs;
      this.#unixNanos = BigInt(unixMs) * 1_000_000n;
    }
    return { ms: this.#lastMs, unixNanos: this.#unixNanos };
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
