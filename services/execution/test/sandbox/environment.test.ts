import { describe, expect, it } from 'vitest';
import {
  bytes,
  CANISTER,
  CONTEXT,
  installed,
  module,
  numberOf,
  query,
  reply,
  replyNumber,
  replyOf,
  textOf,
  USER,
  update,
} from './support.ts';

const NONE = bytes('');
const blob = (name: string): string =>
  `(call $${name}_copy (i32.const 0) (i32.const 0) (call $${name}_size)) (call $msg_reply_data_append (i32.const 0) (call $${name}_size)) (call $msg_reply)`;

describe('interface-spec 3.2: the canister, its subnet and the time', () => {
  it('row 50: global_timer_set stores and returns the value before', () => {
    const canister = installed(
      module(
        update(
          'set',
          '(if (i64.ne (call $global_timer_set (i64.const 30)) (i64.const 20)) (then unreachable))' +
            replyNumber('(call $global_timer_set (i64.const 40))'),
        ),
      ),
    );
    const executed = canister.update('set', NONE, { globalTimerNanos: 20n });
    expect(numberOf(executed)).toBe(30n);
    expect(executed.globalTimerNanos).toBe(40n);
    expect(installed(module(update('set', ''))).update('set').globalTimerNanos).toBeUndefined();
  });

  it('row 51: time, canister_status, canister_version', () => {
    const canister = installed(
      module(
        update('time', replyNumber('(call $time)')) +
          update('status', replyNumber('(i64.extend_i32_u (call $canister_status))')) +
          update('version', replyNumber('(call $canister_version)')),
      ),
    );
    expect(numberOf(canister.update('time'))).toBe(CONTEXT.timeNanos);
    expect(numberOf(canister.update('version'))).toBe(7n);
    const statuses = (['running', 'stopping', 'stopped'] as const).map((status) =>
      numberOf(canister.update('status', NONE, { status })),
    );
    expect(statuses).toEqual([1n, 2n, 3n]);
  });

  it('row 51: performance_counter 0 counts this execution, 1 the call context', () => {
    const counters = `(i64.store (i32.const 0) (call $performance_counter (i32.const 0)))
      (i64.store (i32.const 8) (call $performance_counter (i32.const 1))) ${reply(0, 16)}`;
    const canister = installed(
      module(
        update('both', counters) +
          update('other', '(drop (call $performance_counter (i32.const 2)))'),
      ),
    );
    const executed = canister.update('both', NONE, { contextInstructions: 1_000_000n });
    const view = new DataView(replyOf(executed).buffer);
    const [own, whole] = [view.getBigUint64(0, true), view.getBigUint64(8, true)];
    expect(own).toBeGreaterThan(0n);
    expect(whole).toBeGreaterThan(1_000_000n + own);
    expect(executed.instructions).toBeGreaterThan(whole - 1_000_000n);
    expect(canister.update('both', NONE, { contextInstructions: 1_000_000n }).instructions).toBe(
      executed.instructions,
    );
    expect(canister.update('other').trap?.code).toBe('IC0504');
  });

  it('row 51: is_controller, and a malformed principal traps', () => {
    const canister = installed(
      module(
        update(
          'ask',
          `
      (call $msg_arg_data_copy (i32.const 0) (i32.const 0) (call $msg_arg_data_size))
      ${replyNumber('(i64.extend_i32_u (call $is_controller (i32.const 0) (call $msg_arg_data_size)))')}`,
        ),
      ),
    );
    expect(numberOf(canister.update('ask', USER))).toBe(1n);
    expect(numberOf(canister.update('ask', CANISTER))).toBe(0n);
    expect(canister.update('ask', new Uint8Array(30)).trap?.code).toBe('IC0504');
  });

  it('row 64: certified data up to 32 bytes, and the certificate in queries', () => {
    const canister = installed(
      module(
        update('set', '(call $certified_data_set (i32.const 0) (i32.const 32))') +
          update('more', '(call $certified_data_set (i32.const 0) (i32.const 33))') +
          query('get', blob('data_certificate')),
      ),
    );
    expect(canister.update('set').certifiedData).toEqual(new Uint8Array(32));
    expect(canister.update('more').trap?.code).toBe('IC0504');
    expect(textOf(canister.query('get', NONE, { dataCertificate: bytes('proof') }))).toBe('proof');
    expect(canister.query('get').trap?.code).toBe('IC0504');
    expect(canister.query('get').certifiedData).toBeUndefined();
  });

  it('row 95: root key, subnet id, node count', () => {
    const canister = installed(
      module(
        update('root', blob('root_key')) +
          update('subnet', blob('subnet_self')) +
          update('nodes', replyNumber('(i64.extend_i32_u (call $subnet_self_node_count))')) +
          query('qroot', blob('root_key')),
      ),
    );
    expect(replyOf(canister.update('root'))).toEqual(CONTEXT.rootKeyDer);
    expect(replyOf(canister.update('subnet'))).toEqual(CONTEXT.subnetId);
    expect(numberOf(canister.update('nodes'))).toBe(13n);
    expect(canister.query('qroot').trap?.code).toBe('IC0504');
  });

  it('row 94: environment variables by sorted index and by name', () => {
    const environmentVariables = [
      { name: 'A', value: 'one' },
      { name: 'LÄNGE', value: '' },
    ];
    const nameOf = (
      index: string,
    ) => `(call $env_var_name_copy ${index} (i32.const 0) (i32.const 0) (call $env_var_name_size ${index}))
      (call $msg_reply_data_append (i32.const 0) (call $env_var_name_size ${index})) (call $msg_reply)`;
    const argument =
      '(call $msg_arg_data_copy (i32.const 0) (i32.const 0) (call $msg_arg_data_size))';
    const name = '(i32.const 0) (call $msg_arg_data_size)';
    const canister = installed(
      module(
        update('count', replyNumber('(i64.extend_i32_u (call $env_var_count))')) +
          update('first', nameOf('(i32.const 0)')) +
          update('second', nameOf('(i32.const 1)')) +
          update('third', nameOf('(i32.const 2)')) +
          update(
            'exists',
            argument + replyNumber(`(i64.extend_i32_u (call $env_var_name_exists ${name}))`),
          ) +
          update(
            'value',
            `${argument} (call $env_var_value_copy ${name} (i32.const 500) (i32.const 0) (call $env_var_value_size ${name}))
        (call $msg_reply_data_append (i32.const 500) (call $env_var_value_size ${name})) (call $msg_reply)`,
          ),
      ),
    );
    const ask = (method: string, text: string | Uint8Array = '') =>
      canister.update(method, typeof text === 'string' ? bytes(text) : text, {
        environmentVariables,
      });
    expect(numberOf(ask('count'))).toBe(2n);
    expect([textOf(ask('first')), textOf(ask('second'))]).toEqual(['A', 'LÄNGE']);
    expect(ask('third').trap?.code).toBe('IC0504');
    expect([numberOf(ask('exists', 'A')), numberOf(ask('exists', 'B'))]).toEqual([1n, 0n]);
    expect([textOf(ask('value', 'A')), textOf(ask('value', 'LÄNGE'))]).toEqual(['one', '']);
    expect(ask('value', 'B').trap?.code).toBe('IC0504');
    expect(ask('exists', 'x'.repeat(129)).trap?.code).toBe('IC0504');
    expect(ask('exists', new Uint8Array([255])).trap?.code).toBe('IC0504');
  });

  it("row 102: the sender's signed information", () => {
    const canister = installed(
      module(
        update('info', blob('msg_caller_info_data')) +
          update('signer', blob('msg_caller_info_signer')),
      ),
    );
    const senderInfo = { info: bytes('facts'), signer: CANISTER };
    expect(textOf(canister.update('info', NONE, { senderInfo }))).toBe('facts');
    expect(replyOf(canister.update('signer', NONE, { senderInfo }))).toEqual(CANISTER);
    expect(replyOf(canister.update('info'))).toEqual(NONE);
  });

  it('row 121: costs of services', () => {
    const cost = (call: string) => update('cost', `${call} ${reply(0, 16)}`);
    const costOf = (call: string) => numberOf(installed(module(cost(call))).update('cost'));
    expect(costOf('(call $cost_create_canister (i32.const 0))')).toBe(500_000_000_000n);
    expect(
      costOf('(call $cost_http_request (i64.const 0) (i64.const 2000000) (i32.const 0))'),
    ).toBe(20_849_140_000n);
    const key = (call: string, algorithm: number) =>
      numberOf(
        installed(
          module(
            update(
              'k',
              replyNumber(
                `(i64.extend_i32_u (call $${call} (i32.const 0) (i32.const 4) (i32.const ${algorithm}) (i32.const 0)))`,
              ),
            ),
          ),
        ).update('k'),
      );
    expect([key('cost_sign_with_ecdsa', 0), key('cost_sign_with_ecdsa', 9)]).toEqual([2n, 1n]);
    expect([key('cost_sign_with_schnorr', 1), key('cost_vetkd_derive_key', 1)]).toEqual([2n, 1n]);
    const trap = installed(
      module(
        update('v2', '(call $cost_http_request_v2 (i32.const 0) (i32.const 0) (i32.const 0))'),
      ),
    ).update('v2').trap;
    expect(trap?.message).toContain('ic0.cost_http_request_v2');
  });

  it('logs are bounded, debug_print never traps, ic0.trap texts are cut', () => {
    const canister = installed(
      module(
        update(
          'print',
          '(call $debug_print (i32.const 65530) (i32.const 100)) (call $debug_print (i32.const 0) (i32.const 60000))',
        ) +
          update(
            'flood',
            '(local $i i32) (loop $l (call $debug_print (i32.const 0) (i32.const 100)) (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))',
          ) +
          update('trap', '(call $trap (i32.const 0) (i32.const 65536))') +
          update('far', '(call $trap (i32.const 65530) (i32.const 100))'),
      ),
    );
    expect(canister.update('print').logs.map(({ content }) => content.length)).toEqual([4_096]);
    const { logs } = canister.update('flood');
    expect(logs.at(-1)?.index).toBe(999n);
    expect(logs.reduce((sum, { content }) => sum + content.length, 0)).toBeLessThanOrEqual(4_096);
    expect(canister.update('trap').trap).toMatchObject({ code: 'IC0503' });
    expect(canister.update('trap').trap?.message.length).toBeLessThan(8_300);
    expect(canister.update('far').trap?.code).toBe('IC0502');
  });
});
