/**
 * Queries on the newest executed state (interface-spec 1.11, 5.11): answered here, never changing
 * anything.
 *
 * Plain queries run between the messages of a batch. Composite queries call other canisters and
 * must see one state throughout: they start only between batches, and no batch starts while one
 * runs; a waiting batch goes before new ones.
 */
import type { ExecuteQuery, Refusal } from '@internode/contracts';
import { isManagement } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { COMPOSITE_QUERIES, INSTRUCTIONS, QUERIES } from '../limits.ts';
import type { Context, Executed } from '../sandbox/interface.ts';
import type { Canister } from './canister.ts';
import { Certificates } from './certificates.ts';
import { CompositeQuery } from './composite-query.ts';
import { baseContext } from './context.ts';
import type { ExecutionEffect, Fiber, Fibers } from './fibers.ts';
import { solveFor } from './fibers.ts';
import type { EnsureOpen } from './loading.ts';
import { managementQuery } from './management/query.ts';
import type { Outcome } from './messages.ts';
import type { QueryGate } from './query-gate.ts';
import { queryOutcome, queryProblem } from './query-outcome.ts';
import { canisterNotFound, refuse } from './refusals.ts';
import { refusalOf, reject } from './responding.ts';
import type { Subnet } from './subnet.ts';

export interface Room {
  readonly subnet: Subnet;
  readonly fibers: Fibers;
  readonly emit: (effect: ExecutionEffect) => void;
  readonly seed: Uint8Array;
  readonly gate: QueryGate;
  readonly ensureOpen: EnsureOpen;
}

/** What the queries need to know of the batches. */
export interface TipWatch {
  /** A batch is being applied or waits for its turn. */
  isBusy(): boolean;
  /** The last composite query ended. */
  released(): void;
}

const NOBODY = new Uint8Array(0);

export class Queries {
  readonly #room: Room;
  readonly #tip: TipWatch;
  readonly #certificates: Certificates;
  readonly #waiting: ExecuteQuery[] = [];
  #running = 0;
  #composites = 0;
  #slowRuns = false;
  #sessions = 0;

  constructor(room: Room, tip: TipWatch) {
    this.#room = room;
    this.#tip = tip;
    this.#certificates = new Certificates(room.seed, (signal) => room.fibers.raise(signal));
  }

  get holdsTip(): boolean {
    return this.#composites > 0;
  }

  certified(height: number): void {
    this.#certificates.certified(height);
  }

  ask(query: ExecuteQuery, isReady: boolean): void {
    if (!isReady) return this.#answer(query, reject(refuse('IC0208', 'The replica is starting')));
    if (this.#running >= QUERIES) {
      return this.#answer(query, reject(refuse('IC0201', 'Too many queries are waiting')));
    }
    this.#running += 1;
    this.#room.fibers.start(this.#run(query));
  }

  /** No batch runs: composite queries may. */
  tipFree(): void {
    while (this.#waiting.length > 0 && this.#composites < COMPOSITE_QUERIES) {
      const isSlow = this.#room.gate.isSlow(toHex(this.#waiting[0]?.canisterId ?? NOBODY));
      // A slow one runs alone, so that the next batch waits for one at most.
      if (this.#slowRuns || (isSlow && this.#composites > 0)) return;
      this.#slowRuns = isSlow;
      this.#startComposite(this.#waiting.shift() as ExecuteQuery);
    }
  }

  *#run(query: ExecuteQuery): Fiber {
    const outcome = yield* this.#outcomeOf(query);
    if (outcome === 'composite') {
      this.#waiting.push(query);
      if (!this.#tip.isBusy()) this.tipFree();
      return;
    }
    this.#finish(query, outcome);
  }

  #finish(query: ExecuteQuery, outcome: Outcome): void {
    this.#running -= 1;
    this.#answer(query, outcome);
  }

