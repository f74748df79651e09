// A wasm32 canister written by hand, called with raw bytes through the official client.
import { HttpAgent } from '@icp-sdk/core/agent';
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { Principal } from '@icp-sdk/core/principal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, currentClient, REINSTALL, UPGRADE } from '../runner/clients.ts';
import { watModule } from '../runner/modules.ts';
import { type Replica, startReplica } from '../runner/replica.ts';

let replica: Replica;
let client: Client;
let agent: HttpAgent;
let id: string;

beforeAll(async () => {
  replica = await startReplica();
  client = await currentClient.open(replica);
  const identity = Ed25519KeyIdentity.generate(new Uint8Array(32).fill(1));
  agent = await HttpAgent.create({ host: replica.gatewayUrl, identity, shouldFetchRootKey: true });
  id = await client.create();
  await client.install(id, await watModule('api32.wat'));
});
afterAll(async () => {
  await replica?.stop();
});

async function update(method: string, argument = new Uint8Array()): Promise<Uint8Array> {
  return (await agent.update(id, { methodName: method, arg: argument })).reply;
}

async function query(method: string): Promise<Uint8Array> {
  const answer = await agent.query(id, { methodName: method, arg: new Uint8Array() });
  if ('reply' in answer) return answer.reply.arg;
  throw new Error(`${answer.reject_code} ${answer.error_code} ${answer.reject_message}`);
}

function number(bytes: Uint8Array): bigint {
  return Buffer.from(bytes).readBigUInt64LE();
}

const text = (value: string) => new TextEncoder().encode(value);

describe('a wasm32 canister by hand', () => {
  test('row 53: arguments, caller and replies with 32-bit pointers', async () => {
    expect(await update('echo', text('hello'))).toEqual(text('hello'));
    expect(Principal.fromUint8Array(await query('caller')).toText()).toBe(client.principal);
    expect(number(await query('mark'))).toBe(1n);
  });

  test('row 54: legacy and 64-bit stable memory see the same pages; outside is a trap', async () => {
    expect(await update('stable_echo', text('stone'))).toEqual(text('stone'));
    expect(await query('stable_get')).toEqual(text('stone'));
    expect(number(await query('stable_pages'))).toBe(1n);
    await expect(update('stable_outside')).rejects.toThrow(/stable memory out of bounds/i);
  });

  test('row 55: stable memory survives an upgrade and is erased by a reinstall; the heap is new', async () => {
    await update('set_mark');
    expect(number(await query('mark'))).toBe(77n);
    await client.install(id, await watModule('api32.wat'), { mode: UPGRADE });
    expect(number(await query('mark'))).toBe(0n); // canister_init does not run, there is no post_upgrade
    expect(await query('stable_get')).toEqual(text('stone'));
    await client.install(id, await watModule('api32.wat'), { mode: REINSTALL });
    expect(number(await query('mark'))).toBe(1n);
    expect(number(await query('stable_pages'))).toBe(0n);
  });

  test('row 67: balances in 64 and 128 bits agree', async () => {
    const narrow = number(await query('balance'));
    const wide = await query('balance128');
    expect(wide).toHaveLength(16);
    expect(narrow).toBeGreaterThan(90_000_000_000_000n);
    expect(number(wide) - narrow).toBeLessThan(1_000_000_000n);
    expect(number(wide.slice(8))).toBe(0n);
  });

  test('row 56: a call to itself with cycles: accepted and refunded', async () => {
    expect(await update('self_echo', text('round trip'))).toEqual(text('round trip'));
    expect(number(await update('self_pay'))).toBe(600n * 10_000n + 400n);
  });

  test('row 57: cleanup runs on the state before the trapped callback', async () => {
    await update('set_mark');
    await expect(update('self_trap')).rejects.toThrow(/IC0502/);
    expect(number(await query('mark'))).toBe(77n);
    expect(number(await query('cleanups'))).toBe(5n);
  });

  test('row 66: reject codes reach the reject callback', async () => {
    expect(number(await update('self_fail'))).toBe(4n);
    expect(number(await update('self_none'))).toBe(5n);
  });

  test('row 60: a call that is never answered is rejected with IC0506', async () => {
    await expect(update('silent')).rejects.toThrow(/IC0506/);
  });

  test.each([
    ['outside', /heap out of bounds/],
    ['divide', /integer divide by 0/],
    ['recurse', /stack overflow|call stack/i],
    ['bomb', /IC0522|IC0539|IC0502/],
  ])('%s traps with its own text and leaves the canister as it was', async (method, message) => {
    await expect(update(method)).rejects.toThrow(message);
    expect(await update('echo', text('alive'))).toEqual(text('alive'));
  });
});
