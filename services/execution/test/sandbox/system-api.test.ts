/** Every function of interface-spec 3.2: its type, and where it may be called, checked by calling it. */
import { describe, expect, it } from 'vitest';
import type { Entry, Trap } from '../../src/sandbox/interface.ts';
import { SYSTEM_IMPORTS } from '../../src/sandbox/system-api.ts';
import { bytes, module, TestCanister } from './support.ts';

/** The specification's table: name, type, contexts (`*` is all but the start function, `s`). */
const TABLE = `
  accept_message: -> | F
  call_cycles_add: i64 -> | U Ry Rt T
  call_cycles_add128: i64 i64 -> | U Ry Rt T
  call_data_append: I I -> | U CQ Ry Rt CRy CRt T
  call_new: I I I I I I I I -> | U CQ Ry Rt CRy CRt T
  call_on_cleanup: I I -> | U CQ Ry Rt CRy CRt T
  call_perform: -> i32 | U CQ Ry Rt CRy CRt T
  call_with_best_effort_response: i32 -> | U CQ Ry Rt CRy CRt T
  canister_cycle_balance: -> i64 | *
  canister_cycle_balance128: I -> | *
  canister_liquid_cycle_balance128: I -> | *
  canister_self_copy: I I I -> | *
  canister_self_size: -> I | *
  canister_status: -> i32 | *
  canister_version: -> i64 | *
  certified_data_set: I I -> | I G U Ry Rt T
  cost_call: i64 i64 I -> | * s
  cost_create_canister: I -> | * s
  cost_http_request: i64 i64 I -> | * s
  cost_http_request_v2: I I I -> | * s
  cost_sign_with_ecdsa: I I i32 I -> i32 | * s
  cost_sign_with_schnorr: I I i32 I -> i32 | * s
  cost_vetkd_derive_key: I I i32 I -> i32 | * s
  cycles_burn128: i64 i64 I -> | I G U RQ Ry Rt C T
  data_certificate_copy: I I I -> | NRQ CQ
  data_certificate_present: -> i32 | *
  data_certificate_size: -> I | NRQ CQ
  debug_print: I I -> | * s
  env_var_count: -> I | *
  env_var_name_copy: I I I I -> | *
  env_var_name_exists: I I -> i32 | *
  env_var_name_size: I -> I | *
  env_var_value_copy: I I I I I -> | *
  env_var_value_size: I I -> I | *
  global_timer_set: i64 -> i64 | I G U Ry Rt C T
  in_replicated_execution: -> i32 | * s
  is_controller: I I -> i32 | * s
  msg_arg_data_copy: I I I -> | I U RQ NRQ TQ CQ Ry CRy F
  msg_arg_data_size: -> I | I U RQ NRQ TQ CQ Ry CRy F
  msg_caller_copy: I I I -> | *
  msg_caller_info_data_copy: I I I -> | U RQ NRQ CQ Ry Rt CRy CRt C CC F
  msg_caller_info_data_size: -> I | U RQ NRQ CQ Ry Rt CRy CRt C CC F
  msg_caller_info_signer_copy: I I I -> | U RQ NRQ CQ Ry Rt CRy CRt C CC F
  msg_caller_info_signer_size: -> I | U RQ NRQ CQ Ry Rt CRy CRt C CC F
  msg_caller_size: -> I | *
  msg_cycles_accept: i64 -> i64 | U RQ Ry Rt
  msg_cycles_accept128: i64 i64 I -> | U RQ Ry Rt
  msg_cycles_available: -> i64 | U RQ Ry Rt
  msg_cycles_available128: I -> | U RQ Ry Rt
  msg_cycles_refunded: -> i64 | Ry Rt
  msg_cycles_refunded128: I -> | Ry Rt
  msg_deadline: -> i64 | U RQ NRQ CQ Ry Rt CRy CRt
  msg_method_name_copy: I I I -> | F
  msg_method_name_size: -> I | F
  msg_reject: I I -> | U RQ NRQ TQ CQ Ry Rt CRy CRt
  msg_reject_code: -> i32 | Ry Rt CRy CRt C
  msg_reject_msg_copy: I I I -> | Rt CRt
  msg_reject_msg_size: -> I | Rt CRt
  msg_reply: -> | U RQ NRQ TQ CQ Ry Rt CRy CRt
  msg_reply_data_append: I I -> | U RQ NRQ TQ CQ Ry Rt CRy CRt
  performance_counter: i32 -> i64 | * s
  root_key_copy: I I I -> | I G U RQ Ry Rt C T
  root_key_size: -> I | I G U RQ Ry Rt C T
  stable64_grow: i64 -> i64 | * s
  stable64_read: i64 i64 i64 -> | * s
  stable64_size: -> i64 | * s
  stable64_write: i64 i64 i64 -> | * s
  stable_grow: i32 -> i32 | * s
  stable_read: i32 i32 i32 -> | * s
  stable_size: -> i32 | * s
  stable_write: i32 i32 i32 -> | * s
  subnet_self_copy: I I I -> | *
  subnet_self_node_count: -> i32 | *
  subnet_self_size: -> I | *
  time: -> i64 | *
  trap: I I -> | * s
`;

