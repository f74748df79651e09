import { describe, expect, it } from 'vitest';
import { SYSTEM_IMPORTS } from '../../src/sandbox/system-api.ts';
import { wat } from '../wasm/canisters.ts';
import {
  bytes,
  CONTEXT,
  importOf,
  installed,
  module,
  motoko,
  numberOf,
  OTHER,
  query,
  refusalOf,
  reply,
  replyNumber,
  replyOf,
  textOf,
  USER,
  update,
} from './support.ts';

const ECHO = module(`
  ${update(
    'echo',
    `
    (call $msg_arg_data_copy (i32.const 0) (i32.const 0) (call $msg_arg_data_size))
    (call $msg_reply_data_append (i32.const 0) (call $msg_arg_data_size)) (call $msg_reply)`,
  )}
  ${update(
    'caller',
    `
    (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
    (call $msg_reply_data_append (i32.const 0) (call $msg_caller_size)) (call $msg_reply)`,
  )}
  ${query(
    'echo_query',
    `
    (call $msg_arg_data_copy (i32.const 0) (i32.const 0) (call $msg_arg_data_size))
    (call $msg_reply_data_append (i32.const 0) (call $msg_arg_data_size)) (call $msg_reply)`,
  )}
  ${update('reject', '(call $msg_reject (i32.const 4096) (i32.const 4))')}
  ${update('reject_bad', '(call $msg_reject (i32.const 4100) (i32.const 1))')}
  ${update('twice', '(call $msg_reply) (call $msg_reply)')}
  ${update('past_argument', '(call $msg_arg_data_copy (i32.const 0) (i32.const 1) (call $msg_arg_data_size))')}
  ${update('past_heap', '(call $msg_arg_data_copy (i32.const 65530) (i32.const 0) (i32.const 10))')}
  ${update('from_past_heap', '(call $msg_reply_data_append (i32.const 65530) (i32.const 10))')}
  (data (i32.const 4096) "nope\\ff")`);

describe('interface-spec 3.2: messages', { timeout: 60_000 }, () => {
  it('row 43: update, query, argument, caller, reply and reject', () => {
    const canister = installed(ECHO);
    expect(textOf(canister.update('echo', bytes('hello')))).toBe('hello');
    expect(textOf(canister.query('echo_query', bytes('hi')))).toBe('hi');
    expect(replyOf(canister.update('caller'))).toEqual(USER);
    expect(canister.update('reject').response).toEqual({ kind: 'reject', message: 'nope' });
  });

  it('row 43: a second answer, bad text and bad ranges trap', () => {
    const canister = installed(ECHO);
    const trapOf = (method: string, argument?: Uint8Array) =>
      canister.update(method, argument).trap;
    expect(trapOf('twice')).toMatchObject({ code: 'IC0504' });
    expect(trapOf('reject_bad')).toMatchObject({ code: 'IC0504' });
    expect(trapOf('past_argument', bytes('abc'))).toMatchObject({ code: 'IC0504' });
    const outside = { code: 'IC0502', message: 'Canister trapped: heap out of bounds' };
    expect(trapOf('past_heap', bytes('0123456789'))).toEqual(outside);
    expect(trapOf('from_past_heap')).toEqual(outside);
  });

  it('row 43: no such method, no such canister', () => {
    const canister = installed(ECHO);
    expect(canister.update('echo_query').trap).toEqual({
      code: 'IC0536',
      message: "Canister has no update method 'echo_query'.",
    });
    expect(canister.query('nothing').trap?.message).toBe("Canister has no query method 'nothing'.");
    expect(canister.update('echo', bytes(''), { canisterId: OTHER }).trap?.code).toBe('IC0537');
  });

  it('row 42: unknown and mistyped imports are refused', () => {
    const unknown = '(module (import "ic0" "nothing" (func)))';
    const mistyped = '(module (import "ic0" "msg_reply" (func (param i32))))';
    const elsewhere = '(module (import "env" "msg_reply" (func)))';
    const wide = '(module (import "ic0" "msg_arg_data_size" (func (result i64))))';
    for (const text of [unknown, mistyped, elsewhere, wide]) {
      expect(refusalOf(wat(text))).toMatchObject({ code: 'IC0505' });
    }
    expect(refusalOf(wat('(module (import "ic0" "msg_reply" (func)))'))).toBeUndefined();
  });

  it('row 53: calls for 32-bit memories are refused on memory64, and linked on wasm32', () => {
    const old = [...SYSTEM_IMPORTS]
      .filter(([, { only32 }]) => only32 === true)
      .map(([name]) => name);
    expect(old.sort()).toEqual([
      'call_cycles_add',
      'canister_cycle_balance',
      'msg_cycles_accept',
      'msg_cycles_available',
      'msg_cycles_refunded',
      'stable_grow',
      'stable_read',
      'stable_size',
      'stable_write',
    ]);
    for (const name of old) {
      expect(refusalOf(wat(`(module ${importOf(name, 64)} (memory i64 1))`))).toMatchObject({
        code: 'IC0505',
      });
      expect(refusalOf(wat(`(module ${importOf(name, 32)} (memory 1))`))).toBeUndefined();
    }
  });

  it('row 53: every function links in both widths', () => {
    for (const bits of [32, 64]) {
      const names = [...SYSTEM_IMPORTS].filter(([, { only32 }]) => bits === 32 || only32 !== true);
      const imports = names.map(([name]) => importOf(name, bits)).join('\n');
      const memory = bits === 64 ? '(memory i64 1)' : '(memory 1)';
      installed(wat(`(module ${imports} ${memory})`));
    }
  });

  it('row 41: a Motoko module links with 64-bit pointers', () => {
    const canister = installed(
      motoko('persistent actor { var n = 0; public func inc() : async Nat { n += 1; n } }'),
    );
    const zero = bytes('DIDL\0\0');
    canister.update('inc', zero);
    expect([...replyOf(canister.update('inc', zero))].slice(-1)).toEqual([2]);
  });

  it('row 86: a reply over 2 MiB traps, in a query over 3 MiB', () => {
    const pages = 64;
    const big = (size: string) =>
      `(call $msg_reply_data_append (i32.const 0) (i32.const ${size})) (call $msg_reply)`;
    const canister = installed(
      module(
        update('most', big('2097152')) +
          update('more', big('2097153')) +
          query('most', big('3145728')).replace('canister_query most', 'canister_query qmost') +
          query('qmore', big('3145729')) +
          update(
            'pieces',
            '(call $msg_reply_data_append (i32.const 0) (i32.const 2097152)) (call $msg_reply_data_append (i32.const 0) (i32.const 1))',
          ),
        { pages },
      ),
    );
    expect(replyOf(canister.update('most')).length).toBe(2_097_152);
    expect(replyOf(canister.query('qmost')).length).toBe(3_145_728);
    const texts = ['more', 'pieces'].map((method) => canister.update(method).trap);
    for (const trap of [...texts, canister.query('qmore').trap]) expect(trap?.code).toBe('IC0504');
    expect(texts[0]?.message).toContain(
      'application payload size (2097153) cannot be larger than 2097152',
    );
    // A replicated query is limited like an update.
    const entry = {
      kind: 'query',
      method: 'qmost',
      argument: bytes(''),
      replicated: true,
    } as const;
    expect(canister.execute(entry).trap?.code).toBe('IC0504');
  });
});

describe('interface-spec 3.1: contexts', () => {
  it('row 92: in_replicated_execution by context', () => {
    const value = replyNumber('(i64.extend_i32_u (call $in_replicated_execution))');
    const canister = installed(
      module(`${update('u', value)} ${query('q', value)}
      (func (export "canister_inspect_message")
        (if (i32.eqz (call $in_replicated_execution)) (then (call $accept_message))))
      (func $start (if (i32.eqz (call $in_replicated_execution)) (then unreachable))) (start $start)`),
    );
    const q = { kind: 'query', method: 'q', argument: bytes('') } as const;
    expect(numberOf(canister.update('u'))).toBe(1n);
    expect(numberOf(canister.execute({ ...q, replicated: true }))).toBe(1n);
    expect(numberOf(canister.execute({ ...q, replicated: false }))).toBe(0n);
    const inspect = { kind: 'inspect_message', method: 'u', argument: bytes('') } as const;
    expect(canister.execute(inspect).messageAccepted).toBe(true);
  });

  it('row 43: a call outside of its contexts names the call and the mode', () => {
    const call = '(call $accept_message)';
    const canister = installed(
      module(`${update('u', call)} ${query('q', call)}
      (func (export "canister_heartbeat") (call $msg_reply))
      (func (export "canister_composite_query c") ${call})
      (func (export "canister_inspect_message") (call $accept_message) (call $accept_message))`),
    );
    const said = (mode: string) =>
      `Canister violated contract: "ic0_accept_message" cannot be executed in ${mode} mode.`;
    expect(canister.update('u').trap).toEqual({ code: 'IC0504', message: said('update') });
    expect(canister.query('q').trap?.message).toBe(said('non replicated query'));
    const composite = { kind: 'composite_query', method: 'c', argument: bytes('') } as const;
    expect(canister.execute(composite, {}, 's').trap?.message).toBe(said('composite query'));
    expect(canister.execute({ kind: 'heartbeat' }).trap?.message).toBe(
      'Canister violated contract: "ic0_msg_reply" cannot be executed in heartbeat mode.',
    );
    const inspect = { kind: 'inspect_message', method: 'u', argument: bytes('') } as const;
    expect(canister.execute(inspect).trap?.code).toBe('IC0504');
    expect(canister.execute(inspect).messageAccepted).toBe(false);
  });

  it('row 93: msg_deadline is 0 for ordinary calls, else the deadline', () => {
    const canister = installed(module(update('u', replyNumber('(call $msg_deadline)'))));
    expect(numberOf(canister.update('u'))).toBe(0n);
    expect(numberOf(canister.update('u', bytes(''), { deadlineNanos: 99n }))).toBe(99n);
  });

  it('row 67: cycles of 128 bits are little endian, and accepting stops at what is attached', () => {
    const canister = installed(
      module(`
      ${update('available', `(call $msg_cycles_available128 (i32.const 0)) ${reply(0, 16)}`)}
      ${update('balance', `(call $canister_cycle_balance128 (i32.const 0)) ${reply(0, 16)}`)}
      ${update('accept', `(call $msg_cycles_accept128 (i64.const 1) (i64.const 5) (i32.const 0)) ${reply(0, 16)}`)}
      ${update(
        'after',
        `(call $msg_reply) (call $msg_cycles_available128 (i32.const 0))
        (if (i64.ne (i64.load (i32.const 0)) (i64.const 0)) (then unreachable))`,
      )}
      ${update('narrow', '(drop (call $msg_cycles_available))')}
      ${update('burn', `(call $cycles_burn128 (i64.const 9) (i64.const 0) (i32.const 0)) ${reply(0, 16)}`)}
      ${update('liquid', `(call $canister_liquid_cycle_balance128 (i32.const 0)) ${reply(0, 16)}`)}`),
    );
    const cyclesIn = (content: Uint8Array): bigint => {
      const view = new DataView(content.buffer);
      return (view.getBigUint64(8, true) << 64n) | view.getBigUint64(0, true);
    };
    const large = (3n << 64n) + 7n;
    const none = bytes('');
    const asked = (method: string, context: object) => canister.update(method, none, context);
    expect(cyclesIn(replyOf(asked('available', { cyclesAvailable: large })))).toBe(large);
    expect(cyclesIn(replyOf(asked('balance', { balance: large })))).toBe(large);
    const accepted = asked('accept', { cyclesAvailable: large });
    expect(cyclesIn(replyOf(accepted))).toBe((1n << 64n) + 5n);
    expect(accepted.cyclesAccepted).toBe((1n << 64n) + 5n);
    const less = asked('accept', { cyclesAvailable: 3n });
    expect([cyclesIn(replyOf(less)), less.cyclesAccepted]).toEqual([3n, 3n]);
    expect(asked('after', { cyclesAvailable: large }).trap).toBeUndefined();
    expect(asked('narrow', { cyclesAvailable: large }).trap?.code).toBe('IC0502');
    const burned = asked('burn', { balance: 1_000n, freezingReserve: 400n });
    expect([cyclesIn(replyOf(burned)), burned.cyclesBurned]).toEqual([600n, 600n]);
    expect(cyclesIn(replyOf(asked('liquid', { balance: 5n, freezingReserve: 9n })))).toBe(0n);
    expect(cyclesIn(replyOf(asked('liquid', {})))).toBe(CONTEXT.balance);
  });
});
