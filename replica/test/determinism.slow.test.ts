/**
 * Execution and state as in a node, fed the same blocks: one runs through, one is stopped and started midway and never
 * finds anything compiled, one finds everything compiled. All must reach the same root at every height.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Caller, Service } from '@internode/actor';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import {
  ANONYMOUS,
  candid,
  canisterIdFromIndex,
  encodeCbor,
  principalToText,
  requestIdOf,
  setHashEngine,
} from '@internode/encoding';
import { createExecution, createSandboxSolver } from '@internode/execution';
import { openHost } from '@internode/host';
import { toHex, utf8 } from '@internode/prelude';
import { createState, createStateSolver } from '@internode/state';
import { RocksStore } from '@internode/storage/rocksdb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileMotoko } from '../src/commands/motoko.ts';
import { CANISTER_RANGES } from '../src/genesis.ts';

const SECOND = 1_000_000_000n;
const GENESIS_NANOS = 1_790_000_000n * SECOND;
const MANAGEMENT = new Uint8Array(0);
const NO_ARGUMENT = candid.encode([], []);
const [FIRST, SECOND_ID] = [canisterIdFromIndex(0n), canisterIdFromIndex(1n)];

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

interface Call {
  readonly canisterId: Uint8Array;
  readonly method: string;
  readonly argument?: Uint8Array;
  readonly effectiveCanisterId?: Uint8Array;
  readonly nonce?: number;
}

let nonce = 0;
function ingressOf(call: Call, timeNanos: bigint) {
  const expiryNanos = timeNanos + 200n * SECOND;
  const content = {
    request_type: 'call',
    sender: ANONYMOUS,
    ingress_expiry: expiryNanos,
    nonce: utf8(`nonce ${call.nonce ?? nonce++}`),
    canister_id: call.canisterId,
    method_name: call.method,
    arg: call.argument ?? NO_ARGUMENT,
  };
  const requestId = requestIdOf(content as Parameters<typeof requestIdOf>[0]);
  if (requestId.kind !== 'valid') throw new Error(requestId.reason);
  const effectiveCanisterId = call.effectiveCanisterId ?? call.canisterId;
  const envelope = encodeCbor({ content });
  return { requestId: requestId.value, envelope, expiryNanos, effectiveCanisterId };
}

const installType = candid.record({
  mode: candid.variant({ install: candid.nullType, reinstall: candid.nullType }),
  canister_id: candid.principal,
  wasm_module: candid.blob,
  arg: candid.blob,
});

function install(canisterId: Uint8Array, wasm: Uint8Array, mode: 'install' | 'reinstall'): Call {
  const chosen = { kind: mode, value: null };
  const fields = { mode: chosen, canister_id: canisterId, wasm_module: wasm, arg: NO_ARGUMENT };
  const argument = candid.encode([installType], [fields as never]);
  return {
    canisterId: MANAGEMENT,
    method: 'install_code',
    argument,
    effectiveCanisterId: canisterId,
  };
}

function manage(method: string, canisterId: Uint8Array): Call {
  const argument = candid.encode(
    [candid.record({ canister_id: candid.principal })],
    [{ canister_id: canisterId }],
  );
  return { canisterId: MANAGEMENT, method, argument, effectiveCanisterId: canisterId };
}

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

function blocksOf(heights: number, wasm: Uint8Array) {
  return Array.from({ length: heights }, (_, index) => {
    const height = index + 1;
    const timeNanos = GENESIS_NANOS + BigInt(height) * SECOND;
    const ingress = callsOf(height, wasm).map((call) => ingressOf(call, timeNanos));
    const randomness = new Uint8Array(32).fill(height);
    const blockHash = new Uint8Array(32).fill(255 - height);
    return { kind: 'BatchReady', height, timeNanos, randomness, blockHash, ingress } as const;
  });
}
type Block = ReturnType<typeof blocksOf>[number];

const folder = mkdtempSync(join(tmpdir(), 'internode-determinism-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let bls: Awaited<ReturnType<typeof loadFastBls>>;
let blocks: Block[];
beforeAll(async () => {
  setHashEngine(nodeHashEngine);
  bls = await loadFastBls();
  blocks = blocksOf(HEIGHTS, compileMotoko('test.mo', SOURCE));
}, 60_000);

const HEIGHTS = 30;
const SUBNET_ID = new Uint8Array(29).fill(2);
const ROOT_KEY = new Uint8Array(133).fill(7);

/** How calls ended, over all lives: a test of nothing but refusals would prove little. */
const ends = new Map<string, number>();

