// Rows of the conformance checklist (interface spec, section 10) from outside: the official clients' own checks, and bytes on the wire where
// the clients would never send them. A stopped and started replica must answer the same.

import * as previousAgent from '@dfinity/agent';
import { Principal as PreviousPrincipal } from '@dfinity/principal';
import { Actor, AnonymousIdentity, Certificate, HttpAgent, polling } from '@icp-sdk/core/agent';
import { IDL } from '@icp-sdk/core/candid';
import {
  DelegationChain,
  DelegationIdentity,
  ECDSAKeyIdentity,
  Ed25519KeyIdentity,
} from '@icp-sdk/core/identity';
import { Secp256k1KeyIdentity } from '@icp-sdk/core/identity/secp256k1';
import { Principal } from '@icp-sdk/core/principal';
import { type CborValue, decodeCbor, decodeUnsignedLeb128, sha256 } from '@internode/encoding';
import { compareBytes, fromHex, toHex, utf8 } from '@internode/prelude';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnyActor, type Canister, currentClient, EMPTY_ARGUMENT } from '../runner/clients.ts';
import { certifiedInterface, counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, startReplica } from '../runner/replica.ts';
import {
  type Answer,
  envelope,
  expiryIn,
  type Fields,
  get,
  post,
  principalOf,
} from '../runner/wire.ts';

let replica: Replica;
let counter: Canister;
let rootKey: Uint8Array;
const identity = Ed25519KeyIdentity.generate(new Uint8Array(32).fill(11));
const stranger = Ed25519KeyIdentity.generate(new Uint8Array(32).fill(12));

beforeAll(async () => {
  replica = await startReplica();
  rootKey = fromHex(replica.rootKey);
  const client = await currentClient.open(replica, 11);
  counter = await client.deploy(counterInterface, motokoModule('counter.mo'));
});
afterAll(async () => {
  await replica?.stop();
});

type Endpoint = 'call' | 'query' | 'read_state';

function url(version: number, endpoint: Endpoint, id = counter.id): string {
  return `${replica.gatewayUrl}/api/v${version}/canister/${id}/${endpoint}`;
}

let nonce = 0;
function callOf(method: string, rest: Fields = {}): Fields {
  const canister = principalOf(counter.id);
  const fields = { canister_id: canister, method_name: method, arg: EMPTY_ARGUMENT };
  return { request_type: 'call', ...fields, nonce: utf8(`nonce ${nonce++}`), ...rest };
}

function queryOf(method: string, rest: Fields = {}): Fields {
  return { ...callOf(method, rest), request_type: 'query' };
}

type Label = Uint8Array | string;
const labels = (path: readonly Label[]) =>
  path.map((label) => (typeof label === 'string' ? utf8(label) : label));

async function readState(
  paths: readonly (readonly Label[])[],
  options: {
    readonly as?: Ed25519KeyIdentity;
    readonly version?: number;
    readonly id?: string;
  } = {},
): Promise<Answer> {
  const fields = { request_type: 'read_state', paths: paths.map(labels) };
  const { body } = await envelope(fields, options.as);
  return post(url(options.version ?? 3, 'read_state', options.id), body);
}

/** The certificate in an answer, checked by the client's own code: signature, time, canister. */
function certificateOf({ map }: Answer): Promise<Certificate> {
  const principal = Principal.fromText(counter.id);
  return Certificate.create({
    certificate: map['certificate'] as Uint8Array,
    rootKey,
    principal: { canisterId: principal },
  });
}

function found(certificate: Certificate, ...path: readonly Label[]): Uint8Array {
  const result = certificate.lookup_path(labels(path));
  if (!('value' in result)) throw new Error(`${path.join('/')}: ${JSON.stringify(result)}`);
  return new Uint8Array(result.value);
}

const statusOf = (certificate: Certificate, ...path: Label[]) =>
  String(certificate.lookup_path(labels(path)).status).toLowerCase();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
