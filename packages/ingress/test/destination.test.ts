import { candid, MANAGEMENT } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { type Authentication, checkDestination, decodeRequest, type Url } from '../src/index.ts';
import { CANISTER, content, envelope } from './support.ts';

const OTHER = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2, 1, 1);
const FOREIGN = Uint8Array.of(9, 9, 9);
const isLocal = (id: Uint8Array): boolean => id !== FOREIGN;

const installArgument = candid.encode(
  [
    candid.record({
      mode: candid.variant({ install: candid.nullType, reinstall: candid.nullType }),
      canister_id: candid.principal,
      wasm_module: candid.blob,
      sender_canister_version: candid.opt(candid.nat64),
    }),
  ],
  [
    {
      mode: { kind: 'install' },
      canister_id: CANISTER,
      wasm_module: new Uint8Array(1000),
      sender_canister_version: undefined,
    },
  ],
);
const idArgument = candid.encode(
  [candid.record({ canister_id: candid.principal })],
  [{ canister_id: CANISTER }],
);
const chunkedArgument = candid.encode(
  [candid.record({ target_canister: candid.principal, store_canister: candid.principal })],
  [{ target_canister: CANISTER, store_canister: OTHER }],
);

type Case = {
  kind?: 'call' | 'query';
  canister?: Uint8Array;
  method?: string;
  argument?: Uint8Array;
  effectiveId?: Uint8Array;
  authentication?: Authentication;
  url?: Url;
};

function check(options: Case): string {
  const {
    kind = 'call',
    canister = CANISTER,
    method = 'm',
    argument = new Uint8Array(0),
  } = options;
  const body = content(kind, { canister_id: canister, method_name: method, arg: argument });
  const decoded = decodeRequest(kind, envelope(body));
  if (decoded.kind === 'refused') throw new Error(decoded.text);
  const { effectiveId = CANISTER, authentication = {} } = options;
  const url: Url = options.url ?? { kind: 'canister', effectiveId, isLocal };
  return checkDestination(decoded.value, authentication, url)?.text ?? 'accepted';
}

describe('effective canister id', () => {
  const management = { canister: MANAGEMENT };

  test('row 19: a canister is called under its own id', () => {
    expect(check({})).toBe('accepted');
    expect(check({ effectiveId: OTHER })).toContain('does not match');
    expect(check({ canister: FOREIGN, effectiveId: FOREIGN })).toContain('range');
  });

  test('row 19: management calls are addressed by the canister in the argument', () => {
    const call = { ...management, argument: installArgument, method: 'install_code' };
    expect(check(call)).toBe('accepted');
    expect(check({ ...call, effectiveId: OTHER })).toContain('does not match');
    const chunked = { ...management, argument: chunkedArgument, method: 'install_chunked_code' };
    expect(check(chunked)).toBe('accepted');
    expect(check({ ...chunked, effectiveId: OTHER })).toContain('does not match');
    const status = { ...management, argument: idArgument, method: 'canister_status' };
    expect(check({ ...status, kind: 'query' })).toBe('accepted');
    expect(check({ ...status, kind: 'query', effectiveId: OTHER })).toContain('does not match');
  });

  test('row 19: creation and listing go to any canister id of the subnet', () => {
    for (const method of [
      'create_canister',
      'provisional_create_canister_with_cycles',
      'internode_set_subnet_record',
      'internode_subnet_record',
    ]) {
      expect(check({ ...management, method, effectiveId: OTHER })).toBe('accepted');
      expect(check({ ...management, method, effectiveId: FOREIGN })).toContain('range');
    }
    expect(check({ ...management, kind: 'query', method: 'list_canisters' })).toBe('accepted');
  });

  test('the subnet itself takes creation and listing only', () => {
    const url: Url = { kind: 'subnet' };
    expect(check({ ...management, method: 'create_canister', url })).toBe('accepted');
    expect(check({ ...management, kind: 'query', method: 'list_canisters', url })).toBe('accepted');
    const start = { ...management, argument: idArgument, method: 'start_canister', url };
    expect(check(start)).toContain('to a subnet');
    expect(check({ url })).toContain('to a subnet');
  });

  test('row 19: arguments without a canister and garbage are refused', () => {
    for (const argument of [new Uint8Array(0), utf8('DIDL\0\0'), utf8('garbage')]) {
      for (const method of ['raw_rand', 'start_canister', 'install_chunked_code', 'no_such']) {
        expect(check({ ...management, method, argument })).toContain('names no canister');
      }
    }
  });

  test('row 15: delegation targets name the canister, `aaaaa-aa`, or the argument of a query', () => {
    const onlyCanister = { targets: new Set(['00000000000000000101']) };
    const onlyManagement = { targets: new Set(['']) };
    expect(check({ authentication: onlyCanister })).toBe('accepted');
    expect(check({ authentication: onlyManagement })).toContain('targets');
    const call = { ...management, argument: idArgument, method: 'start_canister' };
    expect(check({ ...call, authentication: onlyManagement })).toBe('accepted');
    expect(check({ ...call, authentication: onlyCanister })).toContain('targets');
    const query = { ...call, kind: 'query' as const, method: 'canister_status' };
    expect(check({ ...query, authentication: onlyCanister })).toBe('accepted');
    expect(check({ ...query, authentication: onlyManagement })).toContain('targets');
  });
});
