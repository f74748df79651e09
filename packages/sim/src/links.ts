import type { Agenda } from './agenda.ts';
import type { Random } from './random.ts';
import { CALM, type Swarm } from './swarm.ts';

interface Stall {
  /** What is said to it is lost. */
  readonly loses: boolean;
  /** Said to it or by it, in order. */
  readonly held: { readonly way: string; readonly deliver: () => void }[];
}

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
  /** Who stands still. */
  readonly #stalled = new Map<string, Stall>();
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

  /** Like a process that is stopped: what is said to it waits, or is lost since too much does; it is heard when it goes on. */
  stall(end: string, forMs: number, loses: boolean): void {
    if (this.#stalled.has(end)) return;
    const stall: Stall = { loses, held: [] };
    this.#stalled.set(end, stall);
    this.#put(this.#nowMs() + forMs, () => {
      if (this.#stalled.get(end) === stall) this.#goOn(end);
    });
  }

  heal(): void {
    this.#cutUntilMs.clear();
    for (const end of [...this.#stalled.keys()]) this.#goOn(end);
  }

  send(from: string, to: string, deliver: () => void): void {
    const { busLoss, busRepeat } = this.#swarm;
    const way = wayOf(from, to);
    if (this.#cutUntilMs.size > 0) {
      const untilMs = this.#cutUntilMs.get(way);
      if (untilMs !== undefined && untilMs > this.#nowMs()) return;
    }
    if (this.#stalled.size > 0) {
      const hearer = this.#stalled.get(to);
      if (hearer?.loses === true) return;
      const stall = hearer ?? this.#stalled.get(from);
      if (stall !== undefined) return void stall.held.push({ way, deliver });
    }
    if (busLoss > 0 && this.#random.chance(busLoss)) return;
    this.#put(this.#arrivalMs(way), deliver);
    if (busRepeat > 0 && this.#random.chance(busRepeat)) this.#put(this.#arrivalMs(way), deliver);
  }

  #goOn(end: string): void {
    const { held } = this.#stalled.get(end) ?? { held: [] };
    this.#stalled.delete(end);
    for (const { way, deliver } of held) this.#put(this.#arrivalMs(way), deliver);
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
