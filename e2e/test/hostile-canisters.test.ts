// Canisters that mean harm: whatever they do, the canister next door answers as before and nothing of it changes.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { concatBytes, utf8 } from '@internode/prelude';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endOf, queryOf } from '../runner/calls.ts';
import { type Canister, type Client, currentClient } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule, watModule } from '../runner/modules.ts';
import { type Replica, startReplica } from '../runner/replica.ts';

const CYCLES = 10n ** 17n;
/** Enough for the answers of a machine with much else to do. */
const NEIGHBOUR_MS_MAX = 15_000;
const RSS_KIB_MAX = 2 * 1024 * 1024;
/** After a message that wrote 2 GiB and trapped: its pages are given back, although nothing else runs. */
const RSS_KIB_AFTER_MAX = 1.25 * 1024 * 1024;

let replica: Replica;
let client: Client;
let counter: Canister;
let hostile: string;
let counted = 0n;

beforeAll(async () => {
  replica = await startReplica();
  client = await currentClient.open(replica, 3);
  counter = await client.deploy(counterInterface, motokoModule('counter.mo'));
  hostile = await client.create(CYCLES);
  await client.install(hostile, await watModule('hostile.wat'));
});
afterAll(async () => {
  await replica?.stop();
});

async function expectNeighbour(): Promise<void> {
  const startedMs = performance.now();
  expect(await counter.actor['get']?.()).toBe(counted);
  counted += 1n;
  expect(await counter.actor['inc']?.()).toBe(counted);
  expect(performance.now() - startedMs).toBeLessThan(NEIGHBOUR_MS_MAX);
}

afterEach(async () => {
  await expectNeighbour();
  expect(replica.process.exitCode).toBeNull();
});

