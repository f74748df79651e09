// The subnet record in the replicated state: who may change it, what a change may be, who hears of it.
import {
  contract,
  decodeSubnetRecord,
  encodeSubnetRecord,
  type NodeRecord,
  type SubnetRecord,
} from '@internode/contracts';
import { generateReceiverKey, nobleBls, provePossession } from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { candid, canisterIdFromIndex, selfAuthenticating, sha256 } from '@internode/encoding';
import { compareBytes, toHex, utf8 } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { RECORD } from '../../src/limits.ts';
import { deploy, refused, replied } from './management.ts';
import { answerOf, callTo, PROXY, rejectOf } from './proxy.ts';
import { MANAGEMENT, Replica, SECOND, STRANGER, USER } from './replica.ts';

const METHOD = 'internode_set_subnet_record';
const RECORD_CONTRACT = contract(
  'SubnetRecord',
  'types',
  'subnet_record',
  encodeSubnetRecord,
  decodeSubnetRecord,
);

const made = new Map<string, NodeRecord>();
function node(name: string): NodeRecord {
  const known = made.get(name);
  if (known !== undefined) return known;
  const secret = sha256(utf8(name));
  const publicKey = nodeSignatures.ed25519PublicKey(secret);
  const voteSecret = Uint8Array.from(secret);
  voteSecret[0] = 0;
  const fresh = {
    nodeId: selfAuthenticating(publicKey),
    publicKey,
    voteKey: nobleBls.publicKey(voteSecret),
    voteKeyProof: provePossession(nobleBls, voteSecret),
    receiverKey: generateReceiverKey(sha256(utf8(`receiver ${name}`))).publicKey,
    address: `${name}:4100`,
  };
  made.set(name, fresh);
  return fresh;
}

function nodes(...names: readonly string[]): NodeRecord[] {
  return names.map(node).sort((a, b) => compareBytes(a.nodeId, b.nodeId));
}

const FOUR = ['a', 'b', 'c', 'd'] as const;
const GENESIS: SubnetRecord = {
  version: 1,
  nodes: nodes(...FOUR),
  controller: USER,
  replicaVersion: '',
  halted: false,
  epochLength: 100,
};

function argument(record: SubnetRecord): Uint8Array {
  return candid.encode([candid.blob], [RECORD_CONTRACT.encode(record)]);
}

function change(replica: Replica, record: SubnetRecord, sender = USER) {
  return replica.call(MANAGEMENT, METHOD, { argument: argument(record), sender });
}

function next(changes: Partial<SubnetRecord>): SubnetRecord {
  return { ...GENESIS, version: 2, ...changes };
}

