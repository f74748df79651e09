import type { Effect } from '@internode/actor';
import type { Message } from '@internode/contracts';
import type { StateEvent } from './event.ts';
import type { StateTask } from './task.ts';

export type StateEffect = Effect<StateTask, StateEvent>;

/** The effects of one step, in order. */
export class Outbox {
  #effects: StateEffect[] = [];

  take(): readonly StateEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  say(message: Message): void {
    this.#effects.push({ kind: 'publish', message });
  }

  observe(event: StateEvent): void {
    this.#effects.push({ kind: 'observe', event });
  }

  ignore(message: string, reason: string): void {
    this.observe({ kind: 'MessageIgnored', message, reason });
  }

  wait(token: string, delayMs: number): void {
    this.#effects.push({ kind: 'wait', token, delayMs });
  }

  cancel(token: string): void {
    this.#effects.push({ kind: 'cancel', token });
  }

  solve(id: string, task: StateTask): void {
    this.#effects.push({ kind: 'solve', id, task });
  }
}
