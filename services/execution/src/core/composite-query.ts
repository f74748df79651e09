/**
 * One composite query with all that it calls (interface-spec 5.11): same subnet, no cycles, at most
 * COMPOSITE_DEPTH deep, one instruction budget for everything. Each call context has a session of
 * its own in the sandbox, where its changes live until its last callback.
 */
import { isManagement } from '@internode/encoding';
import { bytesEqual } from '@internode/prelude';
import { CALLS_PER_PAIR, COMPOSITE_DEPTH, INSTRUCTIONS } from '../limits.ts';
import type { Context, Entry, Executed, OutgoingCall } from '../sandbox/interface.ts';
import type { Canister } from './canister.ts';
import { baseContext } from './context.ts';
import { type Fiber, solveFor } from './fibers.ts';
import type { EnsureOpen } from './loading.ts';
import { managementQuery } from './management/query.ts';
import type { Outcome } from './messages.ts';
import { queryOutcome, queryProblem, rejectedByCanister } from './query-outcome.ts';
import { canisterNotFound, didNotReply, fromCanister, trapped } from './refusals.ts';
import { reject, reply } from './responding.ts';
import type { Subnet } from './subnet.ts';

interface Asked {
  readonly method: string;
  readonly argument: Uint8Array;
  readonly depth: number;
}

/** One canister's part: its session and what it still waits for. */
interface Part {
  readonly canister: Canister;
  readonly context: Context;
  readonly session: string;
  readonly depth: number;
  readonly calls: OutgoingCall[];
  outcome: Outcome | undefined;
  failure: Outcome | undefined;
}

export class CompositeQuery {
  readonly #subnet: Subnet;
  readonly #name: string;
  readonly #ensureOpen: EnsureOpen;
  #left = INSTRUCTIONS.compositeTotal;
  #parts = 0;

  constructor(
    subnet: Subnet,
    { name, ensureOpen }: { readonly name: string; readonly ensureOpen: EnsureOpen },
  ) {
    this.#subnet = subnet;
    this.#name = name;
    this.#ensureOpen = ensureOpen;
  }

  /** Used by everything so far. */
  get instructions(): bigint {
    return INSTRUCTIONS.compositeTotal - this.#left;
  }

  *run(canister: Canister, context: Context, asked: Asked): Fiber<Outcome> {
    const part: Part = {
      canister,
      context,
      session: `${this.#name}.${this.#parts++}`,
      depth: asked.depth,
      calls: [],
      outcome: undefined,
      failure: undefined,
    };
    const { method, argument } = asked;
    yield* this.#execute(part, { kind: 'composite_query', method, argument });
    while (part.outcome === undefined && part.calls.length > 0) {
      yield* this.#answerCall(part, part.calls.shift() as OutgoingCall);
    }
    yield* solveFor('forgotten', { kind: 'forget', session: part.session });
    return part.outcome ?? part.failure ?? reject(didNotReply(canister.id));
  }

  *#answerCall(part: Part, call: OutgoingCall): Fiber {
    const answer = yield* this.#call(part, call);
    const entry: Entry =
      answer.kind === 'reply'
        ? { kind: 'reply_callback', callback: call.onReply, reply: answer.content }
        : {
            kind: 'reject_callback',
            callback: call.onReject,
            code: answer.rejectCode,
            message: answer.message,
          };
    const executed = yield* this.#execute(part, entry);
    if (executed.trap === undefined || call.onCleanup === undefined) return;
    const code = answer.kind === 'reply' ? 0 : answer.rejectCode;
    yield* this.#execute(part, { kind: 'cleanup', callback: call.onCleanup, code });
  }

  *#execute(part: Part, entry: Entry): Fiber<Executed> {
    const isFirst = entry.kind === 'composite_query';
    const context: Context = {
      ...part.context,
      instructionLimit: this.#left,
      callSlots: CALLS_PER_PAIR - part.calls.length,
      responded: part.outcome !== undefined,
      dataCertificate: isFirst ? part.context.dataCertificate : undefined,
    };
    const executed = yield* solveFor('executed', {
      kind: 'execute',
      entry,
      context,
      session: part.session,
    });
    this.#spend(executed.instructions);
    if (executed.trap !== undefined) {
      part.failure ??= reject(trapped(part.canister.id, executed.trap));
      return executed;
    }
    part.calls.push(...executed.calls);
    if (executed.response?.kind === 'reply') part.outcome ??= reply(executed.response.content);
    if (executed.response?.kind === 'reject')
      part.outcome ??= rejectedByCanister(executed.response.message);
    return executed;
  }

  /**
   * What the callee answers; it is a query method of this subnet or one of the management queries.
   */
  *#call(part: Part, call: OutgoingCall): Fiber<Outcome> {
    const caller = part.canister.id;
    const { callee, method, payload: argument } = call;
    if (isManagement(callee) || bytesEqual(callee, this.#subnet.config.subnetId)) {
      return managementQuery(this.#subnet, { caller, method, argument });
    }
    if (part.depth >= COMPOSITE_DEPTH) {
      return reject(fromCanister(caller, 'IC0525', 'Composite query call depth limit exceeded.'));
    }
    this.#spend(INSTRUCTIONS.compositeCall);
    if (this.#left === 0n) {
      return reject(fromCanister(caller, 'IC0526', 'Composite query instruction limit exceeded.'));
    }
    const canister = this.#subnet.get(callee);
    if (canister === undefined) return reject(canisterNotFound(callee));
    yield* this.#ensureOpen(canister);
    const problem = queryProblem(this.#subnet, canister, method);
    if (problem !== undefined) return reject(problem);
    const context = { ...baseContext(this.#subnet, canister), caller };
    if (canister.methods.get(method) === 'composite') {
      return yield* this.run(canister, context, { method, argument, depth: part.depth + 1 });
    }
    const executed = yield* solveFor('executed', {
      kind: 'execute',
      entry: { kind: 'query', method, argument, replicated: false },
      context: { ...context, instructionLimit: this.#left },
      session: undefined,
    });
    this.#spend(executed.instructions);
    return queryOutcome(callee, executed);
  }

  #spend(instructions: bigint): void {
    this.#left = instructions < this.#left ? this.#left - instructions : 0n;
  }
}