describe('the subnet record', () => {
  it('is changed by its controller; consensus hears of it with the height that changed it', () => {
    const replica = new Replica({ record: GENESIS });
    expect(replica.heard('SubnetRecordChanged')).toMatchObject([
      { height: 0, records: [{ sinceHeight: 0, record: { version: 1 } }] },
    ]);
    replica.block();
    expect(replica.advanced().recordVersion).toBe(1);
    const seven = next({ nodes: nodes(...FOUR, 'e', 'f', 'g') });
    replied(change(replica, seven));
    const heard = replica.heard('SubnetRecordChanged').at(-1);
    expect(heard?.height).toBe(2);
    expect(heard?.records.map(({ sinceHeight }) => sinceHeight)).toEqual([0, 2]);
    expect(heard?.records[1]?.record).toEqual(seven);
    expect(replica.advanced()).toMatchObject({ height: 2, recordVersion: 2 });
    // Said before the height that has it, so that nobody has to ask.
    const kinds = replica.said.map(({ kind }) => kind);
    expect(kinds.lastIndexOf('SubnetRecordChanged')).toBeLessThan(kinds.lastIndexOf('TipAdvanced'));
  });

  it('survives a restart, is told again when asked for, and stays the same on another replica', () => {
    const one = new Replica({ record: GENESIS });
    const other = new Replica({ record: GENESIS });
    const ingress = one.ingress(MANAGEMENT, METHOD, { argument: argument(next({ halted: true })) });
    expect(one.block([ingress]).subnetState).toEqual(other.block([ingress]).subnetState);
    const again = one.restart({ record: GENESIS });
    expect(again.heard('SubnetRecordChanged').at(-1)?.records).toMatchObject([
      { sinceHeight: 0 },
      { sinceHeight: 1, record: { version: 2, halted: true } },
    ]);
    again.hear({ kind: 'RequestSubnetRecord' });
    expect(again.heard('SubnetRecordChanged')).toHaveLength(2);
    // What was replaced long ago is forgotten, by all at the same height.
    for (let height = 2; height <= RECORD.heightsRemembered; height += 1) other.block();
    again.timeNanos = one.timeNanos;
    for (let height = 2; height <= RECORD.heightsRemembered; height += 1) again.block();
    for (let i = 0; i < 3; i += 1)
      expect(again.block().subnetState).toEqual(other.block().subnetState);
    again.hear({ kind: 'RequestSubnetRecord' });
    expect(again.heard('SubnetRecordChanged').at(-1)?.records).toHaveLength(1);
  });

  it('only by its controller, and only where there is one', () => {
    const replica = new Replica({ record: GENESIS });
    expect(refused(change(replica, next({ halted: true }), STRANGER))).toMatchObject({
      code: 5,
      errorCode: 'IC0512',
    });
    const options = { argument: argument(next({ halted: true })) };
    expect(replica.inspect(MANAGEMENT, METHOD, options)).toBeUndefined();
    expect(replica.inspect(MANAGEMENT, METHOD, { ...options, sender: STRANGER })?.errorCode).toBe(
      'IC0512',
    );
    const uncontrolled = new Replica();
    uncontrolled.block();
    expect(uncontrolled.advanced().recordVersion).toBeUndefined();
    expect(refused(change(uncontrolled, next({ halted: true }))).errorCode).toBe('IC0512');
    expect(uncontrolled.inspect(MANAGEMENT, METHOD, options)?.errorCode).toBe('IC0512');
  });

  it('is told to its controller, certified as every answer', () => {
    const replica = new Replica({ record: GENESIS });
    const read = { argument: candid.encode([], []) };
    const told = replied(replica.call(MANAGEMENT, 'internode_subnet_record', read));
    const decoded = candid.decode([candid.blob], told);
    expect(decoded).toEqual({ kind: 'valid', value: [RECORD_CONTRACT.encode(GENESIS)] });
    const stranger = { ...read, sender: STRANGER };
    expect(refused(replica.call(MANAGEMENT, 'internode_subnet_record', stranger)).errorCode).toBe(
      'IC0512',
    );
    expect(replica.inspect(MANAGEMENT, 'internode_subnet_record', stranger)?.errorCode).toBe(
      'IC0512',
    );
    expect(replica.inspect(MANAGEMENT, 'internode_subnet_record', read)).toBeUndefined();
  });

  it('members in force, not those of the record, decide prices; state hears of them; a restart keeps them', () => {
    const replica = new Replica({ record: GENESIS });
    const publicKey = new Uint8Array(44);
    const members = {
      nodes: Array.from({ length: 26 }, (_, i) => ({ nodeId: Uint8Array.of(i), publicKey })),
    };
    const { subnet } = replica.core.view();
    const before = subnet.prices.creation();
    expect(replica.block().members).toBeUndefined();
    replica.hear({ ...replica.batch(), timeNanos: replica.timeNanos + SECOND, members });
    expect(replica.executed.at(-1)?.members).toEqual(members);
    expect(subnet.members).toBe(26);
    expect(subnet.prices.creation()).toBe(2n * before);
    const again = replica.restart({ record: GENESIS }).core.view().subnet;
    expect(again.members).toBe(26);
    expect(again.prices.creation()).toBe(2n * before);
  });

  it('the controller may be a canister, and may hand over', () => {
    const canisterId = canisterIdFromIndex(0n);
    const replica = new Replica({ record: { ...GENESIS, controller: canisterId } });
    expect(toHex(deploy(replica, PROXY))).toBe(toHex(canisterId));
    expect(refused(change(replica, next({ controller: USER }))).errorCode).toBe('IC0512');
    const handOver = { payload: argument(next({ controller: USER })) };
    const call = { argument: callTo(MANAGEMENT, METHOD, handOver) };
    answerOf(replied(replica.call(canisterId, 'call', call)));
    expect(replica.core.view().subnet.records.newest?.controller).toEqual(USER);
    const again = replied(replica.call(canisterId, 'call', call));
    expect(rejectOf(again)).toMatchObject({
      code: 5,
      message: expect.stringContaining('Only the'),
    });
  });

  it('a record that may not follow is refused with its reason, and changes nothing', () => {
    const replica = new Replica({ record: GENESIS });
    const [first, second] = GENESIS.nodes as [NodeRecord, NodeRecord];
    const withFirst = (changes: Partial<NodeRecord>): Partial<SubnetRecord> => ({
      nodes: [{ ...first, ...changes }, ...GENESIS.nodes.slice(1)],
    });
    const cases: readonly [Partial<SubnetRecord>, string][] = [
      [{ version: 1 }, 'version must be 2'],
      [{ version: 3 }, 'version must be 2'],
      [{ controller: new Uint8Array(0) }, 'controller'],
      [{ replicaVersion: 'v'.repeat(RECORD.versionBytes + 1) }, 'replica_version'],
      [{ epochLength: 0 }, 'at least 16'],
      [{ epochLength: 15 }, 'at least 16'],
      [{ epochLength: RECORD.epochLength + 1 }, 'epoch_length exceeds'],
      [{ nodes: [] }, 'no nodes'],
      [{ nodes: [...GENESIS.nodes].reverse() }, 'ascending'],
      [{ nodes: [first, first, ...GENESIS.nodes.slice(1)] }, 'ascending'],
      [withFirst({ nodeId: second.nodeId }), 'principal of its key'],
      [withFirst({ publicKey: new Uint8Array(44) }), 'Ed25519'],
      [withFirst({ address: 'a'.repeat(RECORD.addressBytes + 1) }), 'address'],
      [withFirst({ receiverKey: new Uint8Array(32).fill(255) }), 'ristretto255'],
      [withFirst({ receiverKey: second.receiverKey }), 'same key'],
      [withFirst({ voteKey: node('x').voteKey }), 'does not prove'],
      [withFirst({ voteKey: new Uint8Array(0) }), 'does not prove'],
      [{ nodes: nodes('a', 'b') }, 'at most 1 of the nodes may leave'],
      [{ nodes: nodes('x') }, 'at least one node has to stay'],
      [{ nodes: nodes(...FOUR, 'e', 'f', 'g', 'h', 'i') }, 'more than 4 nodes are new'],
    ];
    for (const [changes, reason] of cases) {
      const { errorCode, message } = refused(change(replica, next(changes)));
      expect([errorCode, message]).toEqual(['IC0408', expect.stringContaining(reason)]);
    }
    const garbage = candid.encode([candid.blob], [Uint8Array.of(1, 2, 3)]);
    expect(
      refused(replica.call(MANAGEMENT, METHOD, { argument: garbage, sender: USER })).errorCode,
    ).toBe('IC0408');
    expect(replica.core.view().subnet.records.newest).toEqual(GENESIS);
    const never = new Replica({ record: { ...GENESIS, epochLength: 0 } });
    expect(refused(change(never, next({}))).message).toContain('no epochs');
  });

  it('adds, removes and replaces one after another, but not too often', () => {
    const replica = new Replica({ record: GENESIS });
    const steps = [
      nodes(...FOUR, 'e', 'f', 'g'),
      nodes('a', 'b', 'c', 'd', 'e'),
      nodes('a', 'b', 'c', 'd', 'h'),
      nodes('a', 'b', 'c', 'h'),
    ];
    for (const [index, members] of steps.entries())
      replied(change(replica, next({ version: index + 2, nodes: members })));
    for (let version = 6; version <= RECORD.remembered; version += 1)
      replied(change(replica, next({ version, nodes: nodes('a', 'b', 'c', 'h') })));
    const often = next({ version: RECORD.remembered + 1, nodes: nodes('a', 'b', 'c', 'h') });
    expect(refused(change(replica, often)).errorCode).toBe('IC0204');
    for (let i = 0; i <= RECORD.heightsRemembered; i += 1) replica.block();
    replied(change(replica, often));
  });
});
