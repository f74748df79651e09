/** So many a second, and as many at once after a pause. */
export class Bucket {
  readonly #perMs: number;
  readonly #most: number;
  #level: number;
  #filledMs = 0;

  constructor(perSecond: number, atOnce: number) {
    this.#perMs = perSecond / 1000;
    this.#most = atOnce;
    this.#level = atOnce;
  }

  take(nowMs: number): boolean {
    this.#level = Math.min(this.#most, this.#level + (nowMs - this.#filledMs) * this.#perMs);
    this.#filledMs = nowMs;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }
}
