/** A canister that does what its argument says, written by hand: calls, cycles, traps, counters. */
import { concatBytes, utf8 } from '@internode/prelude';
import { module, query, replyNumber, update } from '../sandbox/support.ts';

/**
 * The counter, at 0; what cleanup does, at 8; how often the timer ran, at 16; heartbeats, at 24.
 */
const add = (address: number, value = '(i64.const 1)'): string =>
  `(i64.store (i32.const ${address}) (i64.add (i64.load (i32.const ${address})) ${value}))`;

const ECHO = `(call $msg_arg_data_copy (i32.const 4000) (i32.const 0) (call $msg_arg_data_size))
  (call $msg_reply_data_append (i32.const 4000) (call $msg_arg_data_size)) (call $msg_reply)`;

/**
 * Argument: callee (length, bytes), method (length, bytes), cycles (8 bytes), timeout in seconds (1
 * byte, 0 = none), how many such calls (2 bytes), payload.
 */
const CALL = `(local $at i32) (local $size i32) (local $left i32)
  (local.set $size (call $msg_arg_data_size))
  (call $msg_arg_data_copy (i32.const 1000) (i32.const 0) (local.get $size))
  (local.set $at (i32.add (i32.const 1001) (i32.load8_u (i32.const 1000))))
  ${add(0)}
  (i32.store (i32.const 40) (local.get $at))
  (local.set $at (i32.add (i32.add (local.get $at) (i32.const 1)) (i32.load8_u (local.get $at))))
  (local.set $left (i32.load16_u (i32.add (local.get $at) (i32.const 9))))
  (loop $again
    (call $call_new (i32.const 1001) (i32.load8_u (i32.const 1000))
      (i32.add (i32.load (i32.const 40)) (i32.const 1)) (i32.load8_u (i32.load (i32.const 40)))
      (i32.load (i32.const 44)) (i32.const 5) (i32.const 2) (i32.const 6))
    (call $call_on_cleanup (i32.const 4) (i32.const 7))
    (call $call_cycles_add128 (i64.const 0) (i64.load (local.get $at)))
    (if (i32.load8_u (i32.add (local.get $at) (i32.const 8))) (then
      (call $call_with_best_effort_response (i32.load8_u (i32.add (local.get $at) (i32.const 8))))))
    (call $call_data_append (i32.add (local.get $at) (i32.const 11))
      (i32.sub (local.get $size) (i32.sub (i32.add (local.get $at) (i32.const 11)) (i32.const 1000))))
    (if (call $call_perform) (then
      (call $msg_reply_data_append (i32.const 900) (i32.const 7)) (call $msg_reply) (return)))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`;

