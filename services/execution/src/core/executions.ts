/**
 * One execution on one canister, in two halves around the sandbox: `start…` decides whether the
 * message may run, takes the cycles it may cost and makes the task; `finish` applies the answer
 * (interface-spec 5.3, 5.4).
 *
 * A message that may not run is answered in the first half and needs no sandbox.
 */
import type { Refusal } from '@internode/contracts';
import { assert } from '@internode/prelude';
import { CALLS_PER_CANISTER, INSTRUCTIONS } from '../limits.ts';
import type { Answer, Context, Entry, Executed, Task } from '../sandbox/interface.ts';
import { admit } from './admission.ts';
import { certify, keepLogs, keepSizes } from './aftermath.ts';
import { answerContext, openContext, sendCall, settleContext } from './call-contexts.ts';
import type { Canister } from './canister.ts';
import { chargeIdle } from './charging.ts';
import { baseContext } from './context.ts';
import { addCycles } from './cycles.ts';
import type { Call, Callback, CallContext, ResponseMessage } from './messages.ts';
import { outOfCycles, trapped } from './refusals.ts';
import { openCalls, reject, reply, respond, take } from './responding.ts';
import type { Subnet } from './subnet.ts';

export interface Started {
  readonly canister: Canister;
  readonly task: Task;
  /** Applies the answer; may ask for one more execution (cleanup). */
  readonly finish: (answer: Answer) => Started | undefined;
}

interface Plan {
  readonly canister: Canister;
  readonly contextId: number;
  readonly context: CallContext;
  readonly entry: Entry;
  readonly limit: bigint;
  /** For instructions only; taken from the balance already. */
  readonly prepaid: bigint;
  readonly refund: bigint;
  readonly deadlineNanos: bigint;
  readonly callback: Callback | undefined;
}

const NOBODY = new Uint8Array(0);
const NO_HOOK_CALL = { senderInfo: undefined, cycles: 0n, caller: NOBODY } as const;

/**
 * Takes the canister's next message or system task. Undefined: answered without running, or nothing
 * there.
 */
export function startNext(subnet: Subnet, canister: Canister): Started | undefined {
  const { state } = canister;
  chargeIdle(subnet, canister);
  subnet.touch(canister);
  const head = state.inputs[0];
  if (head?.kind === 'response') {
    subnet.dequeue(canister);
    return startCallback(subnet, canister, head);
  }
  if (state.lowMemoryHook === 'ready' && canister.running) {
    state.lowMemoryHook = 'executed';
    return startHook(subnet, canister, { kind: 'on_low_wasm_memory' });
  }
  if (canister.timerDue) {
    canister.timerDue = false;
    if (!isTimerDue(subnet, canister)) return undefined;
    state.globalTimerNanos = 0n;
    return startHook(subnet, canister, { kind: 'global_timer' });
  }
  if (canister.heartbeatDue) {
    canister.heartbeatDue = false;
    const beats = canister.running && canister.hasHook('canister_heartbeat');
    return beats ? startHook(subnet, canister, { kind: 'heartbeat' }) : undefined;
  }
  subnet.dequeue(canister);
  return head === undefined ? undefined : startCall(subnet, canister, head);
}

/** Asked again when its turn comes: the code, and with it the timer, may have been replaced. */
function isTimerDue(subnet: Subnet, canister: Canister): boolean {
  const { globalTimerNanos } = canister.state;
  const isPast = globalTimerNanos !== 0n && globalTimerNanos <= subnet.timeNanos;
  return isPast && canister.running && canister.hasHook('canister_global_timer');
}

