/** System calls about the message being executed: argument, caller, answer, cycles attached. */
import { assert } from '@internode/prelude';
import { addCycles } from '../../core/cycles.ts';
import type { Execution } from '../execution.ts';
import { violation } from '../failures.ts';
import {
  copyIn,
  cyclesOf,
  type Definition,
  define,
  defineBlob,
  narrow,
  textOf,
  writeCycles,
} from './define.ts';

const EMPTY = new Uint8Array(0);
const ANSWERING = 'U RQ NRQ TQ CQ Ry Rt CRy CRt';
const INFORMED = 'U RQ NRQ CQ Ry Rt CRy CRt C CC F';

function rejectText(x: Execution): Uint8Array {
  if (x.input.rejectCode === 0) throw violation('ic0.msg_reject_msg: the message is not a reject');
  return x.input.rejectMessage;
}

function appendReply(x: Execution, source: number, size: number): void {
  const max = x.responseBytesMax();
  const length = x.reply.length + size;
  if (x.hasResponded) {
    throw violation('ic0.msg_reply_data_append: the call is already replied');
  }
  if (length > max) {
    const text = `application payload size (${length}) cannot be larger than ${max}`;
    throw violation(`ic0.msg_reply_data_append: ${text}`);
  }
  x.reply.append(copyIn(x, source, size));
}

function reply(x: Execution): void {
  x.respond({ kind: 'reply', content: x.reply.bytes() }, 'ic0.msg_reply');
}

function reject(x: Execution, source: number, size: number): void {
  const max = x.responseBytesMax();
  if (size > max) {
    const text = `application payload size (${size}) cannot be larger than ${max}`;
    throw violation(`ic0.msg_reject: ${text}`);
  }
  const message = textOf(copyIn(x, source, size), 'ic0.msg_reject: the message');
  x.respond({ kind: 'reject', message }, 'ic0.msg_reject');
}

/** Moves up to `max` of the attached cycles to the balance. */
function accept(x: Execution, max: bigint): bigint {
  const amount = max < x.cyclesAvailable ? max : x.cyclesAvailable;
  x.cyclesAvailable -= amount;
  x.cyclesAccepted += amount;
  x.balance = addCycles(x.balance, amount);
  assert(x.cyclesAvailable >= 0n, 'accepted more cycles than were attached');
  return amount;
}

function acceptMessage(x: Execution): void {
  if (x.messageAccepted) {
    throw violation('ic0.accept_message: the function was already called.');
  }
  x.messageAccepted = true;
}

export const MESSAGE_CALLS: readonly Definition[] = [
  ...defineBlob('msg_arg_data', 'I U RQ NRQ TQ CQ Ry CRy F', (x) => x.input.argument),
  ...defineBlob('msg_caller', '*', (x) => x.context.caller),
  ...defineBlob('msg_caller_info_data', INFORMED, (x) => x.context.senderInfo?.info ?? EMPTY),
  ...defineBlob('msg_caller_info_signer', INFORMED, (x) => x.context.senderInfo?.signer ?? EMPTY),
  define('msg_reject_code', 'Ry Rt CRy CRt C', [[], 'i32'], (x) => x.input.rejectCode),
  ...defineBlob('msg_reject_msg', 'Rt CRt', rejectText),
  define('msg_deadline', 'U RQ NRQ CQ Ry Rt CRy CRt', [[], 'i64'], (x) => x.context.deadlineNanos),
  define('msg_reply_data_append', ANSWERING, [['I', 'I'], 'none'], appendReply),
  define('msg_reply', ANSWERING, [[], 'none'], reply),
  define('msg_reject', ANSWERING, [['I', 'I'], 'none'], reject),
  define('msg_cycles_available128', 'U RQ Rt Ry', [['I'], 'none'], (x, target) =>
    writeCycles(x, target, x.cyclesAvailable),
  ),
  define('msg_cycles_refunded128', 'Rt Ry', [['I'], 'none'], (x, target) =>
    writeCycles(x, target, x.context.cyclesRefunded),
  ),
  define(
    'msg_cycles_accept128',
    'U RQ Rt Ry',
    [['i64', 'i64', 'I'], 'none'],
    (x, high, low, target) => writeCycles(x, target, accept(x, cyclesOf(high, low))),
  ),
  ...defineBlob('msg_method_name', 'F', (x) => new TextEncoder().encode(x.input.methodName)),
  define('accept_message', 'F', [[], 'none'], acceptMessage),

  define('msg_cycles_available', 'U RQ Rt Ry', [[], 'i64'], (x) => narrow(x.cyclesAvailable), {
    only32: true,
  }),
  define('msg_cycles_refunded', 'Rt Ry', [[], 'i64'], (x) => narrow(x.context.cyclesRefunded), {
    only32: true,
  }),
  define('msg_cycles_accept', 'U RQ Rt Ry', [['i64'], 'i64'], accept, { only32: true }),
];
