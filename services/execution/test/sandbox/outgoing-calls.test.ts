import { describe, expect, it } from 'vitest';
import { Prices } from '../../src/core/cycles.ts';
import type { Callback, Executed } from '../../src/sandbox/interface.ts';
import {
  bytes,
  CANISTER,
  installed,
  module,
  motoko,
  numberOf,
  query,
  replyNumber,
  replyOf,
  TestCanister,
  textOf,
  update,
} from './support.ts';

const EMPTY = bytes('DIDL\0\0');
const load = '(i64.load (i32.const 0))';
const store = (value: string) => `(i64.store (i32.const 0) ${value})`;
/** `call_new` to itself, method `m`, callbacks 1, 2 and 3 with environment 7, 8 and 9. */
const NEW = `(call $canister_self_copy (i32.const 100) (i32.const 0) (call $canister_self_size))
  (call $call_new (i32.const 100) (call $canister_self_size) (i32.const 200) (i32.const 1)
    (i32.const 1) (i32.const 7) (i32.const 2) (i32.const 8))`;
const PERFORM = '(if (call $call_perform) (then unreachable))';
const TABLE = `(data (i32.const 200) "m")
  (type $callback (func (param i32)))
  (table funcref (elem $nothing $onReply $onReject $onCleanup $wrong))
  (func $nothing) (func $wrong (param i64))`;
const SIMPLE = `
  (func $onReply (param i32) ${store('(i64.extend_i32_u (local.get 0))')}
    (call $msg_arg_data_copy (i32.const 300) (i32.const 0) (call $msg_arg_data_size))
    (if (call $msg_reject_code) (then unreachable))
    (call $msg_reply_data_append (i32.const 300) (call $msg_arg_data_size)) (call $msg_reply))
  (func $onReject (param i32) ${store('(i64.extend_i32_u (local.get 0))')}
    (i32.store (i32.const 300) (call $msg_reject_code))
    (call $msg_reject_msg_copy (i32.const 304) (i32.const 0) (call $msg_reject_msg_size))
    (call $msg_reply_data_append (i32.const 300) (i32.add (i32.const 4) (call $msg_reject_msg_size))) (call $msg_reply))
  (func $onCleanup (param i32) ${store('(i64.add (i64.extend_i32_u (local.get 0)) (i64.extend_i32_u (call $msg_reject_code)))')})
  ${query('get', replyNumber(load))}`;
const caller = (body: string, callbacks = SIMPLE) => module(TABLE + callbacks + update('go', body));

const only = (executed: Executed) => {
  expect(executed.trap).toBeUndefined();
  expect(executed.calls.length).toBe(1);
  return executed.calls[0] as NonNullable<Executed['calls'][0]>;
};
const onReply = (callback: Callback, content = bytes('')) =>
  ({ kind: 'reply_callback', callback, reply: content }) as const;
const onReject = (callback: Callback, code: number, message: string) =>
  ({ kind: 'reject_callback', callback, code, message }) as const;

