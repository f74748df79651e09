/**
 * One execution core with the real sandbox and a small store in place of the state service: enough
 * of a world to make blocks, ask queries, lose messages and restart.
 */
import type { Instant } from '@internode/actor';
import type {
  BatchExecuted,
  BatchReady,
  Ingress,
  IngressInspected,
  Message,
  Refusal,
  SubnetRecord,
  TipAdvanced,
} from '@internode/contracts';
import { CONTRACTS } from '@internode/contracts';
import { decodeCborMap, encodeCbor, requestIdOf } from '@internode/encoding';
import { assert, fromHex, toHex, utf8 } from '@internode/prelude';
import type { ExecutionEvent } from '../../src/core/event.ts';
import type { ExecutionEffect } from '../../src/core/fibers.ts';
import { ExecutionLives } from '../../src/core/lives.ts';
import { createInPlaceSandbox } from '../../src/sandbox/in-place.ts';
import type { Answer, Task } from '../../src/sandbox/interface.ts';
import { inflate } from '../sandbox/support.ts';
import { Store } from './store.ts';

export { Store };

export const USER = fromHex(`${'aa'.repeat(28)}02`);
export const STRANGER = fromHex(`${'cc'.repeat(28)}02`);
export const SUBNET = fromHex(`${'bb'.repeat(28)}02`);
const NOTHING = new Uint8Array(0);
export const SECOND = 1_000_000_000n;
export const GENESIS = 1_700_000_000n * SECOND;

export type Result =
  | { readonly kind: 'reply'; readonly reply: Uint8Array }
  | { readonly kind: 'reject'; readonly refusal: Refusal };

export interface CallOptions {
  readonly sender?: Uint8Array;
  readonly argument?: Uint8Array;
  readonly effectiveCanisterId?: Uint8Array;
  readonly expiryNanos?: bigint;
}

export interface ReplicaOptions {
  readonly store?: Store;
  readonly record?: SubnetRecord;
  /** True to lose this message of the core. */
  readonly loses?: (message: Message) => boolean;
  /** Answers of the sandbox in reverse order, late. */
  readonly lateAnswers?: boolean;
  /** The sandbox is given so many calls of a series at most. */
  readonly seriesMax?: number;
  /** False to hand values over as they are, for measurements. */
  readonly copies?: boolean;
}

export class Replica {
  readonly store: Store;
  readonly core: ExecutionLives;
  readonly said: Message[] = [];
  readonly events: ExecutionEvent[] = [];
  readonly executed: BatchExecuted[] = [];
  /** Tasks of the core so far. */
  trips = 0;
  timeNanos = GENESIS;
  certificate: Uint8Array | undefined;
  readonly #sandbox = createInPlaceSandbox({ inflate });
  readonly #options: ReplicaOptions;
  readonly #timers = new Map<string, number>();
  readonly #inbox: (() => readonly ExecutionEffect[])[] = [];
  readonly #answers: (() => void)[] = [];
  #ms = 0;

  constructor(options: ReplicaOptions = {}) {
    this.#options = options;
    this.store = options.store ?? new Store();
    if (this.store.height > 0) this.timeNanos = this.store.timeNanos;
    this.core = new ExecutionLives({
      subnetId: SUBNET,
      subnetNodes: 1,
      rootKeyDer: new Uint8Array(133).fill(7),
      seed: new Uint8Array(32),
      ...(options.record !== undefined && { record: options.record }),
    });
    this.#offer({ kind: 'started' });
    this.settle();
  }

