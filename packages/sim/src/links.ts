import type { Agenda } from './agenda.ts';
import type { Random } from './random.ts';
import { CALM, type Swarm } from './swarm.ts';

/**
 * Ways between named ends: two services of a node, or two nodes. Each message may be lost, repeated, delayed, overtaken,
 * or meet a cut way.
 */
export class Links {
  readonly #random: Random;
  readonly #put: Agenda['put'];
  readonly #nowMs: () => number;
  #swarm: Swarm = CALM;
  /** Until when the way `from > to` is cut. */
  readonly #cutUntilMs = new Map<string, number>();
  /** When the last message on a way arrives, for ways that keep order. */
  readonly #lastMs = new Map<string, number>();

  constructor(random: Random, nowMs: () => number, put: Agenda['put']) {
    this.#random = random;
    this.#nowMs = nowMs;
    this.#put = put;
  }

  setSwarm(swarm: Swarm): void {
    this.#swarm = swarm;
  }

  cut(from: string, to: string, forMs: number): void {
    this.#cutUntilMs.set(wayOf(from, to), this.#nowMs() + forMs);
  }

  heal(): void {
    this.#cutUntilMs.clear();
  }

  send(from: string, to: string, deliver: () => void): void {
    const { busLoss, busRepeat } = this.#swarm;
    const way = wayOf(from, to);
    if (this.#cutUntilMs.size > 0) {
      const untilMs = this.#cutUntilMs.get(way);
      if (untilMs !== undefined && untilMs > this.#nowMs()) return;
    }
    if (busLoss > 0 && this.#random.chance(busLoss)) return;
    this.#put(this.#arrivalMs(way), deliver);
    if (busRepeat > 0 && this.#random.chance(busRepeat)) this.#put(this.#arrivalMs(way), deliver);
  }

  #arrivalMs(way: string): number {
    const { busDelayMsMin, busDelayMsMean, busReorder } = this.#swarm;
    const ms = this.#nowMs() + busDelayMsMin + this.#random.exponential(busDelayMsMean);
    if (busReorder) return ms;
    const inOrderMs = Math.max(ms, this.#lastMs.get(way) ?? 0);
    this.#lastMs.set(way, inOrderMs);
    return inOrderMs;
  }
}

function wayOf(from: string, to: string): string {
  return `${from}>${to}`;
}
