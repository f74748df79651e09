// What happened in each second of a run.
import { percentile } from './figures.ts';

export interface Second {
  /** Requests that were due. */
  readonly due: number;
  readonly answered: number;
  /** Of what was answered in this second, from the instant due; NaN of none. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export class Timeline {
  readonly #rate: number;
  readonly #count: number;
  readonly #latencies: number[][] = [];

  /** `count` requests fall due at `rate` a second. */
  constructor(rate: number, count: number) {
    this.#rate = rate;
    this.#count = count;
  }

  /** `atMs` since the run began. */
  answered(atMs: number, latencyMs: number): void {
    const second = Math.max(0, Math.floor(atMs / 1_000));
    while (this.#latencies.length <= second) this.#latencies.push([]);
    this.#latencies[second]?.push(latencyMs);
  }

  get seconds(): readonly Second[] {
    const dueAfter = (seconds: number) => Math.min(this.#count, Math.round(this.#rate * seconds));
    const length = Math.max(this.#latencies.length, Math.ceil(this.#count / this.#rate));
    return Array.from({ length }, (_, second) => {
      const latencies = this.#latencies[second] ?? [];
      return {
        due: dueAfter(second + 1) - dueAfter(second),
        answered: latencies.length,
        p50Ms: percentile(latencies, 0.5),
        p99Ms: percentile(latencies, 0.99),
      };
    });
  }
}