  *#outcomeOf(query: ExecuteQuery): Fiber<Outcome | 'composite'> {
    const { subnet } = this.#room;
    if (isManagement(query.canisterId)) {
      return managementQuery(subnet, {
        caller: query.sender,
        method: query.methodName,
        argument: query.argument,
      });
    }
    const canister = subnet.get(query.canisterId);
    if (canister === undefined) return reject(canisterNotFound(query.canisterId));
    const early = queryProblem(subnet, canister, undefined);
    if (early !== undefined) return reject(early);
    for (;;) {
      const certificate = yield* this.#certificateOf(canister);
      const problem = queryProblem(subnet, canister, query.methodName);
      if (problem !== undefined) return reject(problem);
      if (canister.methods.get(query.methodName) === 'composite') return 'composite';
      const executed = yield* this.#execute(canister, query, certificate);
      // A follower closes a canister whose code has changed, and a query may have waited for its turn meanwhile.
      const met = executed.trap?.code === 'IC0537' && canister.state.code !== undefined;
      if (!met) return queryOutcome(canister.id, executed);
    }
  }

  *#execute(
    canister: Canister,
    query: ExecuteQuery,
    certificate: Uint8Array | undefined,
  ): Fiber<Executed> {
    const { gate } = this.#room;
    const { methodName: method, argument } = query;
    const isSlow = yield* gate.enter(canister.key);
    const executed = yield* solveFor('executed', {
      kind: 'execute',
      entry: { kind: 'query', method, argument, replicated: false },
      context: this.#contextOf(canister, query, certificate),
      session: undefined,
    });
    gate.leave(canister.key, isSlow, executed.instructions);
    this.#observe(executed);
    return executed;
  }

  *#certificateOf(canister: Canister): Fiber<Uint8Array | undefined> {
    yield* this.#room.ensureOpen(canister);
    if (canister.facts?.usesDataCertificate !== true) return undefined;
    return yield* this.#certificates.of(canister);
  }

  #startComposite(query: ExecuteQuery): void {
    this.#composites += 1;
    this.#room.fibers.start(this.#runComposite(query));
  }

  *#runComposite(query: ExecuteQuery): Fiber {
    const { subnet } = this.#room;
    let outcome: Outcome;
    let height: number;
    do {
      height = subnet.height;
      outcome = yield* this.#compositeOutcomeOf(query);
      // A follower that lacks a page goes on to the height that the store has it of: what the query saw was not one state.
    } while (subnet.height !== height);
    this.#finish(query, outcome);
    this.#composites -= 1;
    this.#slowRuns = false;
    if (this.#composites > 0) return;
    this.#tip.released();
    if (!this.#tip.isBusy()) this.tipFree();
  }

  *#compositeOutcomeOf(query: ExecuteQuery): Fiber<Outcome> {
    const { subnet, ensureOpen, gate } = this.#room;
    const canister = subnet.get(query.canisterId);
    if (canister === undefined) return reject(canisterNotFound(query.canisterId));
    const certificate = yield* this.#certificateOf(canister);
    const problem: Refusal | undefined = queryProblem(subnet, canister, query.methodName);
    if (problem !== undefined) return reject(problem);
    const name = `composite ${this.#sessions++}`;
    const composite = new CompositeQuery(subnet, { name, ensureOpen });
    const { methodName: method, argument } = query;
    const context = this.#contextOf(canister, query, certificate);
    const outcome = yield* composite.run(canister, context, { method, argument, depth: 0 });
    gate.spend(canister.key, composite.instructions);
    return outcome;
  }

  #contextOf(
    canister: Canister,
    query: ExecuteQuery,
    dataCertificate: Uint8Array | undefined,
  ): Context {
    const { senderInfo, senderInfoSigner } = query;
    return {
      ...baseContext(this.#room.subnet, canister),
      caller: query.sender,
      senderInfo:
        senderInfo === undefined || senderInfoSigner === undefined
          ? undefined
          : { info: senderInfo, signer: senderInfoSigner },
      instructionLimit: INSTRUCTIONS.query,
      dataCertificate,
    };
  }

  #observe(executed: Executed): void {
    const { instructions, trap } = executed;
    const event = { kind: 'QueryDone', instructions, refused: trap !== undefined } as const;
    this.#room.emit({ kind: 'observe', event });
  }

  #answer({ queryId }: ExecuteQuery, outcome: Outcome): void {
    this.#room.emit({
      kind: 'publish',
      message: {
        kind: 'QueryAnswered',
        queryId,
        outcome:
          outcome.kind === 'reply'
            ? { kind: 'reply', reply: { content: outcome.content } }
            : { kind: 'refusal', refusal: refusalOf(outcome) },
      },
    });
  }
}
