// The processors of one node in virtual time: work waits for the one that is free first. What work costs is declared by
// whoever does it; a world without such a declaration computes in no time.

export interface Cpu {
  /** Of a node, for the work off the step. */
  readonly cores: number;
  /** What everything that a service hears costs its loop. */
  readonly deliveryMs: number;
  /** What was charged since the last look, for work that has just been done. */
  charged(): number;
}

export class NodeCpu {
  readonly #freeMs: number[];
  #loopFreeMs = 0;
  #usedMs = 0;

  constructor(cores: number) {
    this.#freeMs = new Array<number>(cores).fill(0);
  }

  get usedMs(): number {
    return this.#usedMs;
  }

  /** When work that is asked for now will be done. */
  work(nowMs: number, costMs: number): number {
    const free = this.#freeMs;
    let first = 0;
    for (let i = 1; i < free.length; i++) {
      if ((free[i] as number) < (free[first] as number)) first = i;
    }
    const endMs = Math.max(nowMs, free[first] as number) + costMs;
    free[first] = endMs;
    this.#usedMs += costMs;
    return endMs;
  }

  /** The same on the loop, which takes one after the other. */
  step(nowMs: number, costMs: number): number {
    this.#loopFreeMs = Math.max(nowMs, this.#loopFreeMs) + costMs;
    this.#usedMs += costMs;
    return this.#loopFreeMs;
  }
}