  get now(): Instant {
    return { ms: this.#ms, unixNanos: this.timeNanos };
  }

  restart(options: ReplicaOptions = {}): Replica {
    return new Replica({ ...options, store: this.store });
  }

  hear(message: Message): void {
    this.#offer({ kind: 'message', message: throughWire(message), sender: 'test' });
    this.settle();
  }

  /** Everything that needs no time. */
  settle(): void {
    for (;;) {
      const next = this.#inbox.shift();
      if (next !== undefined) {
        for (const effect of next()) this.#perform(effect);
        continue;
      }
      const answer = this.#answers.pop();
      if (answer === undefined) return;
      answer();
    }
  }

  /** Lets time pass, with all timers. */
  elapse(ms: number): void {
    const endMs = this.#ms + ms;
    for (;;) {
      const due = [...this.#timers]
        .filter(([, at]) => at <= endMs)
        .sort(([, a], [, b]) => a - b)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#ms = Math.max(this.#ms, due[1]);
      this.#offer({ kind: 'timer', token: due[0] });
      this.settle();
    }
    this.#ms = endMs;
  }

  ingress(canisterId: Uint8Array, method: string, options: CallOptions = {}): Ingress {
    const expiryNanos = options.expiryNanos ?? this.timeNanos + 240n * SECOND;
    const content = {
      request_type: 'call',
      sender: options.sender ?? USER,
      ingress_expiry: expiryNanos,
      nonce: utf8(`nonce ${this.store.nonces++}`),
      canister_id: canisterId,
      method_name: method,
      arg: options.argument ?? NOTHING,
    };
    const envelope = encodeCbor({ content });
    const decoded = decodeCborMap(encodeCbor(content));
    assert(decoded.kind === 'valid', 'content');
    const requestId = requestIdOf(decoded.value);
    assert(requestId.kind === 'valid', 'request id');
    return {
      requestId: requestId.value,
      envelope,
      expiryNanos,
      effectiveCanisterId: options.effectiveCanisterId ?? canisterId,
    };
  }

  /** One block of these calls, `afterNanos` after the one before. */
  block(ingress: readonly Ingress[] = [], afterNanos = SECOND): BatchExecuted {
    this.timeNanos += afterNanos;
    const before = this.executed.length;
    this.hear(this.batch(ingress));
    assert(this.executed.length === before + 1, 'the batch was not executed');
    return this.executed[before] as BatchExecuted;
  }

  batch(ingress: readonly Ingress[] = [], height = this.store.height + 1): BatchReady {
    const randomness = new Uint8Array(32).fill(height);
    const blockHash = new Uint8Array(32).fill(height % 251);
    return {
      kind: 'BatchReady',
      height,
      timeNanos: this.timeNanos,
      randomness,
      blockHash,
      ingress,
    };
  }

  /** A call with as many blocks as its answer takes. */
  call(canisterId: Uint8Array, method: string, options: CallOptions = {}): Result {
    const ingress = this.ingress(canisterId, method, options);
    this.block([ingress]);
    return this.await(ingress);
  }

  await(ingress: Ingress): Result {
    for (let blocks = 0; blocks < 20; blocks++) {
      const result = this.status(ingress);
      if (result.kind !== 'open') return result;
      this.block();
    }
    throw new Error('no answer in 20 blocks');
  }

  status(ingress: Ingress): Result | { readonly kind: 'open'; readonly status: string } {
    const request = this.store.requests.get(toHex(ingress.requestId));
    if (request?.status === 'replied') return { kind: 'reply', reply: request.reply };
    if (request?.status !== 'rejected')
      return { kind: 'open', status: request?.status ?? 'unknown' };
    return { kind: 'reject', refusal: request.refusal as Refusal };
  }

  query(canisterId: Uint8Array, methodName: string, options: CallOptions = {}): Result {
    const queryId = utf8(`query ${this.store.nonces++}`.padEnd(16));
    this.hear({
      kind: 'ExecuteQuery',
      queryId,
      canisterId,
      methodName,
      sender: options.sender ?? USER,
      argument: options.argument ?? NOTHING,
    });
    return this.answerTo(queryId);
  }

  answerTo(queryId: Uint8Array): Result {
    const answer = this.heard('QueryAnswered').find((one) => toHex(one.queryId) === toHex(queryId));
    assert(answer !== undefined, 'the query was not answered');
    if (answer.outcome.kind === 'reply')
      return { kind: 'reply', reply: answer.outcome.reply.content };
    return { kind: 'reject', refusal: answer.outcome.refusal };
  }

  /** undefined = accepted. */
  inspect(
    canisterId: Uint8Array,
    methodName: string,
    options: CallOptions = {},
  ): Refusal | undefined {
    return this.inspected(utf8(`inspect ${this.store.nonces++}`.padEnd(32)), canisterId, {
      ...options,
      methodName,
    }).refusal;
  }

  inspected(
    requestId: Uint8Array,
    canisterId: Uint8Array,
    options: CallOptions & { readonly methodName: string },
  ): IngressInspected {
    const { methodName } = options;
    this.hear({
      kind: 'InspectIngress',
      requestId,
      canisterId,
      methodName,
      sender: options.sender ?? USER,
      argument: options.argument ?? NOTHING,
      effectiveCanisterId: options.effectiveCanisterId ?? canisterId,
    });
    const answers = this.heard('IngressInspected');
    const answer = answers.findLast((one) => toHex(one.requestId) === toHex(requestId));
    assert(answer !== undefined, 'the inspection was not answered');
    return answer;
  }

  heard<Kind extends Message['kind']>(kind: Kind): Extract<Message, { kind: Kind }>[] {
    return this.said.filter((message) => message.kind === kind) as Extract<
      Message,
      { kind: Kind }
    >[];
  }

  advanced(): TipAdvanced {
    return this.heard('TipAdvanced').at(-1) as TipAdvanced;
  }

  #offer(input: Parameters<ExecutionLives['step']>[1]): void {
    this.#inbox.push(() => this.core.step(this.now, input));
  }

  #perform(effect: ExecutionEffect): void {
    switch (effect.kind) {
      case 'publish':
        return this.#publish(throughWire(effect.message));
      case 'wait':
        this.#timers.set(effect.token, this.#ms + effect.delayMs);
        return;
      case 'cancel':
        this.#timers.delete(effect.token);
        return;
      case 'solve':
        return this.#solve(effect.id, effect.task);
      case 'observe':
        this.events.push(effect.event);
        return;
      default:
        throw new Error(`execution journals nothing: ${effect.kind}`);
    }
  }

