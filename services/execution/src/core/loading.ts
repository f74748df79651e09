/**
 * Canisters of the store come to life when they are first needed: module, facts, heap, instance. Their
 * stable memory, which may be far larger, follows as it is touched. Batches and queries may ask for the
 * same canister at once; one opens it, the others wait.
 */
import type { MemoryChange, MemoryKind, MemoryLoaded } from '@internode/contracts';
import { assert, bytesEqual, toHex } from '@internode/prelude';
import { OPENINGS, SUPPLY } from '../limits.ts';
import type { Absent, ModuleFacts } from '../sandbox/interface.ts';
import {
  type PageRange,
  STABLE_PAGE_BYTES,
  STABLE_PIECE_BYTES,
  STABLE_PIECES_PER_PAGE,
  type StablePage,
} from '../wasm/index.ts';
import type { Canister, Code } from './canister.ts';
import { askFor, type Fiber, solveFor, until } from './fibers.ts';
import type { Subnet } from './subnet.ts';

/** After this, the canister is open or has no code. */
export type EnsureOpen = (canister: Canister) => Fiber;

/** What waits for an opening canister is resumed by this. */
export type Raise = (signal: string) => void;

export const ROOM_TO_OPEN = 'room to open';

export function openedSignal(canister: Canister): string {
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
  const { pages: heap } = yield* loadHeap(subnet, canister, code);
  canister.learn(yield* prepareStored(code.moduleHash));
  yield* solveFor('opened', openTask(canister, code, heap));
  canister.open = true;
  canister.opening = false;
  subnet.opening -= 1;
  raise(openedSignal(canister));
  raise(ROOM_TO_OPEN);
}

export function* whileOpening(canister: Canister): Fiber {
  while (canister.opening) yield* until(openedSignal(canister));
}

export function openTask(canister: Canister, code: Code, heap: Pages) {
  const { moduleHash, heapBytes, stableBytes, instance } = code;
  return {
    kind: 'open',
    canisterId: canister.id,
    moduleHash,
    heapBytes,
    stableBytes,
    heap,
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

export type Pages = MemoryChange['pages'];

/** The pages, and the height that none of them is newer than. */
export function* loadHeap(
  { session }: Subnet,
  canister: Canister,
  { heapBytes }: Code,
): Fiber<{ readonly pages: Pages; readonly height: number }> {
  const pages: Pages[number][] = [];
  let height = 0;
  for (let fromIndex = 0; heapBytes > 0; ) {
    const place = { canisterId: canister.id, memory: 'heap', fromIndex } as const;
    const loaded = yield* loadPages(session, place);
    for (const page of loaded.pages) pages.push(page);
    height = Math.max(height, loaded.height ?? 0);
    if (loaded.complete) break;
    fromIndex = lastOf(loaded) + 1;
  }
  return { pages, height };
}

/** Brings pieces of a range, stored at `height` or before, to the height of the tip. */
export type Bring = (pieces: Pages, range: PageRange, height: number) => Fiber<Pages>;

/**
 * Supplies the sandbox with what it met of a canister's stable memory: the block around the page, larger ones the more often the
 * same task met an absent page. So a message that touches little of a large memory waits for little, and one that touches all of it is
 * not begun more often than there are sizes of blocks.
 */
export function* supplyStable(
  session: Uint8Array,
  { canisterId, absence }: Absent,
  met: number,
  bring?: Bring,
): Fiber {
  const { page, around } = absence;
  const pages = SUPPLY.pages * 2 ** Math.floor(met / SUPPLY.timesEach);
  const block = Math.floor(page / pages) * pages;
  const end = Math.min(block + pages, around.to);
  let from = Math.max(block, around.from);
  let fromIndex = from * STABLE_PIECES_PER_PAGE;
  for (let pieces: Pages = []; from < end; ) {
    const loaded = yield* loadPages(session, { canisterId, memory: 'stable', fromIndex });
    pieces = [...pieces, ...loaded.pages];
    if (!loaded.complete) fromIndex = lastOf(loaded) + 1;
    const to = loaded.complete
      ? end
      : Math.min(end, Math.floor(fromIndex / STABLE_PIECES_PER_PAGE));
    if (to === from) continue;
    const range = { from, to };
    // Without: nothing has changed since, what is absent was not touched in this life.
    const brought = bring ? yield* bring(pieces, range, loaded.height ?? 0) : pieces;
    const task = { kind: 'supply', canisterId, range, pages: whole(brought, range) } as const;
    yield* solveFor('supplied', task);
    pieces = pieces.filter(({ index }) => index >= to * STABLE_PIECES_PER_PAGE);
    from = to;
  }
}

function whole(pieces: Pages, { from, to }: PageRange): StablePage[] {
  const pages = new Map<number, StablePage>();
  for (const { index: piece, content } of pieces) {
    const index = Math.floor(piece / STABLE_PIECES_PER_PAGE);
    if (index < from || index >= to) continue;
    const page = pages.get(index) ?? { index, bytes: new Uint8Array(STABLE_PAGE_BYTES) };
    page.bytes.set(content, (piece % STABLE_PIECES_PER_PAGE) * STABLE_PIECE_BYTES);
    pages.set(index, page);
  }
  return [...pages.values()];
}

type Place = Pick<MemoryLoaded, 'canisterId' | 'memory' | 'fromIndex'>;

function* loadPages(session: Uint8Array, place: Place): Fiber<MemoryLoaded> {
  const { canisterId, memory, fromIndex } = place;
  const key = memoryKey(canisterId, memory, fromIndex);
  return yield* askFor('MemoryLoaded', { kind: 'LoadMemory', ...place, session }, key);
}

function lastOf({ pages }: MemoryLoaded): number {
  const last = pages.at(-1);
  assert(last !== undefined, 'the store answered with no page of an unfinished memory');
  return last.index;
}

export function moduleKey(hash: Uint8Array): string {
  return `module ${toHex(hash)}`;
}

export function memoryKey(canisterId: Uint8Array, memory: MemoryKind, fromIndex: number): string {
  return `memory ${toHex(canisterId)} ${memory} ${fromIndex}`;
}