function nat(bytes: Uint8Array): bigint {
  const decoded = decodeUnsignedLeb128(bytes, 0);
  if (decoded.kind !== 'valid') throw new Error('not LEB128');
  return decoded.value.value;
}
function cborOf(bytes: Uint8Array): CborValue {
  const decoded = decodeCbor(bytes);
  if (decoded.kind !== 'valid') throw new Error(decoded.reason);
  return decoded.value;
}

function actorOf(agent: HttpAgent): AnyActor {
  const shape = counterInterface as unknown as IDL.InterfaceFactory;
  return Actor.createActor(shape, { agent, canisterId: counter.id }) as unknown as AnyActor;
}

async function count(): Promise<bigint> {
  return (await counter.actor['get']?.()) as bigint;
}

describe('endpoints', () => {
  test('row 5: the status tells the root key as 133 bytes of DER', async () => {
    const { status, contentType, body, map } = await get(`${replica.gatewayUrl}/api/v2/status`);
    expect([status, contentType]).toEqual([200, 'application/cbor']);
    expect(toHex(body.subarray(0, 3))).toBe('d9d9f7');
    expect((map['root_key'] as Uint8Array).length).toBe(133);
    expect(toHex(map['root_key'] as Uint8Array)).toBe(replica.rootKey);
    expect(map['replica_health_status']).toBe('healthy');
  });

  test.each([2, 3])('rows 4 and 6: v%i query answers tagged CBOR', async (version) => {
    const { body } = await envelope(queryOf('get'), identity);
    const answer = await post(url(version, 'query'), body);
    expect([answer.status, answer.contentType]).toEqual([200, 'application/cbor']);
    expect(toHex(answer.body.subarray(0, 3))).toBe('d9d9f7');
    expect(answer.map['status']).toBe('replied');
    const { arg } = answer.map['reply'] as { arg: Uint8Array };
    expect(IDL.decode([IDL.Nat], arg)).toEqual([await count()]);
  });

  test.each([2, 3])('row 7: v%i read_state answers a certificate', async (version) => {
    const answer = await readState([['time']], { version });
    expect([answer.status, answer.contentType]).toEqual([200, 'application/cbor']);
    expect(found(await certificateOf(answer), 'time').length).toBeGreaterThan(0);
  });

  test.each([3, 4])(
    'rows 8 and 22: v%i call waits and answers the certified reply',
    async (version) => {
      const before = await count();
      const { body, requestId } = await envelope(callOf('inc'), identity);
      const answer = await post(url(version, 'call'), body);
      expect([answer.status, answer.map['status']]).toEqual([200, 'replied']);
      const certificate = await certificateOf(answer);
      const reply = found(certificate, 'request_status', requestId, 'reply');
      expect(IDL.decode([IDL.Nat], reply)).toEqual([before + 1n]);
    },
  );

  test('row 22: a rejected call is certified too', async () => {
    const { body, requestId } = await envelope(callOf('incThenTrap'), identity);
    const answer = await post(url(4, 'call'), body);
    expect(answer.map['status']).toBe('replied');
    const certificate = await certificateOf(answer);
    const at = (label: string) => found(certificate, 'request_status', requestId, label);
    expect(text(at('status'))).toBe('rejected');
    expect(nat(at('reject_code'))).toBe(5n);
    expect(text(at('reject_message'))).toContain('by order');
    expect(text(at('error_code'))).toBe('IC0503');
  });

  test('row 21: a v2 call answers 202 without a body; its status is seen by reading', async () => {
    const { body, requestId } = await envelope(callOf('inc'), identity);
    const answer = await post(url(2, 'call'), body);
    expect([answer.status, answer.body.length]).toEqual([202, 0]);
    const seen = new Set<string>();
    for (let i = 0; i < 500 && !seen.has('replied'); i++) {
      const read = await readState([['request_status', requestId]], { as: identity });
      const certificate = await certificateOf(read);
      const path = ['request_status', requestId, 'status'] as const;
      seen.add(
        statusOf(certificate, ...path) === 'found' ? text(found(certificate, ...path)) : 'unknown',
      );
    }
    expect([...seen].at(-1)).toBe('replied');
    for (const status of seen)
      expect(['unknown', 'received', 'processing', 'replied']).toContain(status);
  });

  test('row 9: a v4 call never answers 404 for what the application does wrong', async () => {
    const missing = { canister_id: principalOf('aaaaa-aa'), method_name: 'no_such_method' };
    for (const fields of [
      callOf('noSuchMethod'),
      callOf('get', { arg: utf8('junk') }),
      callOf('x', missing),
    ]) {
      const answer = await post(url(4, 'call'), (await envelope(fields, identity)).body);
      expect(answer.status).not.toBe(404);
      expect(answer.status).toBeLessThan(500);
    }
  });
});

