/**
 * A canister's memories in this thread: awake with a live instance, or asleep as bytes. Remembers
 * what changed since the last `collect`.
 */
import type { MemoryChange } from '@internode/contracts';
import { assert } from '@internode/prelude';
import {
  HEAP_PAGE_BYTES,
  type HeapImage,
  type HeapPage,
  InfrastructureFault,
  Instance,
  type MetaMemory,
  STABLE_PAGE_BYTES,
  type StableChanges,
  StableMemory,
  WASM_PAGE_BYTES,
} from '../wasm/index.ts';
import type { Host } from './api/link.ts';
import type { Collected } from './interface.ts';
import type { PreparedModule } from './modules.ts';
import { linkSystemApi } from './system-api.ts';

const NOTHING = new Uint8Array(0);

export interface Parts {
  readonly id: Uint8Array;
  readonly module: PreparedModule;
  readonly stable: StableMemory;
  /** Earlier pages of these memories, if any were stored, are void. */
  readonly cleared: { readonly heap: boolean; readonly stable: boolean };
  /** Sizes that the last collect told. */
  readonly collectedBytes?: Sizes | undefined;
  /** From the canister before the upgrade, whose heap is kept. */
  readonly unsaved?: ReadonlyMap<number, Uint8Array> | undefined;
}

interface Sizes {
  readonly heap: number;
  readonly stable: number;
}

export class Canister {
  readonly id: Uint8Array;
  readonly module: PreparedModule;
  readonly stable: StableMemory;
  readonly host: Host = { execution: undefined };
  #instance: Instance | undefined;
  #asleep: HeapImage | undefined;
  /** Heap pages committed since the last collect, but before the canister last fell asleep. */
  readonly #unsaved: Map<number, Uint8Array>;
  #changed = false;
  #cleared: { heap: boolean; stable: boolean };
  /** Sizes as of the last collect; -1 before the first. */
  #collectedBytes: { heap: number; stable: number };

  constructor(parts: Parts) {
    this.id = parts.id;
    this.module = parts.module;
    this.stable = parts.stable;
    this.#cleared = { ...parts.cleared };
    this.#collectedBytes = { heap: -1, stable: -1, ...parts.collectedBytes };
    this.#unsaved = new Map(parts.unsaved);
  }

  get awake(): boolean {
    return this.#instance !== undefined;
  }

  /** Something was committed since the last collect. */
  get changed(): boolean {
    return this.#changed;
  }

  get cleared(): { readonly heap: boolean; readonly stable: boolean } {
    return this.#cleared;
  }

  get collectedBytes(): Sizes {
    return this.#collectedBytes;
  }

  get unsaved(): ReadonlyMap<number, Uint8Array> {
    return this.#unsaved;
  }

  get heapBytes(): number {
    const pages = this.#instance?.memoryPages ?? this.#asleep?.memoryPages ?? 0;
    return pages * WASM_PAGE_BYTES;
  }

  get stableBytes(): number {
    return this.stable.size * STABLE_PAGE_BYTES;
  }

  /** What `Instance.create` needs besides the origin. */
  options(meta: MetaMemory) {
    const { compiled, info } = this.module;
    return { module: compiled, info, functions: linkSystemApi(info, this.host), meta };
  }

  attach(instance: Instance): void {
    this.#instance = instance;
    this.#asleep = undefined;
  }

