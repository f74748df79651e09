import { CHECKPOINT_LIMITS } from '../limits.ts';

/**
 * Lets parts be written in the order in which they are named here: tables of keys in order do not overlap, and are not merged. Those that
 * are missing are waited for a little; then they have lost their turn, and are let in when they come.
 */
export class Turns {
  /** In reverse: the next one is the last. */
  readonly #left: number[];
  readonly #waiting = new Map<number, () => void>();
  /** Let in, and neither written nor failed. */
  readonly #going = new Set<number>();
  #patience: NodeJS.Timeout | undefined;

  constructor(parts: readonly number[]) {
    this.#left = parts.toReversed();
  }

  /** Undefined when it may be written at once. Whoever was let in says when it is over. */
  come(part: number | undefined): Promise<void> | undefined {
    if (part === undefined || !this.#left.includes(part) || this.#waiting.has(part))
      return undefined;
    if (part === this.#left.at(-1)) {
      this.#going.add(part);
      return undefined;
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.set(part, turn.resolve);
    this.#patience ??= this.#wait();
    return turn.promise;
  }

  /** It was written; or it was not, and comes again. */
  over(part: number | undefined, isWritten: boolean): void {
    if (part === undefined) return;
    this.#going.delete(part);
    const at = isWritten ? this.#left.lastIndexOf(part) : -1;
    if (at !== -1) this.#left.splice(at, 1);
    this.#letIn();
  }

  #letIn(): void {
    clearTimeout(this.#patience);
    const next = this.#left.at(-1);
    const go = next === undefined ? undefined : this.#waiting.get(next);
    if (next !== undefined && go !== undefined) {
      this.#waiting.delete(next);
      this.#going.add(next);
      go();
    }
    this.#patience = this.#wait();
  }

  #wait(): NodeJS.Timeout | undefined {
    if (this.#waiting.size === 0) return undefined;
    return setTimeout(() => this.#skip(), CHECKPOINT_LIMITS.turnMs);
  }

  #skip(): void {
    const isMissing = (part: number | undefined): boolean =>
      part !== undefined && !this.#waiting.has(part) && !this.#going.has(part);
    while (isMissing(this.#left.at(-1))) this.#left.pop();
    this.#letIn();
  }
}