describe('requests', () => {
  test('row 12: the anonymous sender needs no key and may have none', async () => {
    const agent = await HttpAgent.create({
      host: replica.gatewayUrl,
      identity: new AnonymousIdentity(),
      rootKey,
    });
    const actor = actorOf(agent);
    expect(String(await actor['whoami']?.())).toBe('2vxsx-fae');
    expect(await actor['inc']?.()).toBe(await count());
    const signed = await envelope(queryOf('get', { sender: Uint8Array.of(4) }), identity);
    const { status } = await post(url(3, 'query'), signed.body);
    expect([400, 403]).toContain(status);
  });

  test('row 13: Ed25519, P-256 and secp256k1 senders', async () => {
    const identities = [
      Ed25519KeyIdentity.generate(),
      await ECDSAKeyIdentity.generate({ extractable: false }),
      Secp256k1KeyIdentity.generate(new Uint8Array(32).fill(9)),
    ];
    for (const each of identities) {
      const agent = await HttpAgent.create({ host: replica.gatewayUrl, identity: each, rootKey });
      const actor = actorOf(agent);
      expect(String(await actor['whoami']?.())).toBe(each.getPrincipal().toText());
      expect(await actor['inc']?.()).toBe(await count());
    }
  });

  test('row 15: a delegated key speaks for the first; for other canisters it does not', async () => {
    const session = Ed25519KeyIdentity.generate();
    const expiry = new Date(Date.now() + 3_600_000);
    const here = await DelegationChain.create(identity, session.getPublicKey(), expiry, {
      targets: [Principal.fromText(counter.id)],
    });
    const elsewhere = await DelegationChain.create(identity, session.getPublicKey(), expiry, {
      targets: [Principal.fromText('aaaaa-aa')],
    });
    const expired = await DelegationChain.create(
      identity,
      session.getPublicKey(),
      new Date(Date.now() - 60_000),
    );
    const as = async (chain: DelegationChain) => {
      const agent = await HttpAgent.create({
        host: replica.gatewayUrl,
        identity: DelegationIdentity.fromDelegation(session, chain),
        rootKey,
        retryTimes: 0,
      });
      const actor = actorOf(agent);
      return String(await actor['whoami']?.());
    };
    expect(await as(here)).toBe(identity.getPrincipal().toText());
    await expect(as(elsewhere)).rejects.toThrow();
    await expect(as(expired)).rejects.toThrow();
  });

  test('row 16: an expiry in the past or too far ahead is refused in words that clients know', async () => {
    for (const ms of [-60_000, 3_600_000]) {
      const { body } = await envelope(callOf('inc', { ingress_expiry: expiryIn(ms) }), identity);
      const answer = await post(url(4, 'call'), body);
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('Invalid request expiry: ');
    }
  });

  test('row 14: a key that is not the sender’s is refused', async () => {
    const before = await count();
    const sender = stranger.getPrincipal().toUint8Array();
    const { body } = await envelope(callOf('inc', { sender }), identity);
    expect([400, 403]).toContain((await post(url(4, 'call'), body)).status);
    expect(await count()).toBe(before);
  });

  test('row 18: a nonce of more than 32 bytes is refused', async () => {
    const { body } = await envelope(callOf('inc', { nonce: new Uint8Array(33) }), identity);
    expect((await post(url(4, 'call'), body)).status).toBe(400);
  });

  test('row 20: the same request ten times at once runs once', async () => {
    const before = await count();
    const { body } = await envelope(callOf('inc'), identity);
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(url(4, 'call'), body)));
    for (const { status } of answers) expect([200, 202]).toContain(status);
    await post(url(4, 'call'), body);
    expect(await count()).toBe(before + 1n);
  });

  test('row 97: a query method called as an update is certified', async () => {
    const { body, requestId } = await envelope(callOf('get'), identity);
    const answer = await post(url(4, 'call'), body);
    const reply = found(await certificateOf(answer), 'request_status', requestId, 'reply');
    expect(IDL.decode([IDL.Nat], reply)).toEqual([await count()]);
  });

  test('row 21: the clients poll a call that they do not wait for', async () => {
    const before = await count();
    const agent = await HttpAgent.create({ host: replica.gatewayUrl, identity, rootKey });
    const canisterId = Principal.fromText(counter.id);
    const fields = {
      methodName: 'inc',
      arg: EMPTY_ARGUMENT,
      effectiveCanisterId: canisterId,
      callSync: false,
    };
    const { requestId, response } = await agent.call(canisterId, fields);
    expect(response.status).toBe(202);
    const { reply } = await polling.pollForResponse(agent, { canisterId }, requestId);
    expect(IDL.decode([IDL.Nat], reply)).toEqual([before + 1n]);
  });
});

