// For edges only (gateway, tests, the command): a question over two subjects and a key. Cores never wait for answers.
import type { Message, MessageKind } from '@internode/contracts';
import { messageIn } from './handed.ts';
import type { Cancel, Ports } from './ports.ts';
import { NO_CONTEXT, Voice } from './voice.ts';

export type MessageOf<Kind extends MessageKind> = Extract<Message, { kind: Kind }>;

/** For each kind of answer: which question it belongs to, as text. */
export type KeyOf = {
  readonly [Kind in MessageKind]?: (answer: MessageOf<Kind>) => string;
};

export interface CallerOptions {
  readonly name: string;
  readonly ports: Pick<Ports, 'bus' | 'clock' | 'entropy' | 'place'>;
  /** Kinds that answer, each with the key that its question was asked under. */
  readonly keyOf: KeyOf;
  /** Questions open at once; one more is answered `busy` at once. */
  readonly pendingMax: number;
}

export interface Question {
  readonly message: Message;
  /** Equal to what `keyOf` finds in the answer. Several may wait under one key: all are answered. */
  readonly key: string;
  readonly deadlineMs: number;
  /** Said again when no answer came in that time: how long for each further time. */
  readonly againMs?: readonly number[];
  readonly traceparent?: string;
}

export type Asked =
  | { readonly kind: 'answered'; readonly message: Message }
  | { readonly kind: 'late' }
  | { readonly kind: 'busy' };

const NOTHING: Cancel = () => {};

interface Waiter {
  readonly question: Question;
  readonly resolve: (asked: Asked) => void;
  cancel: Cancel;
  /** How often it was said again. */
  again: number;
}

export class Caller {
  readonly #options: CallerOptions;
  readonly #voice: Voice;
  readonly #waiters = new Map<string, Waiter[]>();
  readonly #subscriptions: Cancel[] = [];
  #pending = 0;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#voice = new Voice(options.name, options.ports);
    for (const kind of Object.keys(options.keyOf) as MessageKind[]) {
      const keyOf = options.keyOf[kind] as (answer: Message) => string;
      this.listen(kind, (message) => this.#settle(keyOf(message), { kind: 'answered', message }));
    }
  }

  /** Questions that wait. */
  get pending(): number {
    return this.#pending;
  }

  /** Never rejects. The bus is weak: `late` may mean that question or answer was lost. */
  ask(question: Question): Promise<Asked> {
    if (this.#pending >= this.#options.pendingMax) return Promise.resolve({ kind: 'busy' });
    return new Promise((resolve) => {
      const waiter: Waiter = { question, resolve, cancel: NOTHING, again: 0 };
      const waiters = this.#waiters.get(question.key);
      if (waiters === undefined) this.#waiters.set(question.key, [waiter]);
      else waiters.push(waiter);
      this.#pending += 1;
      this.#say(waiter, question.deadlineMs);
    });
  }

  /** Publishes without waiting for anything. */
  tell(message: Message, traceparent = ''): void {
    this.#voice.publish(message, { cause: NO_CONTEXT.cause, traceparent });
  }

  /** Hears every message of a kind until cancelled or closed; malformed ones are dropped. */
  listen<Kind extends MessageKind>(
    kind: Kind,
    deliver: (message: MessageOf<Kind>, traceparent: string) => void,
  ): Cancel {
    const { bus } = this.#options.ports;
    const cancel = bus.subscribe(this.#voice.subjectOf(kind), (envelope) => {
      const verdict = messageIn(envelope, kind);
      if (verdict.kind === 'valid') deliver(verdict.value as MessageOf<Kind>, envelope.traceparent);
    });
    this.#subscriptions.push(cancel);
    return cancel;
  }

  /** Stops hearing; whoever still waits is told `late`. */
  close(): void {
    for (const cancel of this.#subscriptions.splice(0)) cancel();
    for (const key of [...this.#waiters.keys()]) this.#settle(key, { kind: 'late' });
  }

  #settle(key: string, asked: Asked): void {
    const waiters = this.#waiters.get(key);
    if (waiters === undefined) return;
    this.#waiters.delete(key);
    this.#pending -= waiters.length;
    for (const { cancel, resolve } of waiters) {
      cancel();
      resolve(asked);
    }
  }

  #say(waiter: Waiter, withinMs: number): void {
    const { message, traceparent } = waiter.question;
    waiter.cancel = this.#options.ports.clock.after(withinMs, () => this.#late(waiter));
    this.tell(message, traceparent);
  }

  #late(waiter: Waiter): void {
    const { key, againMs } = waiter.question;
    const withinMs = againMs?.[waiter.again];
    waiter.again += 1;
    if (withinMs !== undefined) return this.#say(waiter, withinMs);
    const waiters = this.#waiters.get(key);
    const at = waiters?.indexOf(waiter) ?? -1;
    if (waiters === undefined || at < 0) return;
    if (waiters.length === 1) this.#waiters.delete(key);
    else waiters.splice(at, 1);
    this.#pending -= 1;
    waiter.resolve({ kind: 'late' });
  }
}