function startCall(subnet: Subnet, canister: Canister, call: Call): Started | undefined {
  const admitted = admit(canister, call);
  if (admitted.kind === 'refused') {
    respond(subnet, call.origin, reject(admitted.refusal), call.cycles);
    return undefined;
  }
  const { entry, limit } = admitted;
  const prepaid = prepay(subnet, canister, limit);
  if (prepaid === undefined) {
    const missing =
      subnet.prices.execution(limit, canister) + canister.freezingReserve(subnet.prices);
    const refusal = outOfCycles(canister.id, missing - canister.state.balance);
    respond(subnet, call.origin, reject(refusal), call.cycles);
    return undefined;
  }
  if (call.origin.kind === 'user') subnet.history.process(call.origin.requestId);
  const contextId = openContext(canister, call);
  const context = canister.state.contexts.get(contextId) as CallContext;
  const deadlineNanos = call.origin.kind === 'canister' ? call.origin.deadlineNanos : 0n;
  return execute(subnet, {
    canister,
    contextId,
    context,
    entry,
    limit,
    prepaid,
    refund: 0n,
    deadlineNanos,
    callback: undefined,
  });
}

function startHook(subnet: Subnet, canister: Canister, entry: Entry): Started | undefined {
  const prepaid = prepay(subnet, canister, INSTRUCTIONS.update);
  if (prepaid === undefined) return undefined;
  const contextId = openContext(canister, { origin: { kind: 'system' }, ...NO_HOOK_CALL });
  const context = canister.state.contexts.get(contextId) as CallContext;
  return execute(subnet, {
    canister,
    contextId,
    context,
    entry,
    limit: INSTRUCTIONS.update,
    prepaid,
    refund: 0n,
    deadlineNanos: 0n,
    callback: undefined,
  });
}

/** The refund comes first, then the callback runs in the original context (5.4). */
function startCallback(
  subnet: Subnet,
  canister: Canister,
  response: ResponseMessage,
): Started | undefined {
  const { state } = canister;
  const callback = state.callbacks.get(response.callback);
  assert(callback !== undefined, 'a response without a callback was queued');
  state.callbacks.delete(response.callback);
  const context = state.contexts.get(callback.context);
  assert(context !== undefined, 'a callback without a context');
  context.outstanding -= 1;
  const { outcome } = response;
  const bytes = outcome.kind === 'reply' ? outcome.content.length : outcome.message.length;
  const transport = subnet.prices.response(bytes);
  const back = take(callback.reserve, transport);
  subnet.consume(callback.reserve - back);
  state.balance = addCycles(state.balance, back + response.refund);
  if (context.deleted || state.code === undefined) {
    settleContext(subnet, canister, callback.context, undefined);
    subnet.index(canister);
    return undefined;
  }
  const cost = subnet.prices.execution(INSTRUCTIONS.update, canister);
  const prepaid = cost < state.balance ? cost : state.balance;
  state.balance -= prepaid;
  const entry: Entry =
    outcome.kind === 'reply'
      ? { kind: 'reply_callback', callback: callback.onReply, reply: outcome.content }
      : {
          kind: 'reject_callback',
          callback: callback.onReject,
          code: outcome.rejectCode,
          message: outcome.message,
        };
  const { origin } = context;
  return execute(subnet, {
    canister,
    contextId: callback.context,
    context,
    entry,
    limit: INSTRUCTIONS.update,
    prepaid,
    refund: response.refund,
    deadlineNanos: origin.kind === 'canister' ? origin.deadlineNanos : 0n,
    callback,
  });
}

/** Takes the most that an execution can cost; undefined when that would freeze the canister. */
function prepay(subnet: Subnet, canister: Canister, limit: bigint): bigint | undefined {
  const cost = subnet.prices.execution(limit, canister);
  const { state } = canister;
  if (state.balance - cost < canister.freezingReserve(subnet.prices)) return undefined;
  state.balance -= cost;
  return cost;
}

function execute(subnet: Subnet, plan: Plan): Started {
  const task: Task = {
    kind: 'execute',
    entry: plan.entry,
    context: contextOf(subnet, plan),
    session: undefined,
  };
  return {
    canister: plan.canister,
    task,
    finish: (answer) => {
      assert(answer.kind === 'executed', `sandbox answered ${answer.kind} to execute`);
      return finish(subnet, plan, answer);
    },
  };
}

