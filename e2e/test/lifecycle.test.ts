// A canister's life through the official clients and the management canister, and bytes that no client would send.
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { encodeCbor } from '@internode/encoding';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AnyActor,
  CLIENT_LIBRARIES,
  type Client,
  currentClient,
  EMPTY_ARGUMENT,
  REINSTALL,
} from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, startReplica } from '../runner/replica.ts';
import { envelope, expiryIn, get, post, principalOf } from '../runner/wire.ts';

let replica: Replica;
beforeAll(async () => {
  replica = await startReplica();
});
afterAll(async () => {
  await replica?.stop();
});

const counterModule = () => motokoModule('counter.mo');

describe.each(CLIENT_LIBRARIES)('$name', (library) => {
  let client: Client;
  beforeAll(async () => {
    client = await library.open(replica, 21);
  });

  const on = (id: string) => ({ canister_id: client.principalOf(id) });
  async function statusOf(id: string): Promise<Record<string, unknown>> {
    return (await client.management(id)['canister_status']?.(on(id))) as Record<string, unknown>;
  }

  test('row 36: a canister is born with 100 T cycles, or with what was asked for', async () => {
    expect(await statusOf(await client.create())).toMatchObject({
      status: { running: null },
      module_hash: [],
      cycles: expect.toSatisfy((cycles: bigint) => cycles > 99_000_000_000_000n),
    });
    const poor = await statusOf(await client.create(3_000_000_000_000n));
    expect(poor['cycles']).toSatisfy((cycles: bigint) => cycles <= 3_000_000_000_000n);
  });

  test('row 37: raw and gzip modules install; a reinstall forgets', async () => {
    const id = await client.create();
    await client.install(id, new Uint8Array(gzipSync(counterModule())));
    const actor = client.actor(counterInterface, id);
    expect(await actor['inc']?.()).toBe(1n);
    await client.install(id, counterModule(), { mode: REINSTALL });
    expect(await actor['inc']?.()).toBe(1n);
    const hash = (await statusOf(id))['module_hash'] as [Uint8Array];
    expect(hash[0]?.length).toBe(32);
  });

  test('row 47: a missing canister, an empty one and a missing method have their codes', async () => {
    const empty = await client.create();
    const calls = client.actor(counterInterface, empty);
    await expect(calls['inc']?.()).rejects.toThrow(/IC0537/);
    await expect(calls['get']?.()).rejects.toThrow(/IC0537/);
    await client.install(empty, counterModule());
    await expect(calls['noSuchMethod']?.()).rejects.toThrow(/IC0536/);
    await client.management(empty)['stop_canister']?.(on(empty));
    await client.management(empty)['delete_canister']?.(on(empty));
    await expect(calls['inc']?.()).rejects.toThrow(/IC0301|not found/i);
  });

  test('rows 74, 96 and 99: a stopped canister answers nobody but its managers, and starts again', async () => {
    const { id, actor } = await client.deploy(counterInterface, counterModule());
    const management = client.management(id);
    await expect(management['delete_canister']?.(on(id))).rejects.toThrow(/IC0510/);
    await management['stop_canister']?.(on(id));
    expect((await statusOf(id))['status']).toEqual({ stopped: null });
    await expect(actor['inc']?.()).rejects.toThrow(/IC0508/);
    await expect(actor['get']?.()).rejects.toThrow(/IC0508/);
    await management['start_canister']?.(on(id));
    expect(await actor['inc']?.()).toBe(1n);
  });

  test('row 75: an uninstalled canister is empty and can be installed again', async () => {
    const { id, actor } = await client.deploy(counterInterface, counterModule());
    await actor['inc']?.();
    await client.management(id)['uninstall_code']?.(on(id));
    expect(await statusOf(id)).toMatchObject({ module_hash: [] });
    await expect(actor['inc']?.()).rejects.toThrow(/IC0537/);
    await client.install(id, counterModule());
    expect(await actor['inc']?.()).toBe(1n);
  });

  test('row 72: settings that are not named stay; who is no controller is refused', async () => {
    const { id } = await client.deploy(counterInterface, counterModule());
    const stranger = await library.open(replica, 22);
    const asStranger = stranger.management(id);
    await expect(asStranger['stop_canister']?.(on(id))).rejects.toThrow(/IC0512/);
    const settings = {
      controllers: [[client.principalOf(client.principal), client.principalOf(stranger.principal)]],
      freezing_threshold: [],
      compute_allocation: [],
      memory_allocation: [],
    };
    const before = (await statusOf(id))['settings'] as Record<string, unknown>;
    await client.management(id)['update_settings']?.({ ...on(id), settings });
    const after = (await statusOf(id))['settings'] as Record<string, unknown>;
    expect((after['controllers'] as unknown[]).map(String).sort()).toEqual(
      [client.principal, stranger.principal].sort(),
    );
    expect(after['freezing_threshold']).toBe(before['freezing_threshold']);
    await asStranger['stop_canister']?.(on(id));
  });

  test('row 77: raw_rand is not for ingress', async () => {
    const id = await client.create();
    await expect(client.management(id)['raw_rand']?.()).rejects.toThrow();
  });

  test('invalid modules are refused with IC0505 and change nothing', async () => {
    const { id, actor } = await client.deploy(counterInterface, counterModule());
    await actor['inc']?.();
    const wasm = counterModule();
    const bad = [
      new Uint8Array(0),
      wasm.slice(0, wasm.length >> 1),
      new Uint8Array(randomBytes(100_000)),
      Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...randomBytes(500)]),
    ];
    for (const module of bad) {
      const install = client.install(id, module, { mode: REINSTALL });
      await expect(install).rejects.toThrow(/IC05\d\d/);
    }
    expect(await actor['inc']?.()).toBe(2n);
  });
});

