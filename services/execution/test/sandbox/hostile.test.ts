import { describe, expect, it } from 'vitest';
import { wat } from '../wasm/canisters.ts';
import {
  bytes,
  installed,
  module,
  numberOf,
  OTHER,
  query,
  refusalOf,
  replyNumber,
  TestCanister,
  update,
} from './support.ts';

const NONE = bytes('');
const load = '(i64.load (i32.const 0))';
const COUNT = update(
  'inc',
  `(i64.store (i32.const 0) (i64.add ${load} (i64.const 1))) ${replyNumber(load)}`,
);

/** After the attack: the same canister and another one in the same sandbox go on. */
function check(
  attack: string,
  expected: { code: string; message?: string },
  context: object = {},
): void {
  const canister = installed(module(COUNT + attack));
  const neighbour = new TestCanister(canister.sandbox, OTHER);
  neighbour.install(module(COUNT));
  expect([numberOf(canister.update('inc')), numberOf(neighbour.update('inc'))]).toEqual([1n, 1n]);
  const limits = { instructionLimit: 500_000_000n, ...context };
  const first = canister.update('attack', NONE, limits);
  expect(first.trap).toMatchObject(expected);
  const second = canister.update('attack', NONE, limits);
  expect(second).toEqual(first);
  expect([numberOf(canister.update('inc')), numberOf(neighbour.update('inc'))]).toEqual([2n, 2n]);
}