describe('certificates', () => {
  test('rows 24, 26 and 27: a status is proven by the client, with the time; an unknown one is proven absent', async () => {
    const { body, requestId } = await envelope(callOf('inc'), identity);
    await post(url(4, 'call'), body);
    const certificate = await certificateOf(
      await readState([['request_status', requestId]], { as: identity }),
    );
    expect(text(found(certificate, 'request_status', requestId, 'status'))).toBe('replied');
    expect(found(certificate, 'time').length).toBeGreaterThan(0);
    // The client orders labels by any greater byte: only for the least and the greatest label it sees that nothing is there.
    for (const unknown of [new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
      const other = await certificateOf(await readState([['request_status', unknown]]));
      expect(statusOf(other, 'request_status', unknown, 'status')).toBe('absent');
    }
  });

  test('row 27: one changed byte in the tree or the signature and the client refuses', async () => {
    const answer = await readState([['time']]);
    const bytes = answer.map['certificate'] as Uint8Array;
    for (const at of [40, bytes.length - 3]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(certificateOf({ ...answer, map: { certificate: changed } })).rejects.toThrow();
    }
  });

  test('row 28: the certified time is within five minutes of the clock, also when nothing happens', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const time = nat(found(await certificateOf(await readState([['time']])), 'time'));
    expect(Math.abs(Number(time / 1_000_000n) - Date.now())).toBeLessThan(60_000);
  });

  test('rows 29 and 33: the subnet, read by anyone, covers the canister and lists the node keys', async () => {
    const subnet = principalOf(replica.subnetId);
    const certificate = await certificateOf(await readState([['subnet']], { version: 2 }));
    const ranges = cborOf(found(certificate, 'subnet', subnet, 'canister_ranges')) as [
      Uint8Array,
      Uint8Array,
    ][];
    const id = principalOf(counter.id);
    expect(
      ranges.some(([first, last]) => compareBytes(first, id) <= 0 && compareBytes(id, last) <= 0),
    ).toBe(true);
    expect(found(certificate, 'subnet', subnet, 'public_key')).toEqual(rootKey);
    const node = principalOf(replica.nodeIds[0] as string);
    expect(found(certificate, 'subnet', subnet, 'node', node, 'public_key').length).toBe(44);
    const anonymous = await HttpAgent.create({ host: replica.gatewayUrl, rootKey });
    const keys = await anonymous.fetchSubnetKeys({ canisterId: Principal.fromText(counter.id) });
    expect([...keys.keys()]).toEqual([...replica.nodeIds]);
  });

  test('rows 30 to 32: the client verifies the signatures of answered and rejected queries', async () => {
    const agent = await HttpAgent.create({
      host: replica.gatewayUrl,
      identity,
      rootKey,
      verifyQuerySignatures: true,
    });
    const query = (methodName: string) =>
      agent.query(counter.id, { methodName, arg: EMPTY_ARGUMENT });
    const answered = await query('get');
    const rejected = await query('trapInQuery');
    expect([answered.status, rejected.status]).toEqual(['replied', 'rejected']);
    for (const { signatures } of [answered, rejected]) {
      expect(signatures?.length).toBe(1);
      const timestamp = Number((signatures?.[0]?.timestamp ?? 0n) / 1_000_000n);
      expect(Math.abs(timestamp - Date.now())).toBeLessThan(60_000);
    }
  });

  test('row 34: a status is for its sender, at its canister, one at a time', async () => {
    const { body, requestId } = await envelope(callOf('inc'), identity);
    const second = await envelope(callOf('inc'), identity);
    await post(url(4, 'call'), body);
    await post(url(4, 'call'), second.body);
    const path = ['request_status', requestId];
    expect((await readState([path], { as: identity })).status).toBe(200);
    expect((await readState([path], { as: stranger })).status).toBe(403);
    expect((await readState([path])).status).toBe(403);
    const two = [path, ['request_status', second.requestId]];
    expect((await readState(two, { as: identity })).status).toBeGreaterThanOrEqual(400);
    const other = await (await currentClient.open(replica, 11)).create();
    expect((await readState([path], { as: identity, id: other })).status).toBe(403);
  });
});