/** One life of a node: executes the blocks up to a height and tells the root of every height that it hashed. */
async function live(
  dataDir: string,
  { until, cache, roots }: { until: number; cache: string; roots: Map<number, string> },
): Promise<void> {
  await using host = await openHost({
    place: { subnet: 'subnet', node: 'node' },
    dataDir,
    log: { level: 'error' },
  });
  const store = await RocksStore.open({ path: join(dataDir, 'store') });
  host.defer(() => store.close());
  const fail = (fault: Error): void => failed.reject(fault);
  const failed = Promise.withResolvers<never>();
  const sandbox = createSandboxSolver({ workers: 2, cacheDirectory: cache, onFault: fail });
  host.defer(() => sandbox.close());
  const solver = createStateSolver({
    store,
    bls,
    publicKey: new Uint8Array(96),
    onRefused: fail,
  });
  const { bus, clock, entropy, place } = host;
  const ports = { bus, clock, entropy, place };
  const caller = new Caller({ name: 'consensus', ports, keyOf: {}, pendingMax: 1 });
  const done = Promise.withResolvers<void>();
  const sayFrom = (height: number): void => {
    for (const block of blocks.slice(height - 1, until)) caller.tell(block);
  };
  caller.listen('RequestBatches', ({ fromHeight }) => sayFrom(fromHeight));
  caller.listen('RequestReadiness', () =>
    caller.tell({ kind: 'Readiness', service: 'consensus', ready: true, height: 0, detail: '' }),
  );
  caller.listen('BatchExecuted', ({ requests }) => {
    for (const { status, refusal } of requests) {
      const end = refusal?.errorCode ?? status;
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  });
  caller.listen('StateHashed', ({ height, root }) => {
    const known = roots.get(height);
    if (known !== undefined && known !== toHex(root)) fail(new Error(`another root at ${height}`));
    roots.set(height, toHex(root));
    caller.tell({ kind: 'CertificationValue', height, root, signature: new Uint8Array(48) });
    if (height === until) done.resolve();
  });
  const description = {
    subnetId: SUBNET_ID,
    publicKey: ROOT_KEY,
    type: 'application',
    canisterRanges: CANISTER_RANGES,
    nodes: [],
  } as const;
  host.run(new Service(createState({ subnet: description, checksCertifications: false })), {
    solver,
  });
  const execution = { subnetId: SUBNET_ID, subnetNodes: 1, rootKeyDer: ROOT_KEY };
  host.run(new Service(createExecution(execution)), { solver: sandbox });
  const late = setTimeout(() => fail(new Error(`no root of height ${until}`)), 60_000);
  host.defer(() => clearTimeout(late));
  host.defer(() => caller.close());
  await Promise.race([done.promise, failed.promise]);
}

test('replicas with the same blocks certify the same roots, restarted or not, compiled before or not', async () => {
  const warm = join(folder, 'warm');
  const straight = new Map<number, string>();
  await live(join(folder, 'straight'), { until: HEIGHTS, cache: warm, roots: straight });
  expect(straight.size).toBe(HEIGHTS);
  expect(new Set(straight.values()).size).toBe(HEIGHTS);

  expect(ends.get('replied')).toBeGreaterThan(2 * HEIGHTS);
  for (const code of ['IC0503', 'IC0301', 'IC0508', 'IC0522'])
    expect([...ends.keys()]).toContain(code);

  const restarted = new Map<number, string>();
  for (const [life, until] of [4, 12, 13, 20, HEIGHTS].entries()) {
    const cache = join(folder, `cold ${life}`);
    await live(join(folder, 'restarted'), { until, cache, roots: restarted });
  }
  for (const [height, root] of straight) expect(restarted.get(height)).toBe(root);

  const again = new Map<number, string>();
  await live(join(folder, 'again'), { until: HEIGHTS, cache: warm, roots: again });
  expect([...again]).toEqual([...straight]);
}, 180_000);
