/**
 * Canisters of the store come to life when they are first needed: module, facts, memories,
 * instance. Batches and queries may ask for the same canister at once; one opens it, the others
 * wait.
 */
import type { MemoryChange, MemoryKind } from '@internode/contracts';
import { assert, bytesEqual, toHex } from '@internode/prelude';
import { OPENINGS } from '../limits.ts';
import type { ModuleFacts } from '../sandbox/interface.ts';
import type { Canister, Code } from './canister.ts';
import { askFor, type Fiber, solveFor, until } from './fibers.ts';
import type { Subnet } from './subnet.ts';

/** What waits for an opening canister is resumed by this. */
export type Raise = (signal: string) => void;

const ROOM_TO_OPEN = 'room to open';

function openedSignal(canister: Canister): string {
  return `opened ${canister.key}`;
}

/** After this, the canister is open or has no code. */
export function* ensureOpen(subnet: Subnet, canister: Canister, raise: Raise): Fiber {
  yield* whileOpening(canister);
  const { code } = canister.state;
  if (canister.open || code === undefined) return;
  canister.opening = true;
  while (subnet.opening >= OPENINGS) yield* until(ROOM_TO_OPEN);
  subnet.opening += 1;
  const memories = [
    ...(yield* loadMemory(subnet, { canister, memory: 'heap', sizeBytes: code.heapBytes })),
    ...(yield* loadMemory(subnet, { canister, memory: 'stable', sizeBytes: code.stableBytes })),
  ];
  canister.learn(yield* prepareStored(code.moduleHash));
  yield* solveFor('opened', openTask(canister, code, memories));
  canister.open = true;
  canister.opening = false;
  subnet.opening -= 1;
  raise(openedSignal(canister));
  raise(ROOM_TO_OPEN);
}

export function* whileOpening(canister: Canister): Fiber {
  while (canister.opening) yield* until(openedSignal(canister));
}

function openTask(canister: Canister, code: Code, memories: readonly MemoryChange[]) {
  const { moduleHash, heapBytes, stableBytes, instance } = code;
  return {
    kind: 'open',
    canisterId: canister.id,
    moduleHash,
    heapBytes,
    stableBytes,
    memories,
    instance,
  } as const;
}

function* prepareStored(hash: Uint8Array): Fiber<ModuleFacts> {
  const loaded = yield* askFor('ModuleLoaded', { kind: 'LoadModule', hash }, moduleKey(hash));
  assert(loaded.content !== undefined, 'the module of a canister is not in the store');
  const answer = yield* solveFor('prepared', { kind: 'prepare', wasm: loaded.content });
  assert(bytesEqual(answer.facts.hash, hash), 'the store answered with another module');
  return answer.facts;
}

interface Wanted {
  readonly canister: Canister;
  readonly memory: MemoryKind;
  readonly sizeBytes: number;
}

function* loadMemory(
  { session }: Subnet,
  { canister, memory, sizeBytes }: Wanted,
): Fiber<MemoryChange[]> {
  const pages: { index: number; content: Uint8Array }[] = [];
  for (let fromIndex = 0; sizeBytes > 0; ) {
    const canisterId = canister.id;
    const ask = { kind: 'LoadMemory', canisterId, memory, fromIndex, session } as const;
    const loaded = yield* askFor('MemoryLoaded', ask, memoryKey(canister.id, memory, fromIndex));
    for (const page of loaded.pages) pages.push(page);
    if (loaded.complete) break;
    const last = loaded.pages.at(-1);
    assert(last !== undefined, 'the store answered with no page of an unfinished memory');
    fromIndex = last.index + 1;
  }
  return [{ memory, cleared: false, sizeBytes, pages }];
}

export function moduleKey(hash: Uint8Array): string {
  return `module ${toHex(hash)}`;
}

export function memoryKey(canisterId: Uint8Array, memory: MemoryKind, fromIndex: number): string {
  return `memory ${toHex(canisterId)} ${memory} ${fromIndex}`;
}
