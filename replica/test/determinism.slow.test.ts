/**
 * Execution and state as in a node, fed the same blocks: one runs through, one is stopped and started midway and never
 * finds anything compiled, one finds everything compiled. All must reach the same root at every height.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { candid, canisterIdFromIndex, principalToText, setHashEngine } from '@internode/encoding';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileMotoko } from '../src/commands/motoko.ts';
import {
  type Block,
  blocksOf,
  type Call,
  ends,
  install,
  live,
  MANAGEMENT,
  manage,
} from './fed-node.ts';

const [FIRST, SECOND_ID, BEAT] = [0n, 1n, 2n].map(canisterIdFromIndex) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

const SOURCE = `
import Prim "mo:⛔";
persistent actor {
  var count = 0;
  var noise : Blob = "";
  var sum : Float = 0.1;
  var heap : [var Nat] = [var];
  public func inc() : async Nat { count += 1; count };
  public func incThenTrap() : async Nat { count += 1; Prim.trap("by order") };
  public func refuse() : async () { throw Prim.error("not today") };
  public func random() : async Blob {
    let ic = actor "aaaaa-aa" : actor { raw_rand : () -> async Blob };
    noise := await ic.raw_rand();
    noise
  };
  public func grow(n : Nat) : async Nat { heap := Prim.Array_init<Nat>(n, count); heap.size() };
  public func mix(n : Nat) : async Float {
    var i = 0;
    while (i < n) { sum := sum * 1.0000001 + Prim.sin(sum) / 3.0; i += 1 };
    sum
  };
  public func later() : async Nat {
    Prim.setTimer<system>(2_000_000_000, false, func() : async () { count += 1000 })
  };
  public func ask(other : Text) : async Nat {
    let peer = actor (other) : actor { inc : () -> async Nat; incThenTrap : () -> async Nat };
    let before = await peer.inc();
    let failed = try { await peer.incThenTrap() } catch (_) { 7 };
    count += 1;
    before + failed
  };
  public func spin() : async () { var n = 0; while (true) { n += 1; n %= 7 } };
};
`;

function callsOf(height: number, wasm: Uint8Array): Call[] {
  const number = (value: number) => candid.encode([candid.nat], [BigInt(value)]);
  if (height === 1) {
    const argument = candid.encode([candid.record({})], [{}]);
    const method = 'provisional_create_canister_with_cycles';
    const create = { canisterId: MANAGEMENT, method, argument, effectiveCanisterId: FIRST };
    return [create, create];
  }
  if (height === 2) return [install(FIRST, wasm, 'install'), install(SECOND_ID, wasm, 'install')];
  const text = candid.encode([candid.text], [principalToText(SECOND_ID)]);
  const calls: Call[] = [
    { canisterId: FIRST, method: 'inc' },
    { canisterId: FIRST, method: 'ask', argument: text },
    { canisterId: SECOND_ID, method: 'mix', argument: number(height * 100) },
    { canisterId: FIRST, method: height % 2 === 0 ? 'incThenTrap' : 'refuse' },
    { canisterId: canisterIdFromIndex(77n), method: 'inc' },
  ];
  if (height % 3 === 0) calls.push({ canisterId: SECOND_ID, method: 'random' });
  if (height % 5 === 0) calls.push({ canisterId: SECOND_ID, method: 'later' });
  if (height % 7 === 0)
    calls.push({ canisterId: FIRST, method: 'grow', argument: number(height * 5_000) });
  if (height === 11) calls.push(manage('stop_canister', SECOND_ID));
  if (height === 14) calls.push(manage('start_canister', SECOND_ID));
  if (height === 17) calls.push({ canisterId: SECOND_ID, method: 'spin' });
  if (height === 21) calls.push(install(SECOND_ID, wasm, 'reinstall'));
  return calls;
}

/** Many short heights: a heartbeat in each, upgrades, traps, timers, calls between canisters, and no long loops. */
function manyCallsOf(height: number, code: { wasm: Uint8Array; beat: Uint8Array }): Call[] {
  if (height === 1) return [...callsOf(1, code.wasm), ...callsOf(1, code.wasm).slice(0, 1)];
  if (height === 2) return [...callsOf(2, code.wasm), install(BEAT, code.beat)];
  const text = candid.encode([candid.text], [principalToText(SECOND_ID)]);
  const calls: Call[] = [{ canisterId: FIRST, method: 'inc' }];
  if (height % 2 === 0) calls.push({ canisterId: FIRST, method: 'ask', argument: text });
  if (height % 3 === 0) calls.push({ canisterId: BEAT, method: 'read' });
  if (height % 5 === 0) calls.push({ canisterId: SECOND_ID, method: 'incThenTrap' });
  if (height % 11 === 0) calls.push({ canisterId: FIRST, method: 'later' });
  if (height % 13 === 0) calls.push({ canisterId: SECOND_ID, method: 'random' });
  if (height % 60 === 0) calls.push(install(FIRST, code.wasm, 'keep'));
  if (height % 80 === 0) calls.push(install(BEAT, code.beat, 'upgrade'));
  return calls;
}

