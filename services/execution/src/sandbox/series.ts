/**
 * Calls of users that wait one behind the other are executed in one trip to the sandbox: what the core would tell of the next
 * one follows from how the last one ended, as long as that did nothing but answer. Where more happened, the core goes on.
 */
import { addCycles, Prices } from '../core/cycles.ts';
import type { Context, Executed, Follower, Task } from './interface.ts';

/** What a series needs to know of its canister. */
export interface SeriesPlace {
  readonly memory64: boolean;
  /** As they were before the execution. */
  readonly heapBytes: number;
  readonly stableBytes: number;
}

type ExecuteTask = Extract<Task, { kind: 'execute' }>;

/** The context of the next execution as the core would make it; undefined: only the core can. */
export function contextAfter(
  { entry, context }: ExecuteTask,
  executed: Executed,
  { next, place }: { readonly next: Follower; readonly place: SeriesPlace },
): Context | undefined {
  if (!onlyAnswered(executed, place)) return undefined;
  const prices = new Prices(context.subnetNodes);
  const prepaid = prices.execution(context.instructionLimit, place);
  const cost = prices.execution(executed.instructions, place);
  if (cost > prepaid) return undefined;
  const left = addCycles(context.balance, prepaid - cost);
  const balance = left - prices.execution(next.instructionLimit, place);
  if (balance < context.freezingReserve) return undefined;
  return {
    ...context,
    caller: next.caller,
    senderInfo: next.senderInfo,
    canisterVersion: context.canisterVersion + (entry.kind === 'query' ? 0n : 1n),
    balance,
    cyclesAvailable: 0n,
    deadlineNanos: 0n,
    instructionLimit: next.instructionLimit,
  };
}

/** Nothing changed that the context of a later execution shows, nor what decides whether there is one, but balance and version. */
function onlyAnswered(executed: Executed, before: SeriesPlace): boolean {
  return (
    executed.trap === undefined &&
    executed.response !== undefined &&
    executed.calls.length === 0 &&
    executed.logs.length === 0 &&
    executed.cyclesAccepted === 0n &&
    executed.cyclesBurned === 0n &&
    executed.certifiedData === undefined &&
    executed.globalTimerNanos === undefined &&
    executed.heapBytes === before.heapBytes &&
    executed.stableBytes === before.stableBytes
  );
}