describe('bytes that no client sends', () => {
  let id: string;
  let actor: AnyActor;
  const identity = Ed25519KeyIdentity.generate(new Uint8Array(32).fill(23));
  beforeAll(async () => {
    const client = await currentClient.open(replica, 23);
    ({ id, actor } = await client.deploy(counterInterface, counterModule()));
  });

  const ENDPOINTS = ['v2', 'v3', 'v4'].flatMap((version) =>
    ['call', 'query', 'read_state'].map((endpoint) => [version, endpoint] as const),
  );
  const urlOf = (version: string, endpoint: string, canister = id) =>
    `${replica.gatewayUrl}/api/${version}/canister/${canister}/${endpoint}`;

  test('fuzzed bodies are refused with 4xx, quickly, and harm nobody', async () => {
    const call = { request_type: 'call', method_name: 'inc', arg: EMPTY_ARGUMENT };
    const { body } = await envelope({ ...call, canister_id: principalOf(id) }, identity);
    const before = await actor['get']?.();
    let seed = 99;
    const random = (max: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed % max;
    };
    for (let round = 0; round < 600; round++) {
      const bytes = body.slice(0, random(4) === 0 ? random(body.length) : body.length);
      for (let i = random(4); i >= 0; i--) bytes[random(bytes.length)] = random(256);
      const [version, endpoint] = ENDPOINTS[round % ENDPOINTS.length] as (typeof ENDPOINTS)[0];
      const { status, text } = await post(urlOf(version, endpoint), bytes);
      // A changed byte of the signed content is always noticed.
      expect([400, 403, 404, 405], text).toContain(status);
    }
    expect(await actor['get']?.()).toBe(before);
  });

  test('deep, long and lying CBOR ends at once', async () => {
    const deep = new Uint8Array(1_000_000).fill(0x81);
    const lying = Uint8Array.from([0xd9, 0xd9, 0xf7, 0xbb, ...new Uint8Array(8).fill(0xff)]);
    const many = encodeCbor({ content: Array.from({ length: 500_000 }, () => 0) });
    for (const body of [deep, lying, many, new Uint8Array(0), new Uint8Array(3_000_000)]) {
      const startedAt = performance.now();
      const { status } = await post(urlOf('v4', 'call'), body);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    }
  });

  test('a body of 20 MiB is refused with 413', async () => {
    const answer = await post(urlOf('v4', 'call'), new Uint8Array(20 * 1024 * 1024)).catch(
      () => undefined,
    );
    // The door may close while the client still sends.
    if (answer !== undefined) expect(answer.status).toBe(413);
    expect((await get(`${replica.gatewayUrl}/readyz`)).status).toBe(200);
  });

  test('unknown canisters, principals, paths and methods of HTTP', async () => {
    const query = { request_type: 'query', method_name: 'get', arg: EMPTY_ARGUMENT };
    const { body } = await envelope({ ...query, canister_id: principalOf(id) }, identity);
    for (const canister of ['aaaaa-ab', 'not a principal', '%00', 'a'.repeat(5_000)]) {
      expect((await post(urlOf('v3', 'query', canister), body)).status).toBeGreaterThanOrEqual(400);
    }
    expect((await post(`${replica.gatewayUrl}/api/v9/status`, body)).status).toBe(404);
    expect((await get(urlOf('v3', 'query'))).status).toBe(405);
    expect((await fetch(urlOf('v3', 'query'), { method: 'POST', body: 'text' })).status).toBe(400);
  });

  test('row 16: the same window holds for every endpoint', async () => {
    const canister = { canister_id: principalOf(id), method_name: 'get', arg: EMPTY_ARGUMENT };
    for (const request of ['call', 'query', 'read_state'] as const) {
      const content = request === 'read_state' ? { paths: [['time']] } : canister;
      for (const ms of [-120_000, 3_600_000]) {
        const fields = { request_type: request, ...content, ingress_expiry: expiryIn(ms) };
        const { body } = await envelope(fields, identity);
        const { status } = await post(urlOf('v3', request), body);
        expect(status).toBe(400);
      }
    }
  });

  test('afterwards the replica is as before', async () => {
    const before = (await actor['get']?.()) as bigint;
    expect(await actor['inc']?.()).toBe(before + 1n);
    expect(replica.process.exitCode).toBeNull();
  });
});
