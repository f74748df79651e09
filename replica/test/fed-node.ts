/** Execution and state as in a node, fed with blocks by a test in place of consensus. */
import { join } from 'node:path';
import { Caller, Service, type Solver } from '@internode/actor';
import type { loadFastBls } from '@internode/crypto/fast';
import { ANONYMOUS, candid, encodeCbor, requestIdOf } from '@internode/encoding';
import {
  createExecution,
  createInPlaceSandbox,
  createSandboxSolver,
  type SandboxAnswer,
  type SandboxTask,
} from '@internode/execution';
import { type Host, openHost } from '@internode/host';
import { toHex, utf8 } from '@internode/prelude';
import { createState, createStateSolver } from '@internode/state';
import { RocksStore } from '@internode/storage/rocksdb';
import { CANISTER_RANGES } from '../src/genesis.ts';

const SECOND = 1_000_000_000n;
const GENESIS_NANOS = 1_790_000_000n * SECOND;
export const MANAGEMENT = new Uint8Array(0);
export const NO_ARGUMENT = candid.encode([], []);
const SUBNET_ID = new Uint8Array(29).fill(2);
const ROOT_KEY = new Uint8Array(133).fill(7);

export interface Call {
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

const keepType = candid.record({
  wasm_memory_persistence: candid.opt(
    candid.variant({ keep: candid.nullType, replace: candid.nullType }),
  ),
});
const MODES = {
  install: { kind: 'install', value: null },
  reinstall: { kind: 'reinstall', value: null },
  /** As Motoko wants it. */
  keep: {
    kind: 'upgrade',
    value: { wasm_memory_persistence: { kind: 'keep', value: null } },
  },
  upgrade: { kind: 'upgrade', value: undefined },
} as const;
const installType = candid.record({
  mode: candid.variant({
    install: candid.nullType,
    reinstall: candid.nullType,
    upgrade: candid.opt(keepType),
  }),
  canister_id: candid.principal,
  wasm_module: candid.blob,
  arg: candid.blob,
});

export function install(
  canisterId: Uint8Array,
  wasm: Uint8Array,
  mode: keyof typeof MODES = 'install',
): Call {
  const chosen = MODES[mode];
  const fields = { mode: chosen, canister_id: canisterId, wasm_module: wasm, arg: NO_ARGUMENT };
  const argument = candid.encode([installType], [fields as never]);
  return {
    canisterId: MANAGEMENT,
    method: 'install_code',
    argument,
    effectiveCanisterId: canisterId,
  };
}

export function manage(method: string, canisterId: Uint8Array): Call {
  const argument = candid.encode(
    [candid.record({ canister_id: candid.principal })],
    [{ canister_id: canisterId }],
  );
  return { canisterId: MANAGEMENT, method, argument, effectiveCanisterId: canisterId };
}

/** One block per height from 1 on, a second apart. */
export function blocksOf(heights: number, callsOf: (height: number) => readonly Call[]) {
  return Array.from({ length: heights }, (_, index) => {
    const height = index + 1;
    const timeNanos = GENESIS_NANOS + BigInt(height) * SECOND;
    const ingress = callsOf(height).map((call) => ingressOf(call, timeNanos));
    const randomness = new Uint8Array(32).fill(height);
    const blockHash = new Uint8Array(32).fill(255 - (height % 256));
    return { kind: 'BatchReady', height, timeNanos, randomness, blockHash, ingress } as const;
  });
}
export type Block = ReturnType<typeof blocksOf>[number];

/** How calls ended, over all lives: a test of nothing but refusals would prove little. */
export const ends = new Map<string, number>();

export interface Life {
  readonly blocks: readonly Block[];
  readonly bls: Awaited<ReturnType<typeof loadFastBls>>;
  readonly until: number;
  /** Folder of the compile cache of worker threads; without it canisters run on this thread. */
  readonly cache: string | undefined;
  /** Told of every height; a second root of a height that differs from the first fails. */
  readonly roots: Map<number, string>;
}

/** One life of a node: executes the blocks up to a height and tells the root of every height that it hashed. */
export async function live(
  dataDir: string,
  { blocks, bls, until, cache, roots }: Life,
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
  const sandbox = cache === undefined ? inPlace() : threads(host, cache, fail);
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

function threads(host: Host, cacheDirectory: string, onFault: (fault: Error) => void) {
  const sandbox = createSandboxSolver({ workers: 2, cacheDirectory, onFault });
  host.defer(() => sandbox.close());
  return sandbox;
}

function inPlace(): Solver<SandboxTask, SandboxAnswer> {
  const sandbox = createInPlaceSandbox();
  return {
    solve: (task, answer) => void setImmediate(() => answer(sandbox.run(task))),
  };
}
