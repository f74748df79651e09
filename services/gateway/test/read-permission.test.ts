import { utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { checkPaths, checkRead, type ReadContext } from '../src/core/read-permission.ts';

const ROOT = Uint8Array.of(1);
const SUBNET = Uint8Array.of(2);
const CANISTER = Uint8Array.of(3);
const ID = new Uint8Array(32);

const canister = (version: 2 | 3): ReadContext => ({
  version,
  target: { kind: 'canister', id: CANISTER },
  rootSubnetId: ROOT,
});
const subnet = (version: 2 | 3): ReadContext => ({
  version,
  target: { kind: 'subnet', id: SUBNET },
  rootSubnetId: ROOT,
});
const CONTEXTS = [canister(2), canister(3), subnet(2), subnet(3)];

type Path = (string | Uint8Array)[];

const bytesOf = (path: Path): Uint8Array[] =>
  path.map((label) => (typeof label === 'string' ? utf8(label) : label));

/** Allowed in: canister v2, canister v3, subnet v2, subnet v3. */
const TABLE: [Path, string][] = [
  [['time'], 'yyyy'],
  [['time', 'x'], 'nnnn'],
  [[], 'nnnn'],
  [['unknown'], 'nnnn'],
  [['toString'], 'nnnn'],
  [['api_boundary_nodes'], 'yyyy'],
  [['api_boundary_nodes', SUBNET], 'yyyy'],
  [['api_boundary_nodes', SUBNET, 'domain'], 'yyyy'],
  [['api_boundary_nodes', SUBNET, 'ipv4_address'], 'yyyy'],
  [['api_boundary_nodes', SUBNET, 'ipv6_address'], 'yyyy'],
  [['api_boundary_nodes', SUBNET, 'secret'], 'nnnn'],
  [['api_boundary_nodes', SUBNET, 'domain', 'x'], 'nnnn'],
  [['subnet'], 'yyyy'],
  [['subnet', SUBNET], 'yyyy'],
  [['subnet', SUBNET, 'public_key'], 'yyyy'],
  [['subnet', SUBNET, 'type'], 'yyyy'],
  [['subnet', SUBNET, 'node'], 'yyyy'],
  [['subnet', SUBNET, 'node', ID], 'yyyy'],
  [['subnet', SUBNET, 'node', ID, 'public_key'], 'yyyy'],
  [['subnet', SUBNET, 'node', ID, 'secret'], 'nnnn'],
  [['subnet', SUBNET, 'secret'], 'nnnn'],
  [['subnet', ROOT, 'canister_ranges'], 'yyyy'],
  [['subnet', SUBNET, 'canister_ranges'], 'ynyn'],
  [['subnet', SUBNET, 'metrics'], 'nnyy'],
  [['subnet', ROOT, 'metrics'], 'nnnn'],
  [['canister_ranges', SUBNET], 'nnyy'],
  [['canister_ranges'], 'nnnn'],
  [['canister_ranges', SUBNET, CANISTER], 'nnnn'],
  [['request_status', ID], 'yyyy'],
  [['request_status', ID, 'status'], 'yyyy'],
  [['request_status', ID, 'reply'], 'yyyy'],
  [['request_status', ID, 'reject_code'], 'yyyy'],
  [['request_status', ID, 'reject_message'], 'yyyy'],
  [['request_status', ID, 'error_code'], 'yyyy'],
  [['request_status', ID, 'sender'], 'nnnn'],
  [['request_status'], 'nnnn'],
  [['canister', CANISTER, 'module_hash'], 'yynn'],
  [['canister', CANISTER, 'controllers'], 'yynn'],
  [['canister', CANISTER, 'canister_creation_timestamp'], 'yynn'],
  [['canister', CANISTER, 'last_install_timestamp'], 'yynn'],
  [['canister', CANISTER, 'metadata', 'candid:service'], 'yynn'],
  [['canister', CANISTER, 'metadata', Uint8Array.of(0xff)], 'nnnn'],
  [['canister', CANISTER, 'metadata'], 'nnnn'],
  [['canister', CANISTER, 'certified_data'], 'nnnn'],
  [['canister', CANISTER], 'nnnn'],
  [['canister', SUBNET, 'module_hash'], 'nnnn'],
  [['canister'], 'nnnn'],
];

describe('readable paths', () => {
  for (const [path, expected] of TABLE) {
    test(`/${path.map((label) => (typeof label === 'string' ? label : '*')).join('/')}`, () => {
      const allowed = CONTEXTS.map((context) =>
        checkPaths([bytesOf(path)], context).kind === 'readable' ? 'y' : 'n',
      );
      expect(allowed.join('')).toBe(expected);
    });
  }

  test('ranges of two subnets or statuses of two calls are not for one request', () => {
    const ranges = (...ids: Uint8Array[]): string =>
      checkPaths(
        ids.map((id) => bytesOf(['canister_ranges', id])),
        subnet(3),
      ).kind;
    expect(ranges(SUBNET, SUBNET)).toBe('readable');
    expect(ranges(SUBNET, ROOT)).toBe('refused');
    const statuses = (...ids: Uint8Array[]): string =>
      checkPaths(
        ids.map((id) => bytesOf(['request_status', id])),
        canister(3),
      ).kind;
    expect(statuses(ID, ID)).toBe('readable');
    expect(statuses(ID, CANISTER)).toBe('refused');
  });
});

describe('who may see what was read', () => {
  const sender = Uint8Array.of(7);
  const asked = { requestId: ID, metadataNames: [] };
  const read = { requestOwner: { sender, effectiveCanisterId: CANISTER } };
  const target = { kind: 'canister', id: CANISTER } as const;
  const check = (targets?: string[]): string | undefined => {
    const authentication = targets === undefined ? {} : { targets: new Set(targets) };
    return checkRead(asked, read, { sender, authentication, target })?.text;
  };

  test('row 15: delegation targets name the called canister or the management canister', () => {
    expect(check()).toBeUndefined();
    expect(check(['03'])).toBeUndefined();
    expect(check([''])).toBeUndefined();
    expect(check(['04'])).toContain('targets');
    expect(check([])).toContain('targets');
  });

  test('a status that nobody knows may be asked for by anybody', () => {
    const authentication = { targets: new Set<string>() };
    expect(checkRead(asked, {}, { sender, authentication, target })).toBeUndefined();
  });
});