describe('interface-spec 3.3: calls', () => {
  it('row 46: a call carries callee, name, payload and callbacks', () => {
    const canister = installed(
      caller(`${NEW} (call $call_on_cleanup (i32.const 3) (i32.const 9))
      (call $call_data_append (i32.const 200) (i32.const 1)) (call $call_data_append (i32.const 200) (i32.const 1))
      ${PERFORM}`),
    );
    expect(only(canister.update('go'))).toEqual({
      callee: CANISTER,
      method: 'm',
      payload: bytes('mm'),
      cycles: 0n,
      onReply: { function: 1n, environment: 7n },
      onReject: { function: 2n, environment: 8n },
      onCleanup: { function: 3n, environment: 9n },
      timeoutSeconds: undefined,
      prepaidCycles: new Prices(13).call(3, { memory64: false }),
    });
  });

  it('row 46 and 66: reply and reject callbacks run with their environment', () => {
    const canister = installed(caller(`${NEW} ${PERFORM}`));
    const call = only(canister.update('go'));
    expect(textOf(canister.execute(onReply(call.onReply, bytes('pong'))))).toBe('pong');
    expect(numberOf(canister.query('get'))).toBe(7n);
    const rejected = replyOf(canister.execute(onReject(call.onReject, 4, 'no')));
    expect([...rejected]).toEqual([4, 0, 0, 0, ...bytes('no')]);
    expect(numberOf(canister.query('get'))).toBe(8n);
  });

  it('row 66: msg_reject_msg traps in a reply callback', () => {
    const bad = SIMPLE.replace(
      '(if (call $msg_reject_code) (then unreachable))',
      '(drop (call $msg_reject_msg_size))',
    );
    const canister = installed(caller(`${NEW} ${PERFORM}`, bad));
    const { trap } = canister.execute(onReply({ function: 1n, environment: 0n }));
    expect(trap?.message).toContain(
      '"ic0_msg_reject_msg_size" cannot be executed in reply callback mode',
    );
  });

  it('row 57: a trapping callback is rolled back, cleanup runs on the state before and is kept', () => {
    const trapping = SIMPLE.replace(
      '(func $onReply (param i32)',
      `(func $onReply (param i32) ${store('(i64.const 555)')} unreachable`,
    );
    const canister = installed(
      caller(
        `${store('(i64.const 3)')} ${NEW} (call $call_on_cleanup (i32.const 3) (i32.const 9)) ${PERFORM}`,
        trapping,
      ),
    );
    const call = only(canister.update('go'));
    expect(canister.execute(onReply(call.onReply)).trap?.code).toBe('IC0502');
    expect(numberOf(canister.query('get'))).toBe(3n);
    const callback = call.onCleanup as Callback;
    expect(canister.execute({ kind: 'cleanup', callback, code: 5 }).trap).toBeUndefined();
    expect(numberOf(canister.query('get'))).toBe(14n);
  });

  it('row 57: cleanup can neither call nor answer', () => {
    for (const forbidden of [
      NEW,
      '(call $msg_reply)',
      '(call $certified_data_set (i32.const 0) (i32.const 1))',
    ]) {
      const cleanup = SIMPLE.replace(
        '(func $onCleanup (param i32)',
        `(func $onCleanup (param i32) ${forbidden}`,
      );
      const canister = installed(caller(`${NEW} ${PERFORM}`, cleanup));
      const entry = {
        kind: 'cleanup',
        callback: { function: 3n, environment: 0n },
        code: 1,
      } as const;
      expect(canister.execute(entry).trap).toMatchObject({ code: 'IC0504' });
    }
  });

  it('row 46: a callback of another type, at no function or outside of the table traps', () => {
    const canister = installed(caller(`${NEW} ${PERFORM}`));
    for (const index of [0n, 4n, 5n, 2n ** 32n - 1n]) {
      expect(canister.execute(onReply({ function: index, environment: 0n })).trap?.code).toBe(
        'IC0502',
      );
    }
    const tableless = installed(module(update('x', '')));
    expect(tableless.execute(onReply({ function: 0n, environment: 0n })).trap?.code).toBe('IC0502');
  });

  it('row 58: several calls in one execution, and an unfinished one is dropped with its cycles back', () => {
    const canister = installed(
      caller(`${NEW} ${PERFORM} ${NEW} (call $call_cycles_add128 (i64.const 0) (i64.const 5)) ${PERFORM}
      ${NEW} (call $call_cycles_add128 (i64.const 0) (i64.const 1000))
      (call $canister_cycle_balance128 (i32.const 0)) ${NEW} (call $call_cycles_add128 (i64.const 0) (i64.const 7))
      (call $canister_cycle_balance128 (i32.const 16))
      (call $msg_reply_data_append (i32.const 0) (i32.const 32)) (call $msg_reply)`),
    );
    const executed = canister.update('go');
    const prepaid = new Prices(13).call(1, { memory64: false });
    expect(executed.calls.map(({ cycles, prepaidCycles }) => [cycles, prepaidCycles])).toEqual([
      [0n, prepaid],
      [5n, prepaid],
    ]);
    const view = new DataView(replyOf(executed).buffer);
    const start = 100_000_000_000_000n - 2n * prepaid - 5n;
    expect([view.getBigUint64(0, true), view.getBigUint64(16, true)]).toEqual([
      start - 1000n,
      start - 7n,
    ]);
  });

  it('row 58: call functions trap without call_new, also right after call_perform', () => {
    const bodies = [
      '(drop (call $call_perform))',
      '(call $call_on_cleanup (i32.const 0) (i32.const 0))',
      '(call $call_data_append (i32.const 0) (i32.const 0))',
      `${NEW} ${PERFORM} (drop (call $call_perform))`,
      '(call $call_cycles_add128 (i64.const 0) (i64.const 0))',
      '(call $call_with_best_effort_response (i32.const 1))',
      `${NEW} (call $call_on_cleanup (i32.const 0) (i32.const 0)) (call $call_on_cleanup (i32.const 0) (i32.const 0))`,
      `${NEW} (call $call_with_best_effort_response (i32.const 1)) (call $call_with_best_effort_response (i32.const 1))`,
    ];
    for (const body of bodies)
      expect(installed(caller(body)).update('go').trap?.code).toBe('IC0504');
  });

  it('row 59 and 68: call_perform answers 2 when slots are gone or the canister would freeze', () => {
    const canister = installed(
      caller(`${NEW} (call $call_cycles_add128 (i64.const 0) (i64.const 10))
      (i64.store (i32.const 0) (i64.extend_i32_u (call $call_perform)))
      (call $canister_cycle_balance128 (i32.const 8))
      (call $msg_reply_data_append (i32.const 0) (i32.const 24)) (call $msg_reply)`),
    );
    const asked = (context: object) => {
      const executed = canister.update('go', bytes(''), context);
      const view = new DataView(replyOf(executed).buffer);
      return [
        Number(view.getBigUint64(0, true)),
        executed.calls.length,
        view.getBigUint64(8, true),
      ];
    };
    const cost = new Prices(13).call(1, { memory64: false });
    const full = 100_000_000_000_000n;
    expect(asked({})).toEqual([0, 1, full - cost - 10n]);
    expect(asked({ callSlots: 0 })).toEqual([2, 0, full]);
    const hex = '00000000000000010101';
    expect(asked({ callSlotsPerCallee: 3, openCalls: { [hex]: 3 } })).toEqual([2, 0, full]);
    expect(asked({ callSlotsPerCallee: 3, openCalls: { [hex]: 2 } })[0]).toBe(0);
    expect(asked({ balance: cost + 110n, freezingReserve: 100n })).toEqual([0, 1, 100n]);
    expect(asked({ balance: cost + 109n, freezingReserve: 100n })).toEqual([2, 0, cost + 109n]);
  });

  it('row 56: adding more cycles than are liquid traps', () => {
    const canister = installed(
      caller(`${NEW} (call $call_cycles_add128 (i64.const 0) (i64.const 10))`),
    );
    expect(
      canister.update('go', bytes(''), { balance: 19n, freezingReserve: 10n }).trap?.code,
    ).toBe('IC0207');
    expect(
      canister.update('go', bytes(''), { balance: 20n, freezingReserve: 10n }).trap,
    ).toBeUndefined();
  });

  it('row 87: a payload of 10 MiB is sent, one byte more traps', () => {
    const body = (size: number) =>
      `${NEW} (call $call_data_append (i32.const 0) (i32.const ${size})) ${PERFORM}`;
    const wasm = module(
      TABLE + SIMPLE + update('most', body(10_485_760)) + update('more', body(10_485_761)),
      { pages: 200 },
    );
    const canister = installed(wasm);
    expect(only(canister.update('most')).payload.length).toBe(10_485_760);
    expect(canister.update('more').trap?.message).toContain(
      '(10485761) cannot be larger than 10485760',
    );
  });

  it('row 93: a bounded wait is cut to 300 s', () => {
    const body = (seconds: number) =>
      `${NEW} (call $call_with_best_effort_response (i32.const ${seconds})) ${PERFORM}`;
    expect(only(installed(caller(body(7))).update('go')).timeoutSeconds).toBe(7);
    expect(only(installed(caller(body(-1))).update('go')).timeoutSeconds).toBe(300);
  });

  it('row 58: bad callee and method names trap', () => {
    const calls = [
      '(call $call_new (i32.const 0) (i32.const 30) (i32.const 200) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))',
      '(call $call_new (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 20001) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))',
      '(call $call_new (i32.const 0) (i32.const 1) (i32.const 500) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))',
      '(call $call_new (i32.const 65530) (i32.const 10) (i32.const 200) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))',
    ];
    for (const call of calls) {
      const trap = installed(module(`(data (i32.const 500) "\\ff") ${update('go', call)}`)).update(
        'go',
      ).trap;
      expect(trap?.code).toMatch(/IC050[24]/);
    }
  });

  it('row 70: cost_call is what call_perform takes, and grows with size', () => {
    const cost = (name: number, payload: number) =>
      `(call $cost_call (i64.const ${name}) (i64.const ${payload}) (i32.const 0))`;
    const get = (body: string) =>
      update(
        'cost',
        `${body} (call $msg_reply_data_append (i32.const 0) (i32.const 16)) (call $msg_reply)`,
      );
    const costOf = (name: number, payload: number) =>
      numberOf(installed(module(get(cost(name, payload)))).update('cost'));
    const call = only(
      installed(
        caller(`${NEW} (call $call_data_append (i32.const 0) (i32.const 99)) ${PERFORM}`),
      ).update('go'),
    );
    expect(costOf(1, 99)).toBe(call.prepaidCycles);
    expect(costOf(1, 100)).toBe(call.prepaidCycles + 1_000n);
    expect(costOf(1, 1_000_000)).toBeGreaterThan(costOf(1, 100));
  });
});