  #publish(message: Message): void {
    if (this.#options.loses?.(message)) return;
    this.said.push(message);
    if (message.kind === 'BatchExecuted' && message.height > this.store.height) {
      this.executed.push(message);
      this.store.apply(message);
      this.#offer({
        kind: 'message',
        message: { kind: 'StateCommitted', height: message.height, durable: true },
        sender: 'state',
      });
    }
    if (message.kind === 'ReadDataCertificate' && this.certificate !== undefined) {
      const { readId } = message;
      const answer = {
        kind: 'DataCertificateRead',
        readId,
        height: this.store.height,
        certificate: this.certificate,
      } as const;
      this.#offer({ kind: 'message', message: answer, sender: 'state' });
    }
    const answer = this.store.answer(message);
    if (answer !== undefined)
      this.#offer({ kind: 'message', message: throughWire(answer), sender: 'state' });
  }

  #cut(task: Task): Task {
    const { seriesMax } = this.#options;
    if (task.kind !== 'series' || seriesMax === undefined) return task;
    return { ...task, then: task.then.slice(0, seriesMax - 1) };
  }

  #solve(id: string, whole: Task): void {
    this.trips += 1;
    const task = this.#cut(whole);
    // As a worker would see it: a copy.
    const copy = <T>(value: T): T =>
      this.#options.copies === false ? value : structuredClone(value);
    this.#sandbox.solve(copy(task), (answer: Answer) => {
      const deliver = (): void => this.#offer({ kind: 'solved', id, answer: copy(answer) });
      if (this.#options.lateAnswers === true) this.#answers.push(deliver);
      else deliver();
    });
  }
}

/** Encoded and decoded, as every bus does. */
export function throughWire(message: Message): Message {
  const contract = CONTRACTS[message.kind] as unknown as {
    encode(message: Message): Uint8Array;
    decode(bytes: Uint8Array): { kind: string; value?: Message };
  };
  const decoded = contract.decode(contract.encode(message));
  assert(decoded.value !== undefined, `${message.kind} does not survive the wire`);
  return decoded.value;
}

export const MANAGEMENT = NOTHING;
