import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { wat } from '../wasm/canisters.ts';
import {
  bytes,
  installed,
  module,
  motoko,
  numberOf,
  query,
  refusalOf,
  reply,
  replyNumber,
  replyOf,
  TestCanister,
  textOf,
  USER,
  update,
} from './support.ts';

const load = '(i64.load (i32.const 0))';
const store = (value: string) => `(i64.store (i32.const 0) ${value})`;
const EMPTY = bytes('DIDL\0\0');
/** Candid nat in a one-byte reply. */
const nat = (content: Uint8Array): number => content.at(-1) ?? -1;

const COUNTER = module(`
  (global $g (mut i64) (i64.const 0))
  ${update('inc', `${store(`(i64.add ${load} (i64.const 1))`)} (global.set $g (i64.add (global.get $g) (i64.const 1))) ${replyNumber(load)}`)}
  ${query('get', replyNumber(load))}
  ${query('global', replyNumber('(global.get $g)'))}
  ${query('change', `${store('(i64.const 99)')} (global.set $g (i64.const 99)) (drop (memory.grow (i32.const 1))) ${replyNumber(load)}`)}
  ${query('pages', replyNumber('(i64.extend_i32_u (memory.size))'))}
  ${update(
    'trap',
    `${store('(i64.const 77)')} (global.set $g (i64.const 77)) (drop (memory.grow (i32.const 3)))
    (drop (call $stable64_grow (i64.const 1))) (drop (call $global_timer_set (i64.const 5)))
    (call $certified_data_set (i32.const 0) (i32.const 4))
    (call $call_new (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (drop (call $call_perform)) (call $msg_reply) (unreachable)`,
  )}
  ${query('stable', replyNumber('(call $stable64_size)'))}`);

describe('interface-spec 5.2 and 5.3: what an execution leaves', () => {
  it('row 44: a trap in an update rolls everything back', () => {
    const canister = installed(COUNTER);
    canister.update('inc');
    const before = canister.sandbox.run({ kind: 'collect' });
    expect(before.kind).toBe('collected');
    const executed = canister.update('trap');
    expect(executed).toMatchObject({
      trap: { code: 'IC0502', message: 'Canister trapped: unreachable' },
      response: undefined,
      calls: [],
      certifiedData: undefined,
      globalTimerNanos: undefined,
    });
    expect(executed.instructions).toBeGreaterThan(0n);
    for (const [method, value] of [
      ['get', 1n],
      ['global', 1n],
      ['pages', 1n],
      ['stable', 0n],
    ] as const) {
      expect([method, numberOf(canister.query(method))]).toEqual([method, value]);
    }
    expect(canister.sandbox.run({ kind: 'collect' })).toEqual({ kind: 'collected', canisters: [] });
    expect(numberOf(canister.update('inc'))).toBe(2n);
  });

  it('row 45: changes of queries are discarded, also when they run as updates', () => {
    const canister = installed(COUNTER);
    expect(numberOf(canister.query('change'))).toBe(99n);
    const entry = {
      kind: 'query',
      method: 'change',
      argument: bytes(''),
      replicated: true,
    } as const;
    expect(numberOf(canister.execute(entry))).toBe(99n);
    for (const [method, value] of [
      ['get', 0n],
      ['global', 0n],
      ['pages', 1n],
    ] as const) {
      expect(numberOf(canister.query(method))).toBe(value);
    }
  });

  it('row 45: changes of inspect_message are discarded', () => {
    const canister = installed(
      module(`
      (func (export "canister_inspect_message") ${store('(i64.const 5)')} (call $accept_message))
      ${query('get', replyNumber(load))}`),
    );
    canister.execute({ kind: 'inspect_message', method: 'm', argument: bytes('') });
    expect(numberOf(canister.query('get'))).toBe(0n);
  });

  it('an absent hook is a success that does nothing', () => {
    const canister = installed(COUNTER);
    const executed = canister.execute({ kind: 'heartbeat' });
    expect(executed).toMatchObject({ trap: undefined, instructions: 0n });
    const inspect = { kind: 'inspect_message', method: 'inc', argument: bytes('') } as const;
    expect(canister.execute(inspect)).toMatchObject({ trap: undefined, messageAccepted: true });
  });
});

const INIT = module(`
  (func $start (i32.store8 (i32.const 0) (i32.const 83))) (start $start)
  (func (export "canister_init")
    (i32.store8 (i32.const 1) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
    (call $msg_arg_data_copy (i32.const 2) (i32.const 0) (i32.const 2))
    (call $msg_caller_copy (i32.const 4) (i32.const 0) (i32.const 2))
    (call $certified_data_set (i32.const 2) (i32.const 2))
    (drop (call $global_timer_set (i64.const 12))))
  ${query('get', reply(0, 6))}`);

describe('interface-spec 5.9: install and upgrade', () => {
  it('row 38: start, then canister_init with argument and caller', () => {
    const canister = new TestCanister();
    const executed = canister.install(INIT, { argument: bytes('xy') });
    expect(executed).toMatchObject({
      trap: undefined,
      certifiedData: bytes('xy'),
      globalTimerNanos: 12n,
      heapBytes: 65_536,
    });
    const expected = [83, 84, ...bytes('xy'), ...USER.subarray(0, 2)];
    expect([...replyOf(canister.query('get'))]).toEqual(expected);
  });

  it('row 38: a trap in start or canister_init leaves the canister empty', () => {
    for (const body of [
      '(func $s unreachable) (start $s)',
      '(func (export "canister_init") unreachable)',
    ]) {
      const canister = new TestCanister();
      expect(canister.install(module(body)).trap?.code).toBe('IC0502');
      expect(canister.update('x').trap?.code).toBe('IC0537');
      expect(canister.sandbox.run({ kind: 'collect' })).toMatchObject({ canisters: [] });
    }
  });

  it('row 38: a data segment out of bounds is a trap', () => {
    expect(new TestCanister().install(module('(data (i32.const 65535) "ab")')).trap?.code).toBe(
      'IC0502',
    );
  });

  it('row 37: gzip is unpacked, the hash is that of the upload', () => {
    const canister = installed(new Uint8Array(gzipSync(COUNTER)));
    expect(numberOf(canister.update('inc'))).toBe(1n);
    const bomb = new Uint8Array(gzipSync(new Uint8Array(101 * 1_048_576)));
    const damaged = new Uint8Array(gzipSync(COUNTER)).slice(0, 60);
    for (const wasm of [bomb, damaged, bytes('garbage'), bytes('')]) {
      expect(refusalOf(wasm)).toMatchObject({ code: 'IC0505' });
    }
  });

  const OLD = module(`
    (func (export "canister_pre_upgrade")
      ${store('(i64.const 41)')}
      (drop (call $stable64_grow (i64.const 1)))
      (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 8))
      (call $certified_data_set (i32.const 0) (i32.const 1))
      (drop (call $global_timer_set (i64.const 5))))
    (global $g (mut i64) (i64.const 3))
    ${update('inc', `${store(`(i64.add ${load} (i64.const 1))`)} (global.set $g (i64.const 4)) (call $msg_reply)`)}
    ${query('get', replyNumber(load))} ${query('stable', replyNumber('(call $stable64_size)'))}
    ${query('global', replyNumber('(global.get $g)'))}`);
  const next = (post: string) =>
    module(`
    (global $g (mut i64) (i64.const 30))
    (func $start (i64.store (i32.const 64) (i64.add (i64.load (i32.const 64)) (i64.const 1)))) (start $start)
    (func (export "canister_post_upgrade") ${post})
    ${query('get', replyNumber(load))} ${query('started', replyNumber('(i64.load (i32.const 64))'))}
    ${query('global', replyNumber('(global.get $g)'))}
    ${query('stable', replyNumber('(i64.load (i32.const 200))'))}
    ${query('pages', replyNumber('(call $stable64_size)'))}`);
  const READ = '(call $stable64_read (i64.const 200) (i64.const 0) (i64.const 8))';

  it('row 48: pre_upgrade and post_upgrade pass data through stable memory', () => {
    const canister = installed(OLD);
    const keepsStable = next('(call $stable64_read (i64.const 0) (i64.const 0) (i64.const 8))');
    const executed = canister.install(keepsStable, { mode: 'upgrade' });
    expect(executed).toMatchObject({
      trap: undefined,
      globalTimerNanos: undefined,
      certifiedData: new Uint8Array([41]),
    });
    expect(numberOf(canister.query('get'))).toBe(41n);
    expect(numberOf(canister.query('global'))).toBe(30n);
  });

  it('row 49: keep preserves the heap as pre_upgrade left it, with new globals and start run', () => {
    const canister = installed(OLD);
    canister.update('inc');
    expect(canister.install(next(READ), { mode: 'upgrade', keepHeap: true }).trap).toBeUndefined();
    expect(numberOf(canister.query('get'))).toBe(41n);
    expect(numberOf(canister.query('started'))).toBe(1n);
    expect(numberOf(canister.query('global'))).toBe(30n);
    canister.install(next(''), { mode: 'upgrade', keepHeap: true });
    expect(numberOf(canister.query('started'))).toBe(2n);
  });

  it('row 48: without keep the heap is new; skip_pre_upgrade skips', () => {
    const canister = installed(OLD);
    canister.update('inc');
    canister.install(next(''), { mode: 'upgrade', skipPreUpgrade: true });
    expect(numberOf(canister.query('get'))).toBe(0n);
    expect(numberOf(canister.query('pages'))).toBe(0n);
  });

  it('row 55: stable memory survives upgrades and is erased by reinstall', () => {
    const canister = installed(OLD);
    canister.install(next(READ), { mode: 'upgrade' });
    expect(numberOf(canister.query('stable'))).toBe(41n);
    canister.install(next(''), { mode: 'upgrade' });
    expect(numberOf(canister.query('pages'))).toBe(1n);
    canister.install(next(''), { mode: 'reinstall' });
    expect(numberOf(canister.query('pages'))).toBe(0n);
  });

  it('row 48: a trap in pre_upgrade or post_upgrade keeps everything as it was', () => {
    const trapping = module(`
      (func (export "canister_pre_upgrade") ${store('(i64.const 1)')} unreachable)
      ${update('inc', `${store(`(i64.add ${load} (i64.const 1))`)} (call $msg_reply)`)} ${query('get', replyNumber(load))}`);
    const first = installed(trapping);
    first.update('inc');
    expect(first.install(next(''), { mode: 'upgrade' }).trap?.code).toBe('IC0502');
    expect(numberOf(first.query('get'))).toBe(1n);

    for (const keepHeap of [true, false]) {
      const canister = installed(OLD);
      canister.update('inc');
      const bad = next(
        `${store('(i64.const 500)')} (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 8)) unreachable`,
      );
      const executed = canister.install(bad, { mode: 'upgrade', keepHeap });
      expect(executed).toMatchObject({
        certifiedData: undefined,
        heapBytes: 65_536,
        stableBytes: 0,
      });
      expect(executed.trap?.code).toBe('IC0502');
      expect(numberOf(canister.query('get'))).toBe(1n);
      expect(numberOf(canister.query('global'))).toBe(4n);
      expect(numberOf(canister.query('stable'))).toBe(0n);
      canister.update('inc');
      expect(numberOf(canister.query('get'))).toBe(2n);
    }
  });

  it('row 49: a heap that does not fit the new module is refused', () => {
    const canister = installed(OLD);
    for (const text of ['(module)', '(module (memory i64 1))']) {
      const executed = canister.install(wat(text), { mode: 'upgrade', keepHeap: true });
      expect(executed.trap?.code).toBe('IC0505');
    }
    expect(numberOf(canister.query('get'))).toBe(0n);
  });

  it('row 48: the steps share one instruction limit', () => {
    const busy = `(local $i i32) (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 100000))))`;
    const old = module(`(func (export "canister_pre_upgrade") ${busy})`);
    const wasm = module(`(func (export "canister_post_upgrade") ${busy})`);
    const canister = installed(old);
    const context = { instructionLimit: 1_000_000n };
    const { trap } = canister.install(wasm, { mode: 'upgrade', context });
    expect(trap).toEqual({
      code: 'IC0522',
      message: 'Canister exceeded the limit of 1000000 instructions for single message execution.',
    });
    const enough = { mode: 'upgrade', context: { instructionLimit: 3_000_000n } } as const;
    expect(canister.install(wasm, enough).trap).toBeUndefined();
  });
});

const MOTOKO = (step: number) =>
  motoko(`persistent actor {
  var n = 0;
  public func inc() : async Nat { n += ${step}; n };
  public query func get() : async Nat { n };
  public query func bump() : async Nat { n += 50; n };
}`);

describe('Motoko (memory64, table64)', { timeout: 60_000 }, () => {
  it('row 49: an upgrade with keep preserves the actor, and it goes on', () => {
    const canister = installed(MOTOKO(1), { argument: EMPTY });
    for (let i = 0; i < 3; i += 1) canister.update('inc', EMPTY);
    expect(nat(replyOf(canister.query('bump', EMPTY)))).toBe(53);
    const executed = canister.install(MOTOKO(10), {
      mode: 'upgrade',
      keepHeap: true,
      argument: EMPTY,
    });
    expect(executed.trap).toBeUndefined();
    expect(nat(replyOf(canister.query('get', EMPTY)))).toBe(3);
    expect(nat(replyOf(canister.update('inc', EMPTY)))).toBe(13);
  });

  it('row 44: a trap gives the text of ic0.trap and keeps the state', () => {
    const canister = installed(
      motoko(`
      import Prim "mo:⛔";
      persistent actor {
        var n = 0;
        public func boom() : async () { n += 1; Prim.trap("oh no") };
        public query func get() : async Nat { n };
      }`),
      { argument: EMPTY },
    );
    const executed = canister.update('boom', EMPTY);
    expect(executed.trap).toEqual({
      code: 'IC0503',
      message: "Canister called `ic0.trap` with message: 'oh no'",
    });
    expect(executed.logs.map(({ content }) => new TextDecoder().decode(content))).toEqual([
      '[TRAP]: oh no',
    ]);
    expect(nat(replyOf(canister.query('get', EMPTY)))).toBe(0);
  });

  it('row 81: debug_print reaches the log of a replicated execution only', () => {
    const canister = installed(
      motoko(`
      import Prim "mo:⛔";
      persistent actor {
        public func say() : async () { Prim.debugPrint("hello") };
        public query func ask() : async Text { Prim.debugPrint("hidden"); "x" };
      }`),
      { argument: EMPTY },
    );
    const { logs } = canister.update('say', EMPTY, { nextLogIndex: 4n });
    expect(logs.map(({ index, content }) => [index, new TextDecoder().decode(content)])).toEqual([
      [4n, 'hello'],
    ]);
    expect(canister.query('ask', EMPTY).logs).toEqual([]);
    expect(textOf(canister.query('ask', EMPTY)).slice(-1)).toBe('x');
  });
});
