import type { Instant } from '@internode/actor';
import { STATE_LIMITS } from '../limits.ts';
import type { Outbox } from './outbox.ts';

/** Heights that were executed and not taken: lost on the way, or come too early. Asks execution for them. */
export class Backlog {
  readonly #out: Outbox;
  #isBehind = false;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(out: Outbox) {
    this.#out = out;
  }

  clear(): void {
    this.#isBehind = false;
  }

  /** Something after `height` was not taken. It is asked for by timer until something is. */
  miss(): void {
    if (!this.#isBehind) this.#out.wait('ask', STATE_LIMITS.askAgainMs);
    this.#isBehind = true;
  }

  /** Final before this life began: execution may be waiting for a height that only a state of before has heard. */
  expect(now: Instant, height: number | undefined, final: number | undefined): void {
    if (height === undefined || final === undefined || final <= height) return;
    this.miss();
    this.ask(now, height);
  }

  /** Asks for what comes after `height` at once, if it is missing and was not asked for just now. */
  ask(now: Instant, height: number): void {
    if (!this.#isBehind || now.ms - this.#askedMs < STATE_LIMITS.askAtMostMs) return;
    this.#askedMs = now.ms;
    this.#out.say({ kind: 'RequestExecuted', fromHeight: height + 1 });
  }

  /** The timer `ask`. */
  fired(now: Instant, height: number): void {
    if (!this.#isBehind) return;
    this.ask(now, height);
    this.#out.wait('ask', STATE_LIMITS.askAgainMs);
  }
}
