import { CHECKPOINT_LIMITS } from '../limits.ts';

/**
 * Lets parts be written in the order in which they are named here: tables of keys in order do not overlap, and are not merged. One
 * that is missing is waited for a little and not for good.
 */
export class Turns {
  /** In reverse: the next one is the last. */
  readonly #left: number[];
  readonly #waiting = new Map<number, () => void>();

  constructor(parts: readonly number[]) {
    this.#left = parts.toReversed();
  }

  /** Undefined when it may be written at once. */
  come(part: number | undefined): Promise<void> | undefined {
    if (part === undefined || part === this.#left.at(-1) || !this.#left.includes(part))
      return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, CHECKPOINT_LIMITS.turnMs);
      this.#waiting.set(part, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** It was written. */
  over(part: number | undefined): void {
    if (part === undefined) return;
    const at = this.#left.lastIndexOf(part);
    if (at !== -1) this.#left.splice(at, 1);
    this.#waiting.delete(part);
    const next = this.#left.at(-1);
    if (next !== undefined) this.#waiting.get(next)?.();
  }
}
