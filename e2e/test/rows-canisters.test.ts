// Rows of the conformance checklist (interface spec, section 10) that concern canisters, from outside: a plain module by raw requests, a
// Motoko actor through both official clients.
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { principalToText } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callOf, endOf, queryOf } from '../runner/calls.ts';
import {
  type Canister,
  CLIENT_LIBRARIES,
  type Client,
  currentClient,
  UPGRADE_KEEP,
} from '../runner/clients.ts';
import { rowsInterface } from '../runner/interfaces.ts';
import { motokoModule, watModule } from '../runner/modules.ts';
import { type Replica, startReplica } from '../runner/replica.ts';
import { expiryIn, post, principalOf } from '../runner/wire.ts';

let replica: Replica;
beforeAll(async () => {
  replica = await startReplica();
});
afterAll(async () => {
  await replica?.stop();
});

describe('a plain module', () => {
  const ARGUMENT = utf8('an argument that is no Candid');
  const identity = Ed25519KeyIdentity.generate(new Uint8Array(32).fill(31));
  let client: Client;
  let id: string;

  beforeAll(async () => {
    client = await currentClient.open(replica, 31);
    id = await client.create();
    await client.install(id, await watModule('rows.wat'), { argument: ARGUMENT });
  });

  /** The reply as 64-bit numbers. */
  function numbers({ code, reply, message }: Awaited<ReturnType<typeof endOf>>): bigint[] {
    expect([code, message]).toEqual(['replied', '']);
    const view = new DataView(reply.buffer, reply.byteOffset, reply.length);
    return Array.from({ length: reply.length / 8 }, (_, at) => view.getBigUint64(at * 8, true));
  }
  const asked = async (method: string) => numbers(await queryOf(replica, id, method));
  const byte = (value: number) => ({ argument: Uint8Array.of(value) });

  test('row 38: start ran before canister_init, which saw the argument and its caller', async () => {
    expect(await asked('order')).toEqual([2n]);
    expect((await queryOf(replica, id, 'argument')).reply).toEqual(ARGUMENT);
    const { reply } = await queryOf(replica, id, 'installer');
    expect(principalToText(reply)).toBe(client.principal);
  });

  test('row 40: passive data and bulk memory', async () => {
    const { reply } = await queryOf(replica, id, 'passive');
    expect(new TextDecoder().decode(reply)).toBe('copied from a passive segment');
  });

  test('row 45: what a query writes is gone, also when it runs as an update', async () => {
    expect(await asked('forget')).toEqual([99n]);
    expect(numbers(await endOf(replica, id, 'forget'))).toEqual([99n]);
    expect(await asked('order')).toEqual([2n]);
  });

  test('rows 50 and 61: a timer says what was set before, fires once, and an upgrade forgets it', async () => {
    const [unset] = numbers(await endOf(replica, id, 'timer', byte(200)));
    const [set] = numbers(await endOf(replica, id, 'timer', byte(1)));
    expect(unset).toBe(0n);
    expect(Number(set) / 1e6 - Date.now()).toBeGreaterThan(100_000);
    await expect.poll(() => asked('fired'), { timeout: 10_000 }).toEqual([1n]);
    expect(numbers(await endOf(replica, id, 'timer', byte(2)))).toEqual([0n]);
    await client.install(id, await watModule('rows.wat'), { mode: { upgrade: [] } });
    expect(numbers(await endOf(replica, id, 'timer', byte(0)))).toEqual([0n]);
    await new Promise((passed) => setTimeout(passed, 2_500));
    expect(await asked('fired')).toEqual([0n]);
  });

  test('rows 51, 92 and 93: time, status, version, controllers, counters and mode', async () => {
    const update = numbers(await endOf(replica, id, 'environment', { identity }));
    const query = await asked('environment_query');
    const [time, status, version, controls, before, spent, replicated, deadline] = update;
    expect(Math.abs(Number(time) / 1e6 - Date.now())).toBeLessThan(60_000);
    expect([status, controls, replicated, deadline]).toEqual([1n, 1n, 1n, 0n]);
    expect(version).toBeGreaterThan(0n);
    expect(before).toBeGreaterThan(0n);
    expect(spent).toBeGreaterThan(0n);
    expect(query.slice(6)).toEqual([0n, 0n]);
    expect(query[3]).toBe(0n);
  });

  test('row 95: the subnet and its root key', async () => {
    const { reply } = await endOf(replica, id, 'network');
    const subnet = principalOf(replica.subnetId);
    expect(reply.subarray(0, subnet.length)).toEqual(subnet);
    expect(toHex(reply.subarray(subnet.length))).toBe(replica.rootKey);
  });

  test('row 63: a call that the canister does not accept is refused without a block', async () => {
    expect(await endOf(replica, id, 'timer', byte(7))).toMatchObject({ code: 'IC0406' });
    const trap = await endOf(replica, id, 'timer', byte(13));
    expect([trap.code, trap.message]).toEqual([
      'IC0503',
      expect.stringContaining('not by this door'),
    ]);
    const { body } = await callOf(id, 'timer', byte(7));
    const { status, map } = await post(`${replica.gatewayUrl}/api/v4/canister/${id}/call`, body);
    expect([status, map['status']]).toEqual([200, 'non_replicated_rejection']);
  });

  test('row 17: an anonymous query may be stale, a signed one may not', async () => {
    const url = `${replica.gatewayUrl}/api/v3/canister/${id}/query`;
    const stale = { request_type: 'query', ingress_expiry: expiryIn(-3_600_000) };
    const anonymous = await callOf(id, 'order', { fields: stale });
    expect((await post(url, anonymous.body)).map['status']).toBe('replied');
    const signed = await callOf(id, 'order', { fields: stale, identity });
    expect((await post(url, signed.body)).status).toBe(400);
  });
});

