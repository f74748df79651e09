import type { Clock } from '@internode/actor';
import { toKey } from '@internode/prelude';

/** One call that waits for the news that it is replied or rejected in a certified state. */
export type Watch = {
  /** True once the news came; false when `withinMs` passed before. */
  next(withinMs: number): Promise<boolean>;
  close(): void;
};

/** Who waits for which call. News of calls that nobody waits for are forgotten at once. */
export class Completions {
  readonly #clock: Clock;
  readonly #watchers = new Map<string, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#watchers.size;
  }

  complete(requestIds: readonly Uint8Array[]): void {
    if (this.#watchers.size === 0) return;
    for (const id of requestIds) {
      for (const tell of this.#watchers.get(toKey(id)) ?? []) tell();
    }
  }

  /** Begin before submitting, so that no news are missed. */
  watch(requestId: Uint8Array): Watch {
    const key = toKey(requestId);
    let isComplete = false;
    let wake: (() => void) | undefined;
    const tell = (): void => {
      isComplete = true;
      wake?.();
    };
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(tell));
    return {
      next: (withinMs) => {
        if (isComplete) return Promise.resolve(true);
        return new Promise((resolve) => {
          const cancel = this.#clock.after(withinMs, () => resolve(false));
          wake = () => {
            cancel();
            resolve(true);
          };
        });
      },
      close: () => {
        watchers.delete(tell);
        if (watchers.size === 0) this.#watchers.delete(key);
      },
    };
  }
}
