/**
 * Lives of a core that can begin anew: of an execution, and of a follower of it.
 *
 * When state holds a height that was not executed here, it was fetched from peers: no batches lead from this tip to that
 * one. The tip, what waits and the sandbox's canisters are dropped, and another life begins as after a start, with a
 * session of its own.
 */
import type { Core, Input, Instant } from '@internode/actor';
import { sha256 } from '@internode/encoding';
import { concatBytes, utf8 } from '@internode/prelude';
import type { Answer, Task } from '../sandbox/interface.ts';
import type { ExecutionEvent } from './event.ts';
import { ExecutionCore, type ExecutionCoreConfig } from './execution.ts';
import type { ExecutionEffect } from './fibers.ts';

/** One life. */
export interface LifeCore extends Core<Task, Answer, ExecutionEvent> {
  /** State holds this height, which did not come from us: another life begins. */
  isBehind(height: number): boolean;
  /** Nothing leads on from here: another life begins. */
  readonly isLost: boolean;
}

export class Lives<One extends LifeCore> implements Core<Task, Answer, ExecutionEvent> {
  readonly #config: ExecutionCoreConfig;
  readonly #born: (config: ExecutionCoreConfig) => One;
  #life: One;
  /** Before names of tasks and timers, so that those of an earlier life are known; '' in the first. */
  #prefix = '';
  #count = 0;

  constructor(config: ExecutionCoreConfig, born: (config: ExecutionCoreConfig) => One) {
    this.#config = config;
    this.#born = born;
    this.#life = born(config);
  }

  /** The present one. */
  get life(): One {
    return this.#life;
  }

  step(now: Instant, input: Input<Answer>): readonly ExecutionEffect[] {
    if (input.kind === 'message') {
      const { message } = input;
      const hasJumped = message.kind === 'StateCommitted' && this.#life.isBehind(message.height);
      if (hasJumped) return this.#begin(now);
    }
    const own = this.#unnamed(input);
    if (own === undefined) return [];
    const effects = this.#named(this.#life.step(now, own));
    return this.#life.isLost ? [...effects, ...this.#begin(now)] : effects;
  }

  #begin(now: Instant): readonly ExecutionEffect[] {
    this.#count += 1;
    this.#prefix = `${this.#count}/`;
    const seed = sha256(concatBytes(this.#config.seed, utf8(this.#prefix)));
    this.#life = this.#born({ ...this.#config, seed });
    const reset: ExecutionEffect = { kind: 'solve', id: 'reset', task: { kind: 'reset' } };
    return [reset, ...this.#named(this.#life.step(now, { kind: 'started' }))];
  }

  #named(effects: readonly ExecutionEffect[]): readonly ExecutionEffect[] {
    if (this.#count === 0) return effects;
    return effects.map((effect) => {
      if (effect.kind === 'solve') return { ...effect, id: this.#prefix + effect.id };
      if (effect.kind === 'wait' || effect.kind === 'cancel') {
        return { ...effect, token: this.#prefix + effect.token };
      }
      return effect;
    });
  }

  /** Undefined for what an earlier life asked for. */
  #unnamed(input: Input<Answer>): Input<Answer> | undefined {
    if (input.kind === 'solved') {
      const id = this.#own(input.id);
      return id === undefined ? undefined : { ...input, id };
    }
    if (input.kind !== 'timer') return input;
    const token = this.#own(input.token);
    return token === undefined ? undefined : { ...input, token };
  }

  #own(name: string): string | undefined {
    return name.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : undefined;
  }
}

export class ExecutionLives extends Lives<ExecutionCore> {
  constructor(config: ExecutionCoreConfig) {
    super(config, (one) => new ExecutionCore(one));
  }

  /** For tests and status. */
  view(): ReturnType<ExecutionCore['view']> {
    return this.life.view();
  }
}