describe('hostile canisters', { timeout: 60_000 }, () => {
  it('row 52: an endless loop stops at the instruction limit', () => {
    check(update('attack', '(loop $l (br $l))'), {
      code: 'IC0522',
      message:
        'Canister exceeded the limit of 500000000 instructions for single message execution.',
    });
    check(
      update(
        'attack',
        '(loop $l (i64.store (i32.const 8) (i64.const 1)) (call $debug_print (i32.const 0) (i32.const 50)) (br $l))',
      ),
      { code: 'IC0522' },
    );
  });

  it('row 52: an endless loop in start, canister_init, a query, an inspection', () => {
    const endless = '(loop $l (br $l))';
    for (const body of [
      `(func $s ${endless}) (start $s)`,
      `(func (export "canister_init") ${endless})`,
    ]) {
      const context = { instructionLimit: 100_000_000n };
      expect(new TestCanister().install(module(body), { context }).trap?.code).toBe('IC0522');
    }
    const canister = installed(
      module(`${query('q', endless)} (func (export "canister_inspect_message") ${endless})`),
    );
    const limits = { instructionLimit: 100_000_000n };
    expect(canister.query('q', NONE, limits).trap?.code).toBe('IC0522');
    const inspect = { kind: 'inspect_message', method: 'q', argument: NONE } as const;
    expect(canister.execute(inspect, limits)).toMatchObject({
      trap: { code: 'IC0522' },
      messageAccepted: false,
    });
  });

  it('row 52: an instruction limit is met inside system calls that copy', () => {
    const copies =
      '(loop $l (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 65536)) (br $l))';
    check(update('attack', `(drop (call $stable64_grow (i64.const 1))) ${copies}`), {
      code: 'IC0522',
    });
  });

  it('row 98: memory.grow past the heap answers -1, past wasm_memory_limit it traps', () => {
    const all =
      '(local $n i64) (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1024)) (i32.const -1))))';
    const canister = installed(
      module(COUNT + update('all', `${all} ${replyNumber('(i64.extend_i32_u (memory.size))')}`)),
    );
    expect(numberOf(canister.update('all'))).toBeGreaterThan(64_000n);
    check(update('attack', all), { code: 'IC0539' }, { wasmMemoryLimit: 10 * 65_536 });
    // A limit that the heap already exceeds fails every update, but nothing else.
    expect(canister.update('inc', NONE, { wasmMemoryLimit: 65_536 }).trap?.code).toBe('IC0539');
  });

  it('a trap after growing the heap gives the memory back', () => {
    const canister = installed(
      module(
        COUNT +
          update(
            'attack',
            '(drop (memory.grow (i32.const 60000))) (i64.store (i32.const 3000000) (i64.const 1)) unreachable',
          ),
      ),
    );
    for (let i = 0; i < 40; i += 1) {
      expect(canister.update('attack')).toMatchObject({
        heapBytes: 65_536,
        trap: { code: 'IC0502' },
      });
    }
    expect(numberOf(canister.update('inc'))).toBe(1n);
  });

  it('stable memory written without end', () => {
    const fill = `(local $p i64) (drop (call $stable64_grow (i64.const 1000000)))
      (loop $l (call $stable64_write (i64.mul (local.get $p) (i64.const 65536)) (i64.const 0) (i64.const 1))
        (local.set $p (i64.add (local.get $p) (i64.const 1))) (br $l))`;
    const canister = installed(module(query('q', fill)));
    expect(canister.query('q').trap?.code).toBe('IC0524');
  });

  it('system calls with absurd sizes trap at once', () => {
    const attacks = [
      '(call $call_data_append (i32.const 0) (i32.const -1))',
      '(call $msg_reply_data_append (i32.const 0) (i32.const -1))',
      '(call $msg_reject (i32.const 0) (i32.const -1))',
      '(call $certified_data_set (i32.const 0) (i32.const -1))',
      '(drop (call $is_controller (i32.const 0) (i32.const -1)))',
      '(drop (call $env_var_value_size (i32.const 0) (i32.const -1)))',
      '(call $stable64_read (i64.const 0) (i64.const 0) (i64.const -1))',
      '(call $stable64_write (i64.const 0) (i64.const 0) (i64.const -1))',
      '(call $msg_caller_copy (i32.const 0) (i32.const -1) (i32.const -1))',
      '(call $trap (i32.const -1) (i32.const -1))',
      '(drop (call $cost_sign_with_ecdsa (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0)))',
    ];
    for (const attack of attacks) {
      const { trap } = installed(module(update('attack', attack))).update('attack');
      expect([attack, trap?.code]).toEqual([attack, expect.stringMatching(/IC050[234]/)]);
    }
  });

  it('system calls with absurd 64-bit sizes trap at once', () => {
    const attacks = [
      '(call $call_data_append (i64.const 0) (i64.const -1))',
      '(call $msg_reply_data_append (i64.const -8) (i64.const 9))',
      '(call $msg_caller_copy (i64.const -1) (i64.const 0) (i64.const 1))',
      '(call $msg_caller_copy (i64.const 0) (i64.const -1) (i64.const 1))',
      '(call $stable64_read (i64.const -1) (i64.const 0) (i64.const 0))',
      '(drop (call $env_var_name_size (i64.const -1)))',
      '(call $canister_cycle_balance128 (i64.const 0x7fffffffffffffff))',
    ];
    for (const attack of attacks) {
      const { trap } = installed(module(update('attack', attack), { bits: 64 })).update('attack');
      expect([attack, trap?.code]).toEqual([attack, expect.stringMatching(/IC050[24]/)]);
    }
  });

  it('calls with more than 128 MiB in one execution are refused', () => {
    const callee = '(i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1)';
    const zeros = '(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)';
    const canister = installed(
      module(
        update(
          'go',
          `(loop $l (call $call_new ${callee} ${zeros}) (call $call_data_append (i32.const 0) (i32.const 10000000))
            (br_if $l (i32.eqz (call $call_perform)))) (call $msg_reply)`,
        ),
        { pages: 160 },
      ),
    );
    expect(canister.update('go', NONE, { balance: 10n ** 20n }).calls.length).toBe(13);
  });

  it('many tiny pieces of a reply', () => {
    const canister = installed(
      module(
        update(
          'go',
          `(local $i i32)
      (loop $l (call $msg_reply_data_append (i32.const 0) (i32.const 1))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000)))) (call $msg_reply)`,
        ),
      ),
    );
    const executed = canister.update('go');
    expect(executed.response).toMatchObject({ kind: 'reply', content: { length: 100_000 } });
  });

  it('modules that are no modules', () => {
    const whole = module(COUNT);
    for (let length = 0; length < whole.length; length += 7) {
      const refusal = refusalOf(whole.slice(0, length));
      if (refusal !== undefined) expect(refusal.code).toBe('IC0505');
    }
    expect(refusalOf(new Uint8Array(100 * 1_048_576 + 1))?.code).toBe('IC0505');
    expect(refusalOf(new Uint8Array(10_000_000).fill(0x61))?.code).toBe('IC0505');
    expect(
      refusalOf(wat('(module (func (export "canister_update a b c") (param i32)))'))?.code,
    ).toBe('IC0505');
  });
});