export const PROXY_WAT = `
  (data (i32.const 900) "refused")
  (table funcref (elem $nothing $onReply $onReject $trapping $onCleanup $replying))
  (func $nothing)
  (func $onReply (param i32)
    (call $msg_cycles_refunded128 (i32.const 3984))
    (call $msg_arg_data_copy (i32.const 4000) (i32.const 0) (call $msg_arg_data_size))
    (if (i64.eqz (i64.load (i32.const 32))) (then
      (call $msg_reply_data_append (i32.const 3984) (i32.add (i32.const 16) (call $msg_arg_data_size)))
      (call $msg_reply))
      ;; Answered before: whatever is left of the caller's cycles is not there any more.
      (else (call $msg_cycles_accept128 (i64.const 0) (i64.const 1000000) (i32.const 3900))
        (i64.store (i32.const 8) (i64.load (i32.const 3900)))))
    ${add(32)})
  (func $replying (param i32) ${add(24)} (call $msg_reply))
  (func $onReject (param i32)
    (i32.store (i32.const 3996) (call $msg_reject_code))
    (call $msg_reject_msg_copy (i32.const 4000) (i32.const 0) (call $msg_reject_msg_size))
    (call $msg_reply_data_append (i32.const 3996) (i32.add (i32.const 4) (call $msg_reject_msg_size)))
    (call $msg_reply))
  (func $trapping (param i32) ${add(0, '(i64.const 100)')} unreachable)
  (func $onCleanup (param i32) ${add(8, '(i64.extend_i32_u (local.get 0))')})
  ${update('call', `${CALL.replace('(local.set $size', '(i32.store (i32.const 44) (i32.const 1)) (i64.store (i32.const 32) (i64.const 0)) (local.set $size')}`)}
  ${update('callTrapping', `${CALL.replace('(local.set $size', '(i32.store (i32.const 44) (i32.const 3)) (local.set $size')}`)}
  ${update(
    'callReplying',
    `${CALL.replace('(local.set $size', '(i32.store (i32.const 44) (i32.const 5)) (local.set $size')}`,
  )}
  ${update('echo', ECHO)}
  ${update('accept', `(call $msg_cycles_accept128 (i64.const 0) (i64.const 300) (i32.const 100)) ${ECHO}`)}
  ${update('silent', add(0))}
  ${update('trap', `${add(0)} unreachable`)}
  ${update(
    'reject',
    `(call $msg_arg_data_copy (i32.const 4000) (i32.const 0) (call $msg_arg_data_size))
    (call $msg_reject (i32.const 4000) (call $msg_arg_data_size))`,
  )}
  ${update(
    'timer',
    `(call $msg_arg_data_copy (i32.const 4000) (i32.const 0) (i32.const 8))
    ${replyNumber('(call $global_timer_set (i64.load (i32.const 4000)))')}`,
  )}
  ${update('version', replyNumber('(call $canister_version)'))}
  ${update(
    'print',
    `(call $msg_arg_data_copy (i32.const 4000) (i32.const 0) (call $msg_arg_data_size))
    (call $debug_print (i32.const 4000) (call $msg_arg_data_size)) (call $msg_reply)`,
  )}
  ${update(
    'certify',
    `(call $msg_arg_data_copy (i32.const 4000) (i32.const 0) (call $msg_arg_data_size))
    (call $certified_data_set (i32.const 4000) (call $msg_arg_data_size)) (call $msg_reply)`,
  )}
  ${query('get', replyNumber('(i64.load (i32.const 0))'))}
  ${query('cleaned', replyNumber('(i64.load (i32.const 8))'))}
  ${query('timers', replyNumber('(i64.load (i32.const 16))'))}
  ${query('beats', replyNumber('(i64.load (i32.const 24))'))}
  ${query('change', `${add(0)} ${replyNumber('(i64.load (i32.const 0))')}`)}
  ${query('silentQuery', '')}
  ${query('trapQuery', 'unreachable')}`;

const TIMER = `(func (export "canister_global_timer") ${add(16)})`;
const HEARTBEAT = `(func (export "canister_heartbeat") ${add(24)})`;

export const PROXY = module(PROXY_WAT + TIMER);
export const BEATING = module(PROXY_WAT + TIMER + HEARTBEAT);

export interface ProxyCall {
  readonly cycles?: bigint;
  readonly timeoutSeconds?: number;
  readonly times?: number;
  readonly payload?: Uint8Array;
}

/** The argument of `call` and `callTrapping`. */
export function callTo(callee: Uint8Array, method: string, options: ProxyCall = {}): Uint8Array {
  const { cycles = 0n, timeoutSeconds = 0, times = 1, payload = new Uint8Array(0) } = options;
  const numbers = new Uint8Array(11);
  const view = new DataView(numbers.buffer);
  view.setBigUint64(0, cycles, true);
  view.setUint8(8, timeoutSeconds);
  view.setUint16(9, times, true);
  const name = utf8(method);
  return concatBytes(
    Uint8Array.of(callee.length),
    callee,
    Uint8Array.of(name.length),
    name,
    numbers,
    payload,
  );
}

/** The reply of `call` after a reply: the refund, and what the callee said. */
export function answerOf(reply: Uint8Array): { refund: bigint; content: Uint8Array } {
  const refund = new DataView(reply.buffer, reply.byteOffset).getBigUint64(0, true);
  return { refund, content: reply.slice(16) };
}

/** The reply of `call` after a reject. */
export function rejectOf(reply: Uint8Array): { code: number; message: string } {
  const code = new DataView(reply.buffer, reply.byteOffset).getUint32(0, true);
  return { code, message: new TextDecoder().decode(reply.slice(4)) };
}

export function number(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
}

export function nanos(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}
