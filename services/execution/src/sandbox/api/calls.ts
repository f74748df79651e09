/** Building and sending calls to other canisters (interface-spec 3.3). */
import { principalToText } from '@internode/encoding';
import { Prices } from '../../core/cycles.ts';
import { CALL_TIMEOUT_SECONDS } from '../../limits.ts';
import { ByteBuffer } from '../byte-buffer.ts';
import type { CallDraft, Execution } from '../execution.ts';
import { outOfCycles, violation } from '../failures.ts';
import { CALL_PAYLOAD_BYTES, CALLS_BYTES, METHOD_NAME_BYTES, PRINCIPAL_BYTES } from '../limits.ts';
import { copyIn, cyclesOf, type Definition, define, textOf } from './define.ts';

const CALLING = 'U CQ Ry Rt CRy CRt T';
const PAYING = 'U Ry Rt T';
const PERFORMED = 0;
const REFUSED = 2;

interface Draft {
  readonly callee: readonly [number, number];
  readonly method: readonly [number, number];
  readonly functions: readonly [bigint, bigint, bigint, bigint];
}

function begin(x: Execution, { callee, method, functions }: Draft): void {
  x.discardDraft();
  if (callee[1] > PRINCIPAL_BYTES) throw violation('ic0.call_new: invalid principal id');
  if (method[1] > METHOD_NAME_BYTES) {
    const limit = `exceeds the allowed limit of ${METHOD_NAME_BYTES}`;
    const text = `size of method_name ${method[1]} ${limit}`;
    throw violation(`ic0.call_new: ${text}`);
  }
  const [replyFunction, replyEnvironment, rejectFunction, rejectEnvironment] = functions;
  x.draft = {
    callee: copyIn(x, ...callee),
    method: textOf(copyIn(x, ...method), 'ic0.call_new: the method name'),
    methodBytes: method[1],
    onReply: { function: replyFunction, environment: replyEnvironment },
    onReject: { function: rejectFunction, environment: rejectEnvironment },
    onCleanup: undefined,
    payload: new ByteBuffer(),
    cycles: 0n,
    timeoutSeconds: undefined,
  };
}

function draftOf(x: Execution, name: string): CallDraft {
  if (x.draft === undefined)
    throw violation(`ic0.${name} called when no call is under construction.`);
  return x.draft;
}

function setCleanup(x: Execution, fun: bigint, environment: bigint): void {
  const draft = draftOf(x, 'call_on_cleanup');
  if (draft.onCleanup !== undefined) {
    throw violation(
      'ic0.call_on_cleanup can be called at most once between call_new and call_perform.',
    );
  }
  draft.onCleanup = { function: fun, environment };
}

function appendPayload(x: Execution, source: number, size: number): void {
  const { payload } = draftOf(x, 'call_data_append');
  const length = payload.length + size;
  if (length > CALL_PAYLOAD_BYTES) {
    const text = `application payload size (${length}) cannot be larger than ${CALL_PAYLOAD_BYTES}`;
    throw violation(`ic0.call_data_append: ${text}`);
  }
  payload.append(copyIn(x, source, size));
}

function limitWait(x: Execution, seconds: number): void {
  const draft = draftOf(x, 'call_with_best_effort_response');
  if (draft.timeoutSeconds !== undefined) {
    throw violation('ic0.call_with_best_effort_response: a timeout is already set.');
  }
  draft.timeoutSeconds = Math.min(seconds, CALL_TIMEOUT_SECONDS);
}

function addCyclesToCall(x: Execution, amount: bigint): void {
  const draft = draftOf(x, 'call_cycles_add128');
  const liquid = x.liquid();
  if (amount > liquid) {
    throw outOfCycles(principalToText(x.context.canisterId), amount - liquid);
  }
  x.balance -= amount;
  draft.cycles += amount;
}

function perform(x: Execution): number {
  const draft = draftOf(x, 'call_perform');
  const free = x.mode.tag === 'CQ' || x.mode.tag === 'CRy' || x.mode.tag === 'CRt';
  const { callSlots, callSlotsPerCallee, subnetNodes } = x.context;
  const bytes = draft.methodBytes + draft.payload.length;
  const prepaidCycles = free ? 0n : new Prices(subnetNodes).call(bytes, x);
  const tooMuch = x.callsBytes + draft.payload.length > CALLS_BYTES;
  const full =
    tooMuch || x.calls.length >= callSlots || x.callsTo(draft.callee) >= callSlotsPerCallee;
  const freezing = !free && x.balance - prepaidCycles < x.context.freezingReserve;
  if (full || freezing) {
    x.discardDraft();
    return REFUSED;
  }
  x.balance -= prepaidCycles;
  x.callsBytes += draft.payload.length;
  x.draft = undefined;
  const { callee, method, onReply, onReject, onCleanup, cycles, timeoutSeconds } = draft;
  const payload = draft.payload.bytes();
  const call = { callee, method, payload, cycles, onReply, onReject, onCleanup };
  x.calls.push({ ...call, timeoutSeconds, prepaidCycles });
  return PERFORMED;
}

const NEW_TYPE = [['I', 'I', 'I', 'I', 'opaque', 'opaque', 'opaque', 'opaque'], 'none'] as const;

export const CALL_CALLS: readonly Definition[] = [
  define(
    'call_new',
    CALLING,
    NEW_TYPE,
    (x, callee, calleeSize, name, nameSize, ...functions) =>
      begin(x, { callee: [callee, calleeSize], method: [name, nameSize], functions }),
    {
      overhead: 1_500,
    },
  ),
  define('call_on_cleanup', CALLING, [['opaque', 'opaque'], 'none'], setCleanup),
  define('call_data_append', CALLING, [['I', 'I'], 'none'], appendPayload),
  define('call_with_best_effort_response', CALLING, [['i32'], 'none'], limitWait),
  define('call_cycles_add128', PAYING, [['i64', 'i64'], 'none'], (x, high, low) =>
    addCyclesToCall(x, cyclesOf(high, low)),
  ),
  define('call_perform', CALLING, [[], 'i32'], perform, { overhead: 5_000 }),
  define('call_cycles_add', PAYING, [['i64'], 'none'], addCyclesToCall, { only32: true }),
];