  /** The live instance; wakes a sleeping canister. */
  wake(meta: MetaMemory): Instance {
    if (this.#instance !== undefined) return this.#instance;
    assert(this.#asleep !== undefined, 'a canister without a heap');
    const made = Instance.create(this.options(meta), { kind: 'restore', image: this.#asleep });
    if (made.kind === 'trapped')
      throw new InfrastructureFault('a stored canister cannot be restored');
    this.attach(made.instance);
    return made.instance;
  }

  /** Gives up the instance; nobody can tell. */
  sleep(): void {
    const instance = this.#instance;
    if (instance === undefined) return;
    const { pages, globals, memoryPages } = instance.collectDirty();
    for (const { index, bytes } of pages) this.#unsaved.set(index, bytes);
    this.#asleep = { pages: pagesOf(instance), globals, memoryPages };
    this.#instance = undefined;
  }

  /** False when a page that they change is absent. */
  applyToStable(changes: StableChanges): boolean {
    try {
      this.stable.applyChanges(changes);
    } catch (error) {
      if (this.stable.absence === undefined) throw error;
      return false;
    }
    return true;
  }

  commit(): void {
    this.#instance?.commit();
    this.stable.commit();
    this.#changed = true;
  }

  rollback(): void {
    this.#instance?.rollback();
    this.stable.rollback();
  }

  /** Brings it, awake, to where another sandbox left it; nothing of that is collected here. */
  apply(memories: readonly MemoryChange[], globals: Uint8Array): void {
    const instance = this.#instance;
    assert(instance !== undefined, 'a canister that sleeps');
    const [heap, stable] = (['heap', 'stable'] as const).map((memory) =>
      memories.find((change) => change.memory === memory),
    );
    instance.applyChanges({
      pages: heap?.pages.map(({ index, content }) => ({ index, bytes: content })) ?? [],
      globals,
      memoryPages: heap === undefined ? instance.memoryPages : heap.sizeBytes / WASM_PAGE_BYTES,
    });
    instance.commit();
    instance.collectDirty();
    if (stable === undefined) return;
    const pieces = stable.pages.map(({ index, content }) => ({ index, bytes: content }));
    this.stable.follow({ pieces, size: stable.sizeBytes / STABLE_PAGE_BYTES });
  }

  /** Everything committed since the last call. */
  collect(): Collected {
    assert(this.#changed, 'nothing to collect');
    const live = this.#instance?.collectDirty();
    for (const { index, bytes } of live?.pages ?? []) this.#unsaved.set(index, bytes);
    const heap = [...this.#unsaved]
      .map(([index, content]) => ({ index, content }))
      .sort((left, right) => left.index - right.index);
    const instance = live?.globals ?? this.#asleep?.globals ?? NOTHING;
    const stable = this.stable.collectDirty();
    const memories = [
      this.#change('heap', this.heapBytes, heap),
      this.#change(
        'stable',
        this.stableBytes,
        stable.pieces.map(({ index, bytes }) => ({ index, content: bytes })),
      ),
    ].filter((change) => change !== undefined);
    this.#unsaved.clear();
    this.#changed = false;
    this.#cleared = { heap: false, stable: false };
    return { canisterId: this.id, memories, instance };
  }

  #change(
    memory: 'heap' | 'stable',
    sizeBytes: number,
    pages: MemoryChange['pages'],
  ): MemoryChange | undefined {
    const cleared = this.#cleared[memory];
    const resized = this.#collectedBytes[memory] !== sizeBytes;
    this.#collectedBytes[memory] = sizeBytes;
    return cleared || resized || pages.length > 0
      ? { memory, cleared, sizeBytes, pages }
      : undefined;
  }

  /** Rebuilds from what `collect` once said, all changes of the heap taken together. Stable memory is supplied when it is touched. */
  static open(
    id: Uint8Array,
    module: PreparedModule,
    stored: {
      readonly heapBytes: number;
      readonly stableBytes: number;
      readonly heap: MemoryChange['pages'];
      readonly instance: Uint8Array;
    },
  ): Canister {
    const stable = new StableMemory(stored.stableBytes / STABLE_PAGE_BYTES);
    const collectedBytes = { heap: stored.heapBytes, stable: stored.stableBytes };
    const cleared = { heap: false, stable: false };
    const canister = new Canister({ id, module, stable, cleared, collectedBytes });
    canister.#asleep = {
      pages: stored.heap.map(({ index, content }) => ({ index, bytes: content })),
      globals: stored.instance,
      memoryPages: stored.heapBytes / WASM_PAGE_BYTES,
    };
    return canister;
  }
}

/** What to store of a canister that was removed. */
export function removal(canisterId: Uint8Array): Collected {
  const gone = { cleared: true, sizeBytes: 0, pages: [] };
  const memories = [
    { memory: 'heap', ...gone },
    { memory: 'stable', ...gone },
  ] as const;
  return { canisterId, memories, instance: NOTHING };
}

/** Copies of all pages that hold something. */
function pagesOf(instance: Instance): HeapPage[] {
  const pages: HeapPage[] = [];
  for (let piece = 0; piece < instance.memoryPages; piece += 1) {
    const bytes = instance.hostRead(piece * WASM_PAGE_BYTES, WASM_PAGE_BYTES);
    for (let start = 0; start < WASM_PAGE_BYTES; start += HEAP_PAGE_BYTES) {
      const page = bytes.slice(start, start + HEAP_PAGE_BYTES);
      const index = (piece * WASM_PAGE_BYTES + start) / HEAP_PAGE_BYTES;
      if (!isZero(page)) pages.push({ index, bytes: page });
    }
  }
  return pages;
}

function isZero(page: Uint8Array): boolean {
  const words = new Uint32Array(page.buffer, page.byteOffset, page.byteLength / 4);
  for (let index = 0; index < words.length; index += 1) if (words[index] !== 0) return false;
  return true;
}
