// The older official client speaks version 3 of call and version 2 of query and read_state.
import { Actor, HttpAgent, polling } from '@dfinity/agent';
import { Principal } from '@dfinity/principal';
import { utf8 } from '@internode/prelude';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OpenGateway } from '../src/index.ts';
import { CANISTER, SmallReplica } from './small-replica.ts';

const canisterId = Principal.fromUint8Array(CANISTER);
let gateway: OpenGateway;
let agent: HttpAgent;

beforeAll(async () => {
  gateway = await new SmallReplica().open();
  agent = await HttpAgent.create({ host: gateway.url, shouldFetchRootKey: true, retryTimes: 0 });
});

afterAll(() => gateway.close());

type Canister = { greet: () => Promise<undefined>; look: (text: string) => Promise<string> };

const idl: Parameters<typeof Actor.createActor>[0] = ({ IDL }) =>
  IDL.Service({
    greet: IDL.Func([], [], []),
    look: IDL.Func([IDL.Text], [IDL.Text], ['query']),
  });

describe('the older official client', () => {
  test('rows 6, 7, 8: updates and queries verify', async () => {
    const actor = Actor.createActor<Canister>(idl, { agent, canisterId });
    await expect(actor.greet()).resolves.toBeUndefined();
    await expect(actor.look('hello')).resolves.toBe('hello');
  });

  test('rows 7, 8: asynchronous calls are polled', async () => {
    const fields = { methodName: 'greet', arg: new Uint8Array(0), callSync: false };
    const call = await agent.call(canisterId, fields);
    expect(call.response.status).toBe(202);
    const { reply } = await polling.pollForResponse(agent, canisterId, call.requestId);
    expect(reply).toEqual(utf8('DIDL\0\0'));
  });
});