describe('canisters in the tree', () => {
  const at = (label: string, ...rest: string[]): Label[] => [
    'canister',
    principalOf(counter.id),
    label,
    ...rest,
  ];

  test('rows 83 and 107: module hash, controllers and times', async () => {
    const asked = [
      'module_hash',
      'controllers',
      'canister_creation_timestamp',
      'last_install_timestamp',
    ];
    const certificate = await certificateOf(await readState(asked.map((label) => at(label))));
    expect(toHex(found(certificate, ...at('module_hash')))).toBe(
      toHex(sha256(motokoModule('counter.mo'))),
    );
    expect(cborOf(found(certificate, ...at('controllers')))).toEqual([
      identity.getPrincipal().toUint8Array(),
    ]);
    const created = nat(found(certificate, ...at('canister_creation_timestamp')));
    const installed = nat(found(certificate, ...at('last_install_timestamp')));
    expect(created).toBeLessThanOrEqual(installed);
    expect(Math.abs(Number(created / 1_000_000n) - Date.now())).toBeLessThan(600_000);
  });

  test('row 82: public metadata for all, private metadata for controllers', async () => {
    const candid = await certificateOf(await readState([at('metadata', 'candid:service')]));
    expect(text(found(candid, ...at('metadata', 'candid:service')))).toContain('inc:');
    const secret = at('metadata', 'motoko:stable-types');
    expect((await readState([secret], { as: stranger })).status).toBe(403);
    expect((await readState([secret])).status).toBe(403);
    const certificate = await certificateOf(await readState([secret], { as: identity }));
    expect(text(found(certificate, ...secret))).toContain('count');
    const none = await certificateOf(await readState([at('metadata', 'nothing')]));
    expect(statusOf(none, ...at('metadata', 'nothing'))).toBe('absent');
  });

  test('row 82: certified data, whole canisters and other canisters cannot be read', async () => {
    for (const path of [
      at('certified_data'),
      ['canister', principalOf(counter.id)],
      ['canister'],
    ]) {
      expect((await readState([path], { as: identity })).status).toBeGreaterThanOrEqual(400);
    }
    const other = await (await currentClient.open(replica, 11)).create();
    expect((await readState([at('controllers')], { id: other })).status).toBeGreaterThanOrEqual(
      400,
    );
  });

  test.each([
    ['@icp-sdk/core', currentStatus],
    ['@dfinity/agent', previousStatus],
  ] as const)('rows 82 and 83: the status helper of %s', async (_, request) => {
    const status = await request(['controllers', 'module_hash', 'candid', 'time', 'subnet']);
    expect(String(status.get('controllers'))).toBe(identity.getPrincipal().toText());
    expect(status.get('module_hash')).toBe(toHex(sha256(motokoModule('counter.mo'))));
    expect(status.get('candid')).toContain('inc:');
    expect(status.get('time')).toBeInstanceOf(Date);
    expect((status.get('subnet') as { subnetId: string }).subnetId).toBe(replica.subnetId);
  });

  test('row 64: certified data is proven by the certificate that a query hands out', async () => {
    const client = await currentClient.open(replica, 11);
    const { actor, id } = await client.deploy(certifiedInterface, motokoModule('certified.mo'));
    const data = new Uint8Array(32).fill(0x5a);
    await actor['certify']?.(data);
    const [bytes = new Uint8Array(0)] = ((await actor['certificate']?.()) ?? []) as Uint8Array[];
    const canisterId = Principal.fromText(id);
    const certificate = await Certificate.create({
      certificate: Uint8Array.from(bytes),
      rootKey,
      principal: { canisterId },
    });
    expect(found(certificate, 'canister', principalOf(id), 'certified_data')).toEqual(data);
    expect(await actor['certificateInUpdate']?.()).toEqual([]);
    await expect(actor['certify']?.(new Uint8Array(33))).rejects.toThrow();
  });
});