interface Row {
  readonly name: string;
  readonly params: readonly string[];
  readonly results: readonly string[];
  readonly contexts: readonly string[];
}

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
const ROWS: readonly Row[] = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [, name = '', params = '', results = '', contexts = ''] =
      /^ *(\w+):(.*)->(.*)\|(.*)$/.exec(line) ?? [];
    return {
      name,
      params: words(params),
      results: words(results),
      contexts: words(contexts),
    };
  });

const NOTHING = bytes('');
const callback = { function: 0n, environment: 0n };
const method = (kind: 'update' | 'composite_query' | 'inspect_message'): Entry => ({
  kind,
  method: kind[0] ?? '',
  argument: NOTHING,
});
const queryAs = (replicated: boolean): Entry => ({
  kind: 'query',
  method: 'q',
  argument: NOTHING,
  replicated,
});
const onReply: Entry = { kind: 'reply_callback', callback, reply: NOTHING };
const onReject: Entry = { kind: 'reject_callback', callback, code: 4, message: '' };
const onCleanup: Entry = { kind: 'cleanup', callback, code: 4 };

/** Contexts that an installed canister can be brought into. TQ needs HTTP outcalls. */
const ENTRIES: readonly (readonly [string, string, Entry, string?])[] = [
  ['U', 'update', method('update')],
  ['RQ', 'replicated query', queryAs(true)],
  ['NRQ', 'non replicated query', queryAs(false)],
  ['Ry', 'reply callback', onReply],
  ['Rt', 'reject callback', onReject],
  ['C', 'cleanup', onCleanup],
  ['F', 'inspect message', method('inspect_message')],
  ['T', 'heartbeat', { kind: 'heartbeat' }],
  ['T', 'global timer', { kind: 'global_timer' }],
  ['T', 'on low Wasm memory', { kind: 'on_low_wasm_memory' }],
  ['CQ', 'composite query', method('composite_query'), 'one'],
  ['CRy', 'composite reply callback', onReply, 'calm'],
  ['CRt', 'composite reject callback', onReject, 'calm'],
  ['CC', 'composite cleanup', onCleanup, 'calm'],
];

const exported = (name: string): string => `(func (export "canister_${name}") (call $try))`;

function callOf({ name, params, results }: Row): string {
  const values = params.map((type) => `(${type === 'I' ? 'i32' : type}.const 0)`).join(' ');
  const call = `(call $${name} ${values})`;
  return `(func $try ${results.length === 0 ? call : `(drop ${call})`})`;
}

const everywhere = (row: Row): Uint8Array =>
  module(`${callOf(row)} (func $back (param i32) (call $try)) (table funcref (elem $back))
    ${['update u', 'query q', 'composite_query c', 'inspect_message'].map(exported).join('\n')}
    ${['heartbeat', 'global_timer', 'on_low_wasm_memory'].map(exported).join('\n')}
    (func (export "canister_composite_query calm"))`);

/** Whether the trap says that the function may not be called in this mode. */
const forbidden = (name: string, mode: string, trap: Trap | undefined): boolean =>
  trap?.message === `Canister violated contract: "ic0_${name}" cannot be executed in ${mode} mode.`;

function installTrap(row: Row, body: string): Trap | undefined {
  return new TestCanister().install(module(callOf(row) + body)).trap;
}

function upgradeTrap(row: Row): Trap | undefined {
  const canister = new TestCanister();
  canister.install(module(callOf(row) + exported('pre_upgrade')));
  return canister.install(module(''), { mode: 'upgrade' }).trap;
}

/** Where the function is forbidden, found out by calling it. */
function forbiddenIn(row: Row): string[] {
  const canister = new TestCanister();
  expect(canister.install(everywhere(row)).trap).toBeUndefined();
  const calm = { kind: 'composite_query', method: 'calm', argument: NOTHING } as const;
  canister.execute(calm, {}, 'calm');
  const found = ENTRIES.filter(([, mode, entry, session]) =>
    forbidden(row.name, mode, canister.execute(entry, {}, session).trap),
  ).map(([tag]) => tag);
  const atStart = installTrap(row, '(start $try)');
  const atInit = installTrap(row, exported('init'));
  if (forbidden(row.name, 'start', atStart)) found.push('s');
  if (forbidden(row.name, 'init', atInit)) found.push('I');
  if (forbidden(row.name, 'pre upgrade', upgradeTrap(row))) found.push('G');
  return found;
}

describe('interface-spec 3.2', () => {
  it('row 42: the functions that may be imported, and their types', () => {
    const own = [...SYSTEM_IMPORTS].map(([name, { params, results }]) => ({
      name,
      params,
      results,
    }));
    const spec = ROWS.map(({ name, params, results }) => ({ name, params, results }));
    const byName = (left: { name: string }, right: { name: string }) =>
      left.name < right.name ? -1 : 1;
    expect(own.sort(byName)).toEqual(spec.toSorted(byName));
  });

  it('row 43: every function is forbidden exactly where the table leaves it out', {
    timeout: 120_000,
  }, () => {
    const tags = [...ENTRIES.map(([tag]) => tag), 's', 'I', 'G'];
    for (const row of ROWS) {
      const all = row.contexts.includes('*');
      const expected = tags.filter((tag) => !(row.contexts.includes(tag) || (all && tag !== 's')));
      expect([row.name, forbiddenIn(row)]).toEqual([row.name, expected]);
    }
  });
});
