/** So much per second, and so much at once. One taking may overdraw it: the next waits the longer. */
export class Bucket {
  readonly #perSecond: number;
  readonly #atOnce: number;
  #level: number;
  #filledMs = 0;

  constructor(perSecond: number, atOnce: number) {
    this.#perSecond = perSecond;
    this.#atOnce = atOnce;
    this.#level = atOnce;
  }

  has(nowMs: number): boolean {
    return this.level(nowMs) > 0;
  }

  /** What is left; below zero when it was overdrawn. */
  level(nowMs: number): number {
    const gained = (Math.max(0, nowMs - this.#filledMs) * this.#perSecond) / 1000;
    this.#level = Math.min(this.#atOnce, this.#level + gained);
    this.#filledMs = nowMs;
    return this.#level;
  }

  /** Takes it in any case, down to as much debt as it holds at once. */
  fine(amount: number, nowMs: number): void {
    this.#level = Math.max(-this.#atOnce, this.level(nowMs) - amount);
  }

  take(amount: number, nowMs: number): boolean {
    if (!this.has(nowMs)) return false;
    this.#level -= amount;
    return true;
  }
}