describe('a restart', () => {
  test('rows 20, 24 and 83: history, tree and memory are as before, and nothing runs twice', async () => {
    const before = await count();
    const call = await envelope(callOf('inc'), identity);
    await post(url(4, 'call'), call.body);
    const status = await get(`${replica.gatewayUrl}/api/v2/status`);
    await replica.kill();
    const port = Number(new URL(replica.gatewayUrl).port);
    replica = await startReplica({ dataDir: replica.dataDir, port });
    const after = await get(`${replica.gatewayUrl}/api/v2/status`);
    expect(after.map['root_key']).toEqual(status.map['root_key']);
    expect(after.map['certified_height']).toBeGreaterThanOrEqual(
      status.map['certified_height'] as bigint,
    );
    const path = ['request_status', call.requestId];
    expect((await readState([path], { as: stranger })).status).toBe(403);
    const certificate = await certificateOf(await readState([path], { as: identity }));
    expect(IDL.decode([IDL.Nat], found(certificate, ...path, 'reply'))).toEqual([before + 1n]);
    await post(url(4, 'call'), call.body);
    expect(await count()).toBe(before + 1n);
    const hash = found(
      await certificateOf(await readState([['canister', principalOf(counter.id), 'module_hash']])),
      'canister',
      principalOf(counter.id),
      'module_hash',
    );
    expect(toHex(hash)).toBe(toHex(sha256(motokoModule('counter.mo'))));
    expect(await counter.actor['inc']?.()).toBe(before + 2n);
  });
});

type StatusPath = 'controllers' | 'module_hash' | 'candid' | 'time' | 'subnet';

async function currentStatus(paths: StatusPath[]): Promise<Map<unknown, unknown>> {
  const { CanisterStatus } = await import('@icp-sdk/core/agent');
  const agent = await HttpAgent.create({ host: replica.gatewayUrl, identity, rootKey });
  return CanisterStatus.request({ canisterId: Principal.fromText(counter.id), agent, paths });
}

async function previousStatus(paths: StatusPath[]): Promise<Map<unknown, unknown>> {
  const agent = await previousAgent.HttpAgent.create({
    host: replica.gatewayUrl,
    shouldFetchRootKey: true,
  });
  const canisterId = PreviousPrincipal.fromText(counter.id);
  return previousAgent.CanisterStatus.request({ canisterId, agent, paths });
}
