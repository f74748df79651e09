/**
 * Lets queries and inspections into the sandbox, few at a time, so that they cannot keep updates
 * waiting: a sandbox works on one thing after the other, and a query may take a second.
 *
 * 1. At most QUERIES_IN_SANDBOX run at once, and QUERIES_PER_CANISTER of one canister.
 * 2. A canister whose queries were slow of late is slow: one query of all slow canisters runs at
 *    once, and none starts while a batch is applied. So a height waits for one slow query at most.
 * 3. Who does not wait for the slow is not held up by them.
 */
import { BoundedMap } from '@internode/prelude';
import {
  CANISTERS,
  QUERIES_IN_SANDBOX,
  QUERIES_PER_CANISTER,
  SLOW_QUERY_INSTRUCTIONS,
} from '../limits.ts';
import { type Fiber, until } from './fibers.ts';

/** Of what a canister's queries cost, after each cheaper one. */
const DECAY = 0.9;

interface Waiting {
  readonly key: string;
  readonly signal: string;
}

export class QueryGate {
  readonly #raise: (signal: string) => void;
  readonly #isApplying: () => boolean;
  readonly #costs = new BoundedMap<string, number>(CANISTERS, 'drop-oldest');
  readonly #inside = new Map<string, number>();
  #waiting: Waiting[] = [];
  #running = 0;
  #slowRunning = 0;
  #signals = 0;

  constructor(raise: (signal: string) => void, isApplying: () => boolean) {
    this.#raise = raise;
    this.#isApplying = isApplying;
  }

  isSlow(key: string): boolean {
    return (this.#costs.get(key) ?? 0) > SLOW_QUERY_INSTRUCTIONS;
  }

  /** After this, the canister's query may be sent to the sandbox; answers what `leave` needs. */
  *enter(key: string): Fiber<boolean> {
    while (!this.#admits(key)) {
      const signal = `query gate ${this.#signals++}`;
      this.#waiting.push({ key, signal });
      yield* until(signal);
    }
    const isSlow = this.isSlow(key);
    this.#running += 1;
    if (isSlow) this.#slowRunning += 1;
    this.#inside.set(key, (this.#inside.get(key) ?? 0) + 1);
    return isSlow;
  }

  leave(key: string, wasSlow: boolean, instructions: bigint): void {
    this.#running -= 1;
    if (wasSlow) this.#slowRunning -= 1;
    const inside = (this.#inside.get(key) ?? 1) - 1;
    if (inside === 0) this.#inside.delete(key);
    else this.#inside.set(key, inside);
    this.spend(key, instructions);
    this.release();
  }

  /** Remembers what a query cost. */
  spend(key: string, instructions: bigint): void {
    this.#costs.set(key, Math.max(Number(instructions), (this.#costs.get(key) ?? 0) * DECAY));
  }

  /** Lets in who may enter now, in order. */
  release(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [index, one] of waiting.entries()) {
      if (this.#running >= QUERIES_IN_SANDBOX) {
        this.#waiting = [...this.#waiting, ...waiting.slice(index)];
        return;
      }
      if (this.#admits(one.key)) this.#raise(one.signal);
      else this.#waiting.push(one);
    }
  }

  #admits(key: string): boolean {
    if (this.#running >= QUERIES_IN_SANDBOX) return false;
    if ((this.#inside.get(key) ?? 0) >= QUERIES_PER_CANISTER) return false;
    return !this.isSlow(key) || (this.#slowRunning === 0 && !this.#isApplying());
  }
}