/** Of the replica's process, in KiB. */
function residentKib(): number {
  const status = readFileSync(`/proc/${replica.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
}

describe('one message', () => {
  test('row 47: no such canister, no such method', async () => {
    const nobody = 'r7inp-6aaaa-aaaaa-aaabq-cai';
    expect((await endOf(replica, nobody, 'go')).code).toBe('IC0301');
    expect((await endOf(replica, hostile, 'noSuchMethod')).code).toBe('IC0536');
  });

  test('row 52: a query that never ends', async () => {
    expect(await queryOf(replica, hostile, 'loop_query')).toMatchObject({ code: 'IC0522' });
  });

  test('recursion without end traps and changes nothing', async () => {
    const ending = await endOf(replica, hostile, 'recurse');
    expect(ending).toMatchObject({ code: 'IC0502' });
    expect(ending.message).toContain('stack overflow');
    expect((await queryOf(replica, hostile, 'peek')).reply).toEqual(new Uint8Array(8));
  });

  test('row 98: all the memory there is', async () => {
    for (let i = 0; i < 5; i++)
      expect(await endOf(replica, hostile, 'grow')).toMatchObject({ code: 'IC0539' });
    expect(residentKib()).toBeLessThan(RSS_KIB_MAX);
  });

  test('row 54: more stable memory than there is, and more pages than one message may touch', async () => {
    const grown = await endOf(replica, hostile, 'grow_stable');
    expect([grown.code, grown.reply]).toEqual(['replied', new Uint8Array(8).fill(0xff)]);
    expect(await endOf(replica, hostile, 'fill_stable')).toMatchObject({ code: 'IC0524' });
    expect(residentKib()).toBeLessThan(RSS_KIB_AFTER_MAX);
  });

  test('row 86: replies that are too large', async () => {
    expect(await endOf(replica, hostile, 'reply_big')).toMatchObject({ code: 'IC0504' });
    expect(await queryOf(replica, hostile, 'reply_big_query')).toMatchObject({ code: 'IC0504' });
  });

  test('row 59: calls until there is no room for more', async () => {
    const { code, reply } = await endOf(replica, hostile, 'fan');
    expect(code).toBe('replied');
    expect(new DataView(reply.buffer, reply.byteOffset).getBigUint64(0, true)).toBe(500n);
  });
});

describe('modules', () => {
  /** Sections of a module: [id, content]. */
  const moduleOf = (...sections: [number, Uint8Array][]): Uint8Array =>
    concatBytes(
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
      ...sections.map(([id, content]) =>
        concatBytes(Uint8Array.of(id), leb(content.length), content),
      ),
    );
  const leb = (value: number): Uint8Array => {
    const bytes: number[] = [];
    let rest = value;
    do {
      bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
      rest >>>= 7;
    } while (rest > 0);
    return Uint8Array.from(bytes);
  };
  const named = (text: string) => concatBytes(leb(text.length), utf8(text));
  const NO_TYPE: [number, Uint8Array] = [1, Uint8Array.of(1, 0x60, 0, 0)];
  const functions = (count: number): Uint8Array => {
    const bodies = new Uint8Array(count * 3);
    for (let i = 0; i < count; i++) bodies.set([2, 0, 0x0b], i * 3);
    return moduleOf(
      NO_TYPE,
      [3, concatBytes(leb(count), new Uint8Array(count))],
      [10, concatBytes(leb(count), bodies)],
    );
  };
  const exporting = (name: string): Uint8Array =>
    moduleOf(
      NO_TYPE,
      [3, Uint8Array.of(1, 0)],
      [7, concatBytes(Uint8Array.of(1), named(name), Uint8Array.of(0, 0))],
      [10, Uint8Array.of(1, 2, 0, 0x0b)],
    );
  const importing = (room: string, name: string): Uint8Array =>
    moduleOf(NO_TYPE, [
      2,
      concatBytes(Uint8Array.of(1), named(room), named(name), Uint8Array.of(0, 0)),
    ]);
  const garbage = (): Uint8Array => {
    const bytes = new Uint8Array(1_900_000);
    for (let at = 0; at < bytes.length; at += 65_536)
      crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    return bytes;
  };

  const cases: readonly [string, () => Uint8Array][] = [
    ['nothing', () => new Uint8Array()],
    ['a truncated module', () => motokoModule('counter.mo').slice(0, 50_000)],
    ['garbage of 1.9 MB', garbage],
    ['garbage behind the magic', () => concatBytes(moduleOf(), garbage())],
    ['an unknown import', () => importing('ic0', 'no_such_call')],
    ['an import of another type', () => importing('ic0', 'msg_arg_data_size')],
    ['an import from elsewhere', () => importing('env', 'abort')],
    ['more than 50,000 functions', () => functions(50_001)],
    ['an unknown canister_ export', () => exporting('canister_destroy')],
    ['an export canister_updat', () => exporting('canister_updat e')],
    ['gzip that does not end', () => gzipSync(motokoModule('counter.mo')).subarray(0, 9_000)],
    ['a gzip bomb of 1 GiB', () => bomb()],
  ];
  const bomb = (): Uint8Array => gzipSync(new Uint8Array(1 << 30));

  test.each(cases)('rows 42 and 85: %s is refused with IC0505 and a reason', async (_, make) => {
    const id = await client.create();
    const wasm = make();
    const refused = await client.install(id, wasm).then(
      () => 'it was installed',
      (fault: Error) => fault.message,
    );
    expect(refused).toContain('IC0505');
    expect(refused).toMatch(/Reject text: .{20,}/);
    expect(residentKib()).toBeLessThan(RSS_KIB_MAX);
  });
});

describe('without end', () => {
  test('row 62: a heartbeat that never rests', async () => {
    const id = await client.create(CYCLES);
    await client.install(id, await watModule('heartbeat.wat'));
    for (let i = 0; i < 5; i++) await expectNeighbour();
    const { reply } = await queryOf(replica, id, 'beats');
    expect(new DataView(reply.buffer, reply.byteOffset).getBigUint64(0, true)).toBeGreaterThan(1n);
    await client.management(id)['uninstall_code']?.({ canister_id: client.principalOf(id) });
  });

  test('calls that each make 500 more', async () => {
    const ending = await endOf(replica, hostile, 'bomb');
    expect(['replied', '202']).toContain(ending.code);
    for (let i = 0; i < 5; i++) await expectNeighbour();
    await client.management(hostile)['uninstall_code']?.({
      canister_id: client.principalOf(hostile),
    });
    await expectNeighbour();
    expect(residentKib()).toBeLessThan(RSS_KIB_MAX);
  });

  test('row 52: an endless update ends at its limit and changes nothing', async () => {
    await client.install(hostile, await watModule('hostile.wat'));
    const ending = await endOf(replica, hostile, 'loop');
    expect(ending).toMatchObject({ code: 'IC0522' });
    expect((await queryOf(replica, hostile, 'peek')).reply).toEqual(new Uint8Array(8));
  });
});
