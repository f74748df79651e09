// Answers on their way back: to the request history for users, to the caller's queue for canisters
// (interface-spec 5.2).

import type { Refusal } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import type { Origin, Outcome } from './messages.ts';
import type { Subnet } from './subnet.ts';

export function reject(refusal: Refusal): Outcome {
  return { kind: 'reject', ...refusal };
}

export function reply(content: Uint8Array): Outcome {
  return { kind: 'reply', content };
}

/**
 * Gives the answer to whoever asked, with the cycles that were attached and not accepted. A second
 * answer, and one that comes after a bounded wait is over, is dropped with its cycles (5.7).
 */
export function respond(subnet: Subnet, origin: Origin, outcome: Outcome, refund: bigint): void {
  if (origin.kind === 'system') return;
  if (origin.kind === 'user') {
    const result =
      outcome.kind === 'reply' ? { reply: outcome.content } : { refusal: refusalOf(outcome) };
    subnet.history.complete(origin.requestId, result, subnet.timeNanos);
    return;
  }
  const caller = subnet.get(origin.canister);
  const callback = caller?.state.callbacks.get(origin.callback);
  if (caller === undefined || callback === undefined || callback.answered) return;
  callback.answered = true;
  subnet.enqueue(caller, { kind: 'response', callback: origin.callback, outcome, refund });
}

export function refusalOf(outcome: Extract<Outcome, { kind: 'reject' }>): Refusal {
  const { rejectCode, message, errorCode } = outcome;
  return { rejectCode, message, errorCode };
}

/**
 * Bounded waits that are over: the caller gets code 6 now; the real answer will be dropped (5.7).
 */
export function expireCalls(subnet: Subnet): void {
  for (const key of subnet.sortedKeys(subnet.withDeadline)) {
    const canister = subnet.canisters.get(key);
    if (canister === undefined) continue;
    let waiting = false;
    for (const [id, callback] of canister.state.callbacks) {
      if (callback.deadlineNanos === 0n || callback.answered) continue;
      if (callback.deadlineNanos > subnet.timeNanos) {
        waiting = true;
        continue;
      }
      const origin: Origin = {
        kind: 'canister',
        canister: canister.id,
        callback: id,
        deadlineNanos: callback.deadlineNanos,
      };
      const late = { rejectCode: 6, message: 'Call has timed out.', errorCode: 'IC0601' };
      respond(subnet, origin, reject(late), 0n);
    }
    if (!waiting) subnet.withDeadline.delete(key);
  }
}

/** Open calls of a canister by callee, for the limit per pair. */
export function openCalls(
  callbacks: Iterable<{ readonly callee: Uint8Array }>,
): Record<string, number> {
  const open: Record<string, number> = {};
  for (const { callee } of callbacks) {
    const key = toHex(callee);
    open[key] = (open[key] ?? 0) + 1;
  }
  return open;
}

/** Takes from a balance, at most all of it. */
export function take(balance: bigint, amount: bigint): bigint {
  return amount > balance ? 0n : balance - amount;
}