function contextOf(subnet: Subnet, plan: Plan): Context {
  const { canister, context } = plan;
  return {
    ...baseContext(subnet, canister),
    caller: context.caller,
    senderInfo: context.senderInfo,
    // A response is always processed: what freezing holds back may pay for it.
    freezingReserve: plan.callback === undefined ? canister.freezingReserve(subnet.prices) : 0n,
    cyclesAvailable: context.available,
    cyclesRefunded: plan.refund,
    responded: context.responded && context.origin.kind !== 'system',
    deadlineNanos: plan.deadlineNanos,
    contextInstructions: context.instructions,
    instructionLimit: plan.limit,
    callSlots: CALLS_PER_CANISTER - canister.state.callbacks.size,
    openCalls: openCalls(canister.state.callbacks.values()),
  };
}

function finish(subnet: Subnet, plan: Plan, executed: Executed): Started | undefined {
  const { canister, context, contextId } = plan;
  const { state } = canister;
  const cost = subnet.prices.execution(executed.instructions, canister);
  const rest = take(plan.prepaid, cost);
  subnet.consume(plan.prepaid - rest);
  context.instructions += executed.instructions;
  keepLogs(canister, executed);
  if (executed.trap !== undefined) {
    const failure = trapped(canister.id, executed.trap);
    const cleanup = cleanupOf(plan, rest);
    if (cleanup !== undefined)
      return withFailure(execute(subnet, cleanup), failure, subnet, cleanup);
    state.balance = addCycles(state.balance, rest);
    settleContext(subnet, canister, contextId, failure);
    subnet.index(canister);
    return undefined;
  }
  state.balance = addCycles(state.balance, rest);
  applyEffects(subnet, plan, executed);
  settleContext(subnet, canister, contextId, undefined);
  subnet.index(canister);
  return undefined;
}

/** The cleanup's own answer settles the context with the failure of the callback before it. */
function withFailure(started: Started, failure: Refusal, subnet: Subnet, plan: Plan): Started {
  const finishCleanup = (answer: Answer): undefined => {
    assert(answer.kind === 'executed', `sandbox answered ${answer.kind} to cleanup`);
    const { canister, context, contextId } = plan;
    const cost = subnet.prices.execution(answer.instructions, canister);
    const rest = take(plan.prepaid, cost);
    subnet.consume(plan.prepaid - rest);
    canister.state.balance = addCycles(canister.state.balance, rest);
    context.instructions += answer.instructions;
    keepLogs(canister, answer);
    if (answer.trap === undefined) applyEffects(subnet, plan, answer);
    settleContext(subnet, canister, contextId, failure);
    subnet.index(canister);
  };
  return { ...started, finish: finishCleanup };
}

function cleanupOf(plan: Plan, prepaid: bigint): Plan | undefined {
  const { entry, callback } = plan;
  if (callback?.onCleanup === undefined || entry.kind === 'cleanup') return undefined;
  const code = entry.kind === 'reject_callback' ? entry.code : 0;
  return { ...plan, entry: { kind: 'cleanup', callback: callback.onCleanup, code }, prepaid };
}

/** Everything a successful execution changes outside its memories. */
function applyEffects(subnet: Subnet, plan: Plan, executed: Executed): void {
  const { canister, context, contextId, entry } = plan;
  const { state } = canister;
  const { version } = state;
  context.available = take(context.available, executed.cyclesAccepted);
  state.balance = take(addCycles(state.balance, executed.cyclesAccepted), executed.cyclesBurned);
  subnet.consume(executed.cyclesBurned);
  if (executed.globalTimerNanos !== undefined) state.globalTimerNanos = executed.globalTimerNanos;
  if (executed.certifiedData !== undefined) certify(subnet, canister, executed.certifiedData);
  if (entry.kind !== 'query') {
    state.version += 1n;
    keepSizes(canister, executed);
  }
  for (const call of executed.calls) {
    state.balance = take(state.balance, call.cycles + call.prepaidCycles);
    sendCall(subnet, { canister, contextId, version }, call);
  }
  if (executed.response === undefined || context.responded) return;
  const { response } = executed;
  if (response.kind === 'reply') answerContext(subnet, context, reply(response.content));
  else
    answerContext(subnet, context, {
      kind: 'reject',
      rejectCode: 4,
      message: response.message,
      errorCode: 'IC0406',
    });
}
