// Opening, answering and closing call contexts; stopping canisters stop when the last one closes
// (interface-spec 5.2, 5.9).

import type { Refusal } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { CALL_TIMEOUT_SECONDS, QUEUED_BYTES, SUBNET_QUEUE } from '../limits.ts';
import type { OutgoingCall } from '../sandbox/interface.ts';
import type { Canister } from './canister.ts';
import type { Call, CallContext, Origin } from './messages.ts';
import { canisterNotFound, didNotReply, refuse } from './refusals.ts';
import { reject, reply, respond, take } from './responding.ts';
import type { Subnet } from './subnet.ts';
import { SECOND_NANOS } from './time.ts';

export function openContext(canister: Canister, call: Omit<Call, 'method' | 'argument'>): number {
  const { state } = canister;
  const id = state.nextContext++;
  state.contexts.set(id, {
    origin: call.origin,
    caller: call.caller,
    senderInfo: call.senderInfo,
    responded: call.origin.kind === 'system',
    deleted: false,
    available: call.cycles,
    instructions: 0n,
    outstanding: 0,
  });
  return id;
}

/** Answers the context's caller; what was not accepted goes back. */
export function answerContext(
  subnet: Subnet,
  context: CallContext,
  outcome: Parameters<typeof respond>[2],
): void {
  const refund = context.available;
  context.responded = true;
  context.available = 0n;
  respond(subnet, context.origin, outcome, refund);
}

/**
 * After an execution: nobody left who could answer means a reject; nothing open means the context
 * is over.
 */
export function settleContext(
  subnet: Subnet,
  canister: Canister,
  contextId: number,
  failure: Refusal | undefined,
): void {
  const context = canister.state.contexts.get(contextId);
  if (context === undefined || context.outstanding > 0) return;
  if (!context.responded) {
    answerContext(subnet, context, reject(failure ?? didNotReply(canister.id)));
  }
  canister.state.contexts.delete(contextId);
  stopIfDone(subnet, canister);
}

/** A stopping canister without open contexts is stopped, and those who asked are told. */
export function stopIfDone(subnet: Subnet, canister: Canister): void {
  const { state } = canister;
  if (state.status.kind !== 'stopping') return;
  if (state.contexts.size > 0 || state.callbacks.size > 0) return;
  const { requests } = state.status;
  state.status = { kind: 'stopped' };
  state.version += 1n;
  subnet.touch(canister);
  subnet.stopping.delete(canister.key);
  for (const request of requests) {
    respond(subnet, request.origin, reply(EMPTY_CANDID), request.cycles);
  }
}

/** `()` in Candid. */
export const EMPTY_CANDID = new Uint8Array([0x44, 0x49, 0x44, 0x4c, 0, 0]);

/** Where a call comes from; `version` is the canister's as its code ran. */
export interface Sending {
  readonly canister: Canister;
  readonly contextId: number;
  readonly version: bigint;
}

/** Registers the callback of a performed call and sends the call on its way. */
export function sendCall(subnet: Subnet, from: Sending, outgoing: OutgoingCall): void {
  const { canister, contextId } = from;
  const { state } = canister;
  const id = state.nextCallback++;
  const { timeoutSeconds } = outgoing;
  const seconds = Math.min(timeoutSeconds ?? 0, CALL_TIMEOUT_SECONDS);
  const deadlineNanos =
    timeoutSeconds === undefined ? 0n : subnet.timeNanos + BigInt(seconds) * SECOND_NANOS;
  const bytes = outgoing.method.length + outgoing.payload.length;
  const transport = subnet.prices.request(bytes);
  const reserve = take(outgoing.prepaidCycles, transport);
  subnet.consume(outgoing.prepaidCycles - reserve);
  state.callbacks.set(id, {
    context: contextId,
    callee: outgoing.callee,
    onReply: { ...outgoing.onReply },
    onReject: { ...outgoing.onReject },
    onCleanup: outgoing.onCleanup === undefined ? undefined : { ...outgoing.onCleanup },
    deadlineNanos,
    reserve,
    answered: false,
  });
  if (deadlineNanos !== 0n) subnet.withDeadline.add(canister.key);
  const context = state.contexts.get(contextId) as CallContext;
  context.outstanding += 1;
  const origin = { kind: 'canister', canister: canister.id, callback: id, deadlineNanos } as const;
  route(subnet, from, { outgoing, origin });
}

interface Routed {
  readonly outgoing: OutgoingCall;
  readonly origin: Origin;
}

function route(subnet: Subnet, { canister, version }: Sending, { outgoing, origin }: Routed): void {
  const call: Call = {
    origin,
    caller: canister.id,
    senderInfo: undefined,
    method: outgoing.method,
    argument: outgoing.payload,
    cycles: outgoing.cycles,
  };
  const { callee } = outgoing;
  if (callee.length === 0 || toHex(callee) === toHex(subnet.config.subnetId)) {
    if (subnet.queue.length < SUBNET_QUEUE) subnet.enqueueSubnetCall(call, version);
    else
      respond(
        subnet,
        origin,
        reject(refuse('IC0201', 'The management queue is full')),
        call.cycles,
      );
    return;
  }
  const target = subnet.get(callee);
  if (subnet.queuedBytes >= QUEUED_BYTES) {
    respond(subnet, origin, reject(refuse('IC0201', 'Too many messages are waiting')), call.cycles);
  } else if (target === undefined)
    respond(subnet, origin, reject(canisterNotFound(callee)), call.cycles);
  else subnet.enqueue(target, { kind: 'call', ...call });
}