async function assembled(file: string): Promise<Uint8Array> {
  const wabt = await (await import('wabt')).default();
  const path = fileURLToPath(new URL(file, import.meta.url));
  const parsed = wabt.parseWat(file, readFileSync(path, 'utf8'));
  const wasm = new Uint8Array(parsed.toBinary({}).buffer);
  parsed.destroy();
  return wasm;
}

const HEIGHTS = 30;
const HEIGHTS_MANY = 320;

const folder = mkdtempSync(join(tmpdir(), 'internode-determinism-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let bls: Awaited<ReturnType<typeof loadFastBls>>;
let blocks: Block[];
let manyBlocks: Block[];
beforeAll(async () => {
  setHashEngine(nodeHashEngine);
  bls = await loadFastBls();
  const wasm = compileMotoko('test.mo', SOURCE);
  blocks = blocksOf(HEIGHTS, (height) => callsOf(height, wasm));
  const beat = await assembled('beat.wat');
  manyBlocks = blocksOf(HEIGHTS_MANY, (height) => manyCallsOf(height, { wasm, beat }));
}, 60_000);

test('replicas with the same blocks certify the same roots, restarted or not, compiled before or not', async () => {
  const warm = join(folder, 'warm');
  const straight = new Map<number, string>();
  await live(join(folder, 'straight'), {
    blocks,
    bls,
    until: HEIGHTS,
    cache: warm,
    roots: straight,
  });
  expect(straight.size).toBe(HEIGHTS);
  expect(new Set(straight.values()).size).toBe(HEIGHTS);

  expect(ends.get('replied')).toBeGreaterThan(2 * HEIGHTS);
  for (const code of ['IC0503', 'IC0301', 'IC0508', 'IC0522'])
    expect([...ends.keys()]).toContain(code);

  const restarted = new Map<number, string>();
  for (const [life, until] of [4, 12, 13, 20, HEIGHTS].entries()) {
    const cache = join(folder, `cold ${life}`);
    await live(join(folder, 'restarted'), { blocks, bls, until, cache, roots: restarted });
  }
  for (const [height, root] of straight) expect(restarted.get(height)).toBe(root);

  const again = new Map<number, string>();
  await live(join(folder, 'again'), { blocks, bls, until: HEIGHTS, cache: warm, roots: again });
  expect([...again]).toEqual([...straight]);
}, 180_000);

test('320 heights on threads, on one thread with restarts, and from a cold cache', async () => {
  const until = HEIGHTS_MANY;
  ends.clear();
  const threaded = new Map<number, string>();
  const common = { blocks: manyBlocks, bls };
  const cache = join(folder, 'many');
  await live(join(folder, 'threaded'), { ...common, until, cache, roots: threaded });
  expect(new Set(threaded.values()).size).toBe(HEIGHTS_MANY);
  // Every call and upgrade succeeded but those that were to trap.
  expect(Object.fromEntries(ends)).toMatchObject({ IC0503: 64, replied: expect.any(Number) });
  expect(ends.get('replied')).toBeGreaterThan(2 * HEIGHTS_MANY);
  expect([...ends.keys()].filter((end) => /^IC/.test(end))).toEqual(['IC0503']);

  const inPlace = new Map<number, string>();
  for (const end of [150, 151, until])
    await live(join(folder, 'in place'), {
      ...common,
      until: end,
      cache: undefined,
      roots: inPlace,
    });
  for (const [height, root] of threaded)
    expect([height, inPlace.get(height)]).toEqual([height, root]);

  const cold = new Map<number, string>();
  const empty = join(folder, 'many cold');
  await live(join(folder, 'cold'), { ...common, until, cache: empty, roots: cold });
  expect([...cold]).toEqual([...threaded]);
}, 240_000);