describe.each(CLIENT_LIBRARIES)('Motoko through $name', (library) => {
  let client: Client;
  let rows: Canister;
  const call = (method: string) => rows.actor[method]?.() as Promise<unknown>;

  beforeAll(async () => {
    client = await library.open(replica, 33);
    // Installing it at all is rows 39 and 41: memory64, table64, and every import of the compiler's runtime.
    rows = await client.deploy(rowsInterface, motokoModule('rows.mo'));
  });

  test('rows 39, 41 and 43: a 64-bit Motoko module answers updates and queries', async () => {
    expect(await call('step')).toBe(1n);
    expect(await call('seen')).toEqual([1n, 1n, 0n]);
    const [caller, time, controls] = (await call('about')) as [unknown, bigint, boolean];
    expect([String(caller), controls]).toEqual([client.principal, true]);
    expect(Math.abs(Number(time) / 1e6 - Date.now())).toBeLessThan(60_000);
  });

  test('rows 46 and 58: calls to itself, one and three at once', async () => {
    expect(await call('viaSelf')).toBe(2n);
    expect(await call('together')).toEqual([3n, 4n, 5n]);
  });

  test('rows 44 and 45: what came before an await stays, what came after is undone; queries change nothing', async () => {
    await expect(call('half')).rejects.toThrow(/after the await/);
    expect(await call('forget')).toBe(1106n);
    expect(await call('seen')).toEqual([1006n, 6n, 0n]);
  });

  test('rows 48 and 49: an upgrade keeps the heap, transient variables are new', async () => {
    const before = (await call('seen')) as bigint[];
    await client.install(rows.id, motokoModule('rows.mo'), { mode: UPGRADE_KEEP });
    expect(await call('seen')).toEqual([before[0], 0n, 0n]);
    await expect(
      client.install(rows.id, motokoModule('rows.mo'), { mode: { upgrade: [] } }),
    ).rejects.toThrow(/IC0504|wasm_memory_persistence/);
    expect(await call('seen')).toEqual([before[0], 0n, 0n]);
  });

  test('row 50: a Motoko timer fires once', async () => {
    await call('later');
    const fired = async () => ((await call('seen')) as bigint[])[2];
    await expect.poll(fired, { timeout: 10_000 }).toBe(1n);
  });

  test('row 77: randomness is 32 bytes, new each time', async () => {
    const [one, two] = [await call('random'), await call('random')] as Uint8Array[];
    expect([one?.length, two?.length]).toEqual([32, 32]);
    expect(toHex(Uint8Array.from(one ?? []))).not.toBe(toHex(Uint8Array.from(two ?? [])));
  });

  test('row 79: a composite query calls a query', async () => {
    expect(await call('viaQuery')).toBe(((await call('seen')) as bigint[])[0]);
  });

  test('row 71: a canister makes another with its own cycles', async () => {
    const child = String(await call('born'));
    expect(child).toMatch(/-cai$/);
    expect((await endOf(replica, child, 'x')).code).toBe('IC0537');
  });
});