describe('Motoko calls itself', { timeout: 60_000 }, () => {
  it('row 46: an await round trip through the table of a table64 module', () => {
    const canister = installed(
      motoko(`persistent actor Self {
      var n = 0;
      public func one() : async Nat { 1 };
      public func both() : async Nat { n += await one(); n += await one(); n };
    }`),
      { argument: EMPTY },
    );
    const first = only(canister.update('both', EMPTY));
    expect(first.method).toBe('one');
    const one = replyOf(canister.update('one', first.payload, { caller: CANISTER }));
    const second = only(canister.execute(onReply(first.onReply, one)));
    const executed = canister.execute(onReply(second.onReply, one));
    expect(replyOf(executed).at(-1)).toBe(2);
  });

  it('row 66: a rejected call throws in Motoko with its code and text', () => {
    const canister = installed(
      motoko(`
      import Prim "mo:⛔";
      persistent actor Self {
        public func one() : async Nat { 1 };
        public func go() : async Text { try { ignore await one(); "?" } catch e { Prim.errorMessage(e) } };
      }`),
      { argument: EMPTY },
    );
    const call = only(canister.update('go', EMPTY));
    expect(textOf(canister.execute(onReject(call.onReject, 5, 'sorry')))).toContain('sorry');
  });
});

describe('interface-spec 5.11: composite queries', () => {
  const COMPOSITE = module(`${TABLE}
    (func $onReply (param i32) (i64.store (i32.const 0) (i64.add ${load} (i64.const 10))) (memory.fill (i32.const 65536) (i32.const 3) (i32.const 8))
      ${replyNumber(load)})
    (func $onReject (param i32) (unreachable)) (func $onCleanup (param i32))
    (func (export "canister_composite_query c") ${store('(i64.const 5)')} (drop (memory.grow (i32.const 1)))
      (drop (call $stable64_grow (i64.const 1))) ${NEW} ${PERFORM})
    (func (export "canister_composite_query present") ${replyNumber('(i64.extend_i32_u (call $data_certificate_present))')})
    ${query('get', replyNumber(load))} ${query('present', replyNumber('(i64.extend_i32_u (call $data_certificate_present))')).replace('query present', 'query qpresent')}`);
  const start = { kind: 'composite_query', method: 'c', argument: bytes('') } as const;

  it("row 79: changes last for the query's own callbacks only, and calls cost nothing", () => {
    const canister = installed(COMPOSITE);
    const call = only(canister.execute(start, {}, 'one'));
    expect(call.prepaidCycles).toBe(0n);
    expect(numberOf(canister.query('get'))).toBe(0n);
    const other = only(canister.execute(start, {}, 'two'));
    expect(numberOf(canister.execute(onReply(call.onReply), {}, 'one'))).toBe(15n);
    expect(numberOf(canister.execute(onReply(call.onReply), {}, 'one'))).toBe(25n);
    expect(numberOf(canister.execute(onReply(other.onReply), {}, 'two'))).toBe(15n);
    expect(numberOf(canister.query('get'))).toBe(0n);
    expect(canister.sandbox.run({ kind: 'forget', session: 'one' })).toEqual({ kind: 'forgotten' });
    expect(canister.execute(onReply(call.onReply), {}, 'one').trap?.code).toBe('IC0529');
  });

  it("row 65: data_certificate_present is 1 in the query's entry only", () => {
    const dataCertificate = bytes('certificate');
    const canister = installed(COMPOSITE);
    const present = { kind: 'composite_query', method: 'present', argument: bytes('') } as const;
    expect(numberOf(canister.execute(present, { dataCertificate }, 's'))).toBe(1n);
    expect(numberOf(canister.execute(present, {}, 's'))).toBe(0n);
    expect(numberOf(canister.query('qpresent', bytes(''), { dataCertificate }))).toBe(1n);
    const replicated = {
      kind: 'query',
      method: 'qpresent',
      argument: bytes(''),
      replicated: true,
    } as const;
    expect(numberOf(canister.execute(replicated, { dataCertificate }))).toBe(0n);
    const callback = SIMPLE.replace(
      `(func $onReply (param i32)`,
      `(func $onReply (param i32)
      (if (call $data_certificate_present) (then unreachable))`,
    );
    const update0 = installed(
      caller(
        `(if (call $data_certificate_present) (then unreachable)) ${NEW} ${PERFORM}`,
        callback,
      ),
    );
    const call = only(update0.update('go', bytes(''), { dataCertificate }));
    expect(update0.execute(onReply(call.onReply), { dataCertificate }).trap).toBeUndefined();
    const composite = new TestCanister(update0.sandbox);
    composite.install(COMPOSITE, { mode: 'reinstall' });
    const own = only(composite.execute(start, { dataCertificate }, 's'));
    expect(composite.execute(onReply(own.onReply), { dataCertificate }, 's').trap).toBeUndefined();
  });
});
