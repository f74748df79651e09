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
  readonly traceparent?: string;
}

export type Asked =
  | { readonly kind: 'answered'; readonly message: Message }
  | { readonly kind: 'late' }
  | { readonly kind: 'busy' };

export class Caller {
  readonly #options: CallerOptions;
  readonly #voice: Voice;
  readonly #waiters = new Map<string, Set<(asked: Asked) => void>>();
  readonly #subscriptions: Cancel[] = [];
  #pending = 0;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#voice = new Voice(options.name, options.ports);
    for (const kind of Object.keys(options.keyOf) as MessageKind[]) {
      const keyOf = options.keyOf[kind] as (answer: Message) => string;
      this.listen(kind, (message) => this.#settle(keyOf(message), message));
    }
  }

  /** Questions that wait. */
  get pending(): number {
    return this.#pending;
  }

  /** Never rejects. The bus is weak: `late` may mean that question or answer was lost. */
  ask(question: Question): Promise<Asked> {
    const { clock } = this.#options.ports;
    if (this.#pending >= this.#options.pendingMax) return Promise.resolve({ kind: 'busy' });
    return new Promise((resolve) => {
      const settle = (asked: Asked): void => {
        cancel();
        this.#forget(question.key, settle);
        resolve(asked);
      };
      const cancel = clock.after(question.deadlineMs, () => settle({ kind: 'late' }));
      let waiters = this.#waiters.get(question.key);
      if (waiters === undefined) {
        waiters = new Set();
        this.#waiters.set(question.key, waiters);
      }
      waiters.add(settle);
      this.#pending += 1;
      this.tell(question.message, question.traceparent);
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
    for (const waiters of [...this.#waiters.values()]) {
      for (const settle of [...waiters]) settle({ kind: 'late' });
    }
  }

  #settle(key: string, message: Message): void {
    const waiters = this.#waiters.get(key);
    if (waiters === undefined) return;
    for (const settle of [...waiters]) settle({ kind: 'answered', message });
  }

  #forget(key: string, settle: (asked: Asked) => void): void {
    const waiters = this.#waiters.get(key);
    if (!waiters?.delete(settle)) return;
    this.#pending -= 1;
    if (waiters.size === 0) this.#waiters.delete(key);
  }
}
