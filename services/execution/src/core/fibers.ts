/**
 * Work that spans several steps, written straight: a fiber is a generator that yields what it asks
 * for and is resumed with the answer. Generators are synchronous, so a step stays a step; between
 * steps all state is whole.
 *
 * 1. A fiber waits for exactly one ask at a time.
 * 2. What the bus may lose is asked again every ASK_AGAIN_MS until it comes; repeated answers are
 *    ignored.
 * 3. Solver answers come once; nothing else depends on their order.
 * 4. A task that met absent pages is done again once they are supplied; fibers see only its answer.
 */
import type { Effect } from '@internode/actor';
import type { Message, MessageKind } from '@internode/contracts';
import { assert } from '@internode/prelude';
import { ASK_AGAIN_MS } from '../limits.ts';
import type { Absent, Answer, SeriesStep, Task } from '../sandbox/interface.ts';
import type { ExecutionEvent } from './event.ts';

export type Ask =
  /** All at once; answers in the order of the tasks. */
  | { readonly kind: 'solve'; readonly tasks: readonly Task[] }
  /** Say `message` until an answer with this key is told. */
  | { readonly kind: 'fetch'; readonly message: Message; readonly key: string }
  /** Until `raise(signal)`, or for `timeoutMs` if given. */
  | { readonly kind: 'until'; readonly signal: string; readonly timeoutMs?: number };

type Told = readonly Answer[] | Message | undefined;
export type Fiber<T = void> = Generator<Ask, T, Told>;
export type ExecutionEffect = Effect<Task, ExecutionEvent>;

export function* solveAll(tasks: readonly Task[]): Fiber<readonly Answer[]> {
  if (tasks.length === 0) return [];
  return (yield { kind: 'solve', tasks }) as readonly Answer[];
}

export function* solve(task: Task): Fiber<Answer> {
  const answers = (yield { kind: 'solve', tasks: [task] }) as readonly Answer[];
  return answers[0] as Answer;
}

/** Solves and asserts the kind of the answer. */
export function* solveFor<Kind extends Answer['kind']>(
  kind: Kind,
  task: Task,
): Fiber<Extract<Answer, { kind: Kind }>> {
  const answer = yield* solve(task);
  assert(answer.kind === kind, `sandbox answered ${answer.kind} to ${task.kind}`);
  return answer as Extract<Answer, { kind: Kind }>;
}

export function* askFor<Kind extends MessageKind>(
  _answer: Kind,
  message: Message,
  key: string,
): Fiber<Extract<Message, { kind: Kind }>> {
  return (yield { kind: 'fetch', message, key }) as Extract<Message, { kind: Kind }>;
}

export function* until(signal: string, timeoutMs?: number): Fiber {
  yield timeoutMs === undefined ? { kind: 'until', signal } : { kind: 'until', signal, timeoutMs };
}

interface Solving {
  readonly fiber: Fiber;
  readonly answers: (Answer | undefined)[];
  missing: number;
}

/** One task of a group. */
interface Asked {
  readonly group: Solving;
  readonly index: number;
  /** How often it met absent pages. */
  readonly met: number;
  /** Of a series, done before it met them. */
  readonly steps: readonly SeriesStep[];
}

interface Fetching {
  readonly message: Message;
  readonly fibers: Fiber[];
}

interface Waiting {
  readonly id: string;
  readonly signal: string;
  readonly fiber: Fiber;
  readonly isTimed: boolean;
}

/** Supplies what was absent; told how often the task met something absent before. */
export type Supply = (absent: Absent, met: number) => Fiber;

function joined(before: readonly SeriesStep[], answer: Answer): Answer {
  if (answer.kind !== 'series' || before.length === 0) return answer;
  return { kind: 'series', steps: [...before, ...answer.steps] };
}

export class Fibers {
  readonly #emit: (effect: ExecutionEffect) => void;
  readonly #supply: Supply;
  readonly #solving = new Map<string, Asked>();
  readonly #fetching = new Map<string, Fetching>();
  readonly #waiting = new Map<string, Waiting[]>();
  /** Those with a time limit, by id. */
  readonly #timed = new Map<string, Waiting>();
  #nextId = 0;

  constructor(emit: (effect: ExecutionEffect) => void, supply: Supply) {
    this.#emit = emit;
    this.#supply = supply;
  }

