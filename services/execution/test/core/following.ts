// A follower beside an execution: it hears what each height changed and reads a store that is as far as the test says.
import type { BatchExecuted, Message } from '@internode/contracts';
import { assert, toHex, utf8 } from '@internode/prelude';
import type { ExecutionEffect } from '../../src/core/fibers.ts';
import { FollowerCore } from '../../src/core/follower/follower.ts';
import { Lives } from '../../src/core/lives.ts';
import { createInPlaceSandbox } from '../../src/sandbox/in-place.ts';
import { inflate } from '../sandbox/support.ts';
import { type CallOptions, type Result, SUBNET, throughWire, USER } from './replica.ts';
import { Store } from './store.ts';

export class Following {
  readonly store = new Store();
  readonly said: Message[] = [];
  readonly core: Lives<FollowerCore>;
  /** Answers of the store that wait until the test lets them through. */
  holds: (answer: Message) => boolean = () => false;
  readonly #held: Message[] = [];
  readonly #sandbox = createInPlaceSandbox({ inflate });
  readonly #timers = new Map<string, number>();
  readonly #inbox: (() => readonly ExecutionEffect[])[] = [];
  #ms = 0;
  #queries = 0;

  constructor(stored: readonly BatchExecuted[] = []) {
    for (const executed of stored) this.store.apply(executed);
    const config = { subnetId: SUBNET, subnetNodes: 1, rootKeyDer: new Uint8Array(133).fill(7) };
    const seed = new Uint8Array(32).fill(1);
    this.core = new Lives({ ...config, seed }, (one) => new FollowerCore(one));
    this.#offer({ kind: 'started' });
    this.settle();
  }

  get height(): number {
    return this.core.life.view().height;
  }

  hear(message: Message): void {
    this.#offer({ kind: 'message', message: throughWire(message), sender: 'test' });
    this.settle();
  }

  /** State has stored the height and says so. */
  commit(executed: BatchExecuted): void {
    this.store.apply(executed);
    this.hear({ kind: 'StateCommitted', height: executed.height, durable: true });
  }

  release(): void {
    for (const answer of this.#held.splice(0)) this.hear(answer);
  }

  ask(
    canisterId: Uint8Array,
    methodName: string,
    options: CallOptions & { readonly minHeight?: number } = {},
  ): Uint8Array {
    const queryId = utf8(`follower ${this.#queries++}`.padEnd(16));
    const { sender = USER, argument = new Uint8Array(), minHeight } = options;
    this.hear({
      kind: 'ExecuteQuery',
      queryId,
      canisterId,
      methodName,
      sender,
      argument,
      minHeight,
    });
    return queryId;
  }

  answerTo(queryId: Uint8Array): Result | undefined {
    const answer = this.heard('QueryAnswered').find((one) => toHex(one.queryId) === toHex(queryId));
    if (answer === undefined) return undefined;
    const { outcome } = answer;
    return outcome.kind === 'reply'
      ? { kind: 'reply', reply: outcome.reply.content }
      : { kind: 'reject', refusal: outcome.refusal };
  }

  query(canisterId: Uint8Array, methodName: string, options: CallOptions = {}): Result {
    const answer = this.answerTo(this.ask(canisterId, methodName, options));
    assert(answer !== undefined, 'the query was not answered');
    return answer;
  }

  heard<Kind extends Message['kind']>(kind: Kind): Extract<Message, { kind: Kind }>[] {
    return this.said.filter((message) => message.kind === kind) as Extract<
      Message,
      { kind: Kind }
    >[];
  }

  elapse(ms: number): void {
    const endMs = this.#ms + ms;
    for (;;) {
      const [due] = [...this.#timers].sort(([, a], [, b]) => a - b);
      if (due === undefined || due[1] > endMs) break;
      this.#timers.delete(due[0]);
      this.#ms = Math.max(this.#ms, due[1]);
      this.#offer({ kind: 'timer', token: due[0] });
      this.settle();
    }
    this.#ms = endMs;
  }

  settle(): void {
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift())
      for (const effect of next()) this.#perform(effect);
  }

  #offer(input: Parameters<Lives<FollowerCore>['step']>[1]): void {
    const now = { ms: this.#ms, unixNanos: 0n };
    this.#inbox.push(() => this.core.step(now, input));
  }

  #perform(effect: ExecutionEffect): void {
    if (effect.kind === 'wait') this.#timers.set(effect.token, this.#ms + effect.delayMs);
    else if (effect.kind === 'cancel') this.#timers.delete(effect.token);
    else if (effect.kind === 'publish') this.#publish(throughWire(effect.message));
    else if (effect.kind === 'solve')
      this.#sandbox.solve(structuredClone(effect.task), (answer) =>
        this.#offer({ kind: 'solved', id: effect.id, answer: structuredClone(answer) }),
      );
  }

  #publish(message: Message): void {
    this.said.push(message);
    const answer = this.store.answer(message);
    if (answer === undefined) return;
    const told = throughWire(answer);
    if (this.holds(told)) this.#held.push(told);
    else this.#offer({ kind: 'message', message: told, sender: 'state' });
  }
}
