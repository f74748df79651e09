// The door as the unmodified official client sees it, with all of its verification on.
import { Actor, HttpAgent, type Identity, polling } from '@icp-sdk/core/agent';
import { DelegationChain, DelegationIdentity, Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { Secp256k1KeyIdentity } from '@icp-sdk/core/identity/secp256k1';
import { Principal } from '@icp-sdk/core/principal';
import { utf8 } from '@internode/prelude';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OpenGateway } from '../src/index.ts';
import { CANISTER, rootKey, SmallReplica, subnetId } from './small-replica.ts';

const canisterId = Principal.fromUint8Array(CANISTER);
const replica = new SmallReplica();
let gateway: OpenGateway;

beforeAll(async () => {
  gateway = await replica.open();
});

afterAll(() => gateway.close());

function agentOf(identity?: Identity, url = gateway.url): Promise<HttpAgent> {
  return HttpAgent.create({
    host: url,
    shouldFetchRootKey: true,
    retryTimes: 0,
    ...(identity === undefined ? {} : { identity }),
  });
}

const idl: Parameters<typeof Actor.createActor>[0] = ({ IDL }) =>
  IDL.Service({
    greet: IDL.Func([], [], []),
    reject_me: IDL.Func([], [], []),
    denied: IDL.Func([], [], []),
    look: IDL.Func([IDL.Text], [IDL.Text], ['query']),
    trap: IDL.Func([], [], ['query']),
    say_no: IDL.Func([], [], ['query']),
  });

type Canister = {
  greet: () => Promise<undefined>;
  reject_me: () => Promise<undefined>;
  denied: () => Promise<undefined>;
  look: (text: string) => Promise<string>;
  trap: () => Promise<undefined>;
  say_no: () => Promise<undefined>;
};

async function actorOf(identity?: Identity) {
  return Actor.createActor<Canister>(idl, { agent: await agentOf(identity), canisterId });
}

async function identities(): Promise<Identity[]> {
  const owner = Ed25519KeyIdentity.generate();
  const session = Ed25519KeyIdentity.generate();
  const expiry = new Date(Date.now() + 600_000);
  const chain = await DelegationChain.create(owner, session.getPublicKey(), expiry, {
    targets: [canisterId],
  });
  return [
    owner,
    Secp256k1KeyIdentity.generate(),
    DelegationIdentity.fromDelegation(session, chain),
  ];
}

describe('the official client', () => {
  test('row 5: status gives the root key and health', async () => {
    const status = (await (await agentOf()).status()) as Record<string, unknown>;
    expect(new Uint8Array(status['root_key'] as Uint8Array)).toEqual(rootKey);
    expect(rootKey).toHaveLength(133);
    expect(status['replica_health_status']).toBe('healthy');
    expect(status['impl_version']).toBe('test');
  });

  test('rows 22, 24: an update call is answered with a certificate that the client verifies', async () => {
    await expect((await actorOf()).greet()).resolves.toBeUndefined();
    for (const identity of await identities()) {
      await expect((await actorOf(identity)).greet()).resolves.toBeUndefined();
    }
  });

  test('row 22: certified rejects reach the caller with their codes', async () => {
    const call = (await actorOf()).reject_me();
    await expect(call).rejects.toThrow(/IC0406/);
    await expect(call).rejects.toMatchObject({ code: { rejectMessage: 'no' } });
  });

  test('a refusal before execution is uncertified and says why', async () => {
    await expect((await actorOf()).denied()).rejects.toThrow(/denied/);
  });

  test('row 30: query answers verify against the node keys of the certified state', async () => {
    for (const identity of [undefined, ...(await identities())]) {
      await expect((await actorOf(identity)).look('hello')).resolves.toBe('hello');
    }
  });

  test('row 32: rejected queries are signed with and without an error code', async () => {
    const actor = await actorOf();
    await expect(actor.trap()).rejects.toMatchObject({ code: { rejectErrorCode: 'IC0502' } });
    const plain = await actor.say_no().catch((error) => error.code);
    expect(plain).toMatchObject({ rejectMessage: 'no' });
    expect(plain.rejectErrorCode).toBeUndefined();
  });

  test('row 33: the subnet keys can be read anonymously', async () => {
    const agent = await agentOf();
    const keys = await agent.fetchSubnetKeys({ canisterId });
    expect(keys.size).toBe(1);
    expect(subnetId).toHaveLength(29);
  });

  test('row 16: a client whose clock is off learns the time from us and succeeds', async () => {
    const future = new SmallReplica({ aheadMs: 20 * 60_000 });
    await using there = await future.open();
    const agent = await agentOf(Ed25519KeyIdentity.generate(), there.url);
    const actor = Actor.createActor<Canister>(idl, { agent, canisterId });
    await expect(actor.greet()).resolves.toBeUndefined();
    expect(agent.getTimeDiffMsecs()).toBeGreaterThan(15 * 60_000);
  });

  test('row 8: calls by the asynchronous endpoint are polled', async () => {
    const agent = await agentOf(Ed25519KeyIdentity.generate());
    const call = await agent.call(canisterId, {
      methodName: 'greet',
      arg: new Uint8Array(0),
      callSync: false,
    });
    expect(call.response.status).toBe(202);
    const { reply } = await polling.pollForResponse(agent, { canisterId }, call.requestId);
    expect(reply).toEqual(utf8('DIDL\0\0'));
  });
});