  start(fiber: Fiber): void {
    this.#resume(fiber, undefined);
  }

  solved(id: string, answer: Answer): void {
    const entry = this.#solving.get(id);
    if (entry === undefined) return;
    this.#solving.delete(id);
    if (answer.kind === 'absent') return this.start(this.#again(entry, answer));
    const { group, index } = entry;
    group.answers[index] = joined(entry.steps, answer);
    group.missing -= 1;
    if (group.missing === 0) this.#resume(group.fiber, group.answers as Answer[]);
  }

  /** An answer from the bus. */
  told(key: string, message: Message): void {
    const entry = this.#fetching.get(key);
    if (entry === undefined) return;
    this.#fetching.delete(key);
    this.#emit({ kind: 'cancel', token: `fetch ${key}` });
    for (const fiber of entry.fibers) this.#resume(fiber, message);
  }

  /** A `wait` of ours is over; false when the token is someone else's. */
  timer(token: string): boolean {
    const [kind, key] = [token.slice(0, 6), token.slice(6)];
    if (kind === 'fetch ') {
      const entry = this.#fetching.get(key);
      if (entry !== undefined) this.#say(key, entry.message);
      return true;
    }
    if (kind !== 'until ') return false;
    const waiting = this.#timed.get(key);
    if (waiting === undefined) return true;
    this.#timed.delete(key);
    const rest = this.#waiting.get(waiting.signal)?.filter((other) => other !== waiting) ?? [];
    if (rest.length > 0) this.#waiting.set(waiting.signal, rest);
    else this.#waiting.delete(waiting.signal);
    this.#resume(waiting.fiber, undefined);
    return true;
  }

  /** Resumes all that wait for the signal, oldest first. */
  raise(signal: string): void {
    const ready = this.#waiting.get(signal) ?? [];
    this.#waiting.delete(signal);
    for (const { id, isTimed } of ready) {
      if (isTimed && this.#timed.delete(id)) this.#emit({ kind: 'cancel', token: `until ${id}` });
    }
    for (const { fiber } of ready) this.#resume(fiber, undefined);
  }

  #resume(fiber: Fiber, told: Told): void {
    const next = fiber.next(told);
    if (next.done === true) return;
    const ask = next.value;
    if (ask.kind === 'solve') return this.#solve(fiber, ask.tasks);
    if (ask.kind === 'fetch') return this.#askFor(fiber, ask);
    this.#park(fiber, ask);
  }

  #park(fiber: Fiber, { signal, timeoutMs }: Extract<Ask, { kind: 'until' }>): void {
    const id = String(this.#nextId++);
    const waiting = { id, signal, fiber, isTimed: timeoutMs !== undefined };
    const others = this.#waiting.get(signal);
    if (others === undefined) this.#waiting.set(signal, [waiting]);
    else others.push(waiting);
    if (timeoutMs === undefined) return;
    this.#timed.set(id, waiting);
    this.#emit({ kind: 'wait', token: `until ${id}`, delayMs: timeoutMs });
  }

  #solve(fiber: Fiber, tasks: readonly Task[]): void {
    const group: Solving = {
      fiber,
      answers: tasks.map(() => undefined),
      missing: tasks.length,
    };
    tasks.forEach((task, index) => {
      this.#give({ group, index, met: 0, steps: [] }, task);
    });
  }

  #give(asked: Asked, task: Task): void {
    const id = String(this.#nextId++);
    this.#solving.set(id, asked);
    this.#emit({ kind: 'solve', id, task });
  }

  *#again(asked: Asked, absent: Absent): Fiber {
    const { met, steps } = asked;
    yield* this.#supply(absent, met);
    this.#give({ ...asked, met: met + 1, steps: [...steps, ...absent.steps] }, absent.rest);
  }

  #askFor(fiber: Fiber, { key, message }: { key: string; message: Message }): void {
    const known = this.#fetching.get(key);
    if (known !== undefined) {
      known.fibers.push(fiber);
      return;
    }
    this.#fetching.set(key, { message, fibers: [fiber] });
    this.#say(key, message);
  }

  #say(key: string, message: Message): void {
    this.#emit({ kind: 'publish', message });
    this.#emit({ kind: 'wait', token: `fetch ${key}`, delayMs: ASK_AGAIN_MS });
  }
}
