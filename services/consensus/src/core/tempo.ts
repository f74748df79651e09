// How fast this subnet is, as this node sees it: how long a quorum takes to answer a vote, and how long the state takes for a
// height. Delays follow what was measured, between bounds that all members agree on. Liveness only: safety knows no time.
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { SubnetParameters } from './subnet.ts';

/** A rank waits for so many quorums' time: the better block, its bodies and a slow quorum fit into it. */
const QUORUMS_PER_RANK = 6;
const SAMPLES_MIN = 8;
const WEIGHT = 0.25;

export class Tempo {
  readonly #parameters: SubnetParameters;
  readonly #quorumMs: number[] = [];
  #unitMs: number;
  #voted: { readonly height: number; readonly ms: number } | undefined;
  #certifiedMs: number | undefined;
  /** When the state was last heard of, or got something to do, if it has. */
  #busySinceMs: number | undefined;

  constructor(parameters: SubnetParameters) {
    this.#parameters = parameters;
    this.#unitMs = parameters.unitDelayMs;
  }

  /** Extra wait per rank: up to the agreed unit, down to the agreed least while quorums are quick. */
  get unitMs(): number {
    return this.#unitMs;
  }

  voted(height: number, ms: number): void {
    if (height !== this.#voted?.height) this.#voted = { height, ms };
  }

  notarized(height: number, ms: number): void {
    if (this.#voted?.height !== height) return;
    this.#quorumMs.push(ms - this.#voted.ms);
    if (this.#quorumMs.length > CONSENSUS_LIMITS.tempoSamples) this.#quorumMs.shift();
    if (this.#quorumMs.length < SAMPLES_MIN) return;
    const sorted = [...this.#quorumMs].sort((a, b) => a - b);
    const slow = sorted[Math.floor(sorted.length * 0.9)] ?? 0;
    const { unitDelayMs, unitDelayMinMs } = this.#parameters;
    this.#unitMs = Math.min(unitDelayMs, Math.max(unitDelayMinMs, QUORUMS_PER_RANK * slow));
  }

  /** One more height is final: the state has something to do. */
  delivered(ms: number): void {
    this.#busySinceMs ??= ms;
  }

  /** The state has certified so many heights more; `behind` are final and not certified yet. */
  certified(heights: number, behind: number, ms: number): void {
    if (this.#busySinceMs !== undefined && heights > 0) {
      const perHeight = (ms - this.#busySinceMs) / heights;
      const before = this.#certifiedMs ?? perHeight;
      this.#certifiedMs = before + WEIGHT * (perHeight - before);
    }
    this.#busySinceMs = behind > 0 ? ms : undefined;
  }

  /**
   * The wait that lets certification catch up: the time it needs for the heights beyond those that it may lag. So blocks come as
   * fast as the state takes them, and there is no step at which they suddenly stop.
   */
  lagDelayMs(gap: number, ms: number): number {
    const { certifiedGapFree, certifiedGapDelayMs } = this.#parameters;
    if (gap <= certifiedGapFree) return 0;
    const standing = this.#busySinceMs === undefined ? 0 : ms - this.#busySinceMs;
    const perHeight = Math.max(CONSENSUS_LIMITS.lagDelayMinMs, this.#certifiedMs ?? 0, standing);
    return (gap - certifiedGapFree) * Math.min(certifiedGapDelayMs, perHeight);
  }
}
