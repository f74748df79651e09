/**
 * The newest executed height: its canonical tree, built incrementally, and where its memories stand in the store.
 * Applying a batch changes the tip and answers the rows that make the store follow.
 */
import type {
  BatchExecuted,
  CanisterChange,
  MemberKeys,
  MemoryChange,
  StoredLayout,
} from '@internode/contracts';
import { encodeUnsignedLeb128 } from '@internode/encoding';
import type { LabelledTree } from '@internode/hash-tree';
import { toHex } from '@internode/prelude';
import { PAGE_BYTES } from '../limits.ts';
import { canisterEntry, metricsLeaf, requestEntry } from './content.ts';
import {
  canisterKey,
  GARBAGE,
  garbageKey,
  type KeyRange,
  LAYOUT,
  type MemoryPlace,
  moduleKey,
  olderPages,
  pageKey,
  requestKey,
  STORE_FORMAT,
  SUBNET_STATE_KEY,
  TIP,
  TIP_KEY,
} from './rows.ts';
import { nodesContent } from './subnet.ts';
import type { RowChange } from './task.ts';

export interface TipState {
  readonly height: number;
  readonly timeNanos: bigint;
  readonly tree: LabelledTree;
  /** By canister id in hexadecimal; every canister that exists. */
  readonly layouts: Map<string, StoredLayout>;
  readonly updatesTotal: number;
  readonly consumedCycles: bigint;
  /** Undefined: those of the configuration. */
  readonly members?: MemberKeys | undefined;
}

/** What applying a batch leaves for others to do. */
export interface Applied {
  readonly root: Uint8Array;
  readonly rows: readonly RowChange[];
  /** Keys that nothing refers to once the rows are written. */
  readonly garbage: readonly KeyRange[];
  readonly completed: readonly Uint8Array[];
  readonly pages: number;
}

export class Tip {
  readonly #subnetId: Uint8Array;
  readonly #identity: Uint8Array;
  #height: number;
  #timeNanos: bigint;
  #tree: LabelledTree;
  readonly #layouts: Map<string, StoredLayout>;
  #stateBytes = 0;
  #updatesTotal: number;
  #consumedCycles: bigint;
  #members: MemberKeys | undefined;
  #rows: RowChange[] = [];
  #garbage: KeyRange[] = [];
  #pages = 0;

  constructor(subnetId: Uint8Array, identity: Uint8Array, state: TipState) {
    this.#subnetId = subnetId;
    this.#identity = identity;
    this.#height = state.height;
    this.#timeNanos = state.timeNanos;
    this.#tree = state.tree;
    this.#layouts = state.layouts;
    this.#updatesTotal = state.updatesTotal;
    this.#consumedCycles = state.consumedCycles;
    this.#members = state.members;
    for (const layout of state.layouts.values()) this.#stateBytes += bytesOf(layout);
  }

  get height(): number {
    return this.#height;
  }

  get timeNanos(): bigint {
    return this.#timeNanos;
  }

  get tree(): LabelledTree {
    return this.#tree;
  }

  layoutOf(canisterId: Uint8Array): StoredLayout | undefined {
    return this.#layouts.get(toHex(canisterId));
  }

  /** Applies the batch of the next height, checked before (batch-check.ts). */
  apply(batch: BatchExecuted): Applied {
    this.#rows = [];
    this.#garbage = [];
    this.#pages = 0;
    this.#height = batch.height;
    this.#timeNanos = batch.timeNanos;
    const completed = this.#applyRequests(batch);
    for (const canister of batch.canisters) this.#applyCanister(canister);
    for (const { hash, content } of batch.modules) this.#put(moduleKey(hash), content);
    for (const hash of batch.droppedModules) this.#put(moduleKey(hash), undefined);
    if (batch.consumedCycles !== undefined) {
      this.#consumedCycles = BigInt(`0x0${toHex(batch.consumedCycles)}`);
    }
    if (batch.members !== undefined) this.#applyMembers(batch.members);
    this.#updatesTotal += completed.length;
    this.#applySummary();
    const root = this.#tree.rootHash();
    this.#put(SUBNET_STATE_KEY, batch.subnetState);
    this.#put(TIP_KEY, this.#tipRow(root));
    return { root, rows: this.#rows, garbage: this.#garbage, completed, pages: this.#pages };
  }

  #tipRow(root: Uint8Array): Uint8Array {
    const consumed = this.#consumedCycles.toString(16);
    return TIP.encode({
      format: STORE_FORMAT,
      identity: this.#identity,
      height: this.#height,
      timeNanos: this.#timeNanos,
      root,
      updatesTotal: this.#updatesTotal,
      consumedCycles: hexBytes(consumed),
      ...(this.#members !== undefined && { members: this.#members }),
    });
  }

  #applyMembers(members: MemberKeys): void {
    this.#members = members;
    this.#tree = this.#tree.set(['subnet', this.#subnetId, 'node'], nodesContent(members.nodes));
  }

  #applyRequests(batch: BatchExecuted): Uint8Array[] {
    const completed: Uint8Array[] = [];
    for (const change of batch.requests) {
      const { requestId, status } = change;
      const { row, content } = requestEntry(change);
      this.#tree = this.#tree.set(['request_status', requestId], content);
      this.#put(requestKey(requestId), row);
      if (status === 'replied' || status === 'rejected') completed.push(requestId);
    }
    for (const requestId of batch.forgottenRequests) {
      this.#tree = this.#tree.remove(['request_status', requestId]);
      this.#put(requestKey(requestId), undefined);
    }
    return completed;
  }

  #applySummary(): void {
    const metrics = metricsLeaf({
      canisters: this.#layouts.size,
      canisterStateBytes: this.#stateBytes,
      updatesTotal: this.#updatesTotal,
      consumedCycles: this.#consumedCycles,
    });
    this.#tree = this.#tree
      .set(['time'], encodeUnsignedLeb128(this.#timeNanos))
      .set(['subnet', this.#subnetId, 'metrics'], metrics);
  }

  #applyCanister(change: CanisterChange): void {
    const { canisterId, record, systemState } = change;
    if (change.deleted) return this.#deleteCanister(canisterId);
    const key = toHex(canisterId);
    const before = this.#layouts.get(key) ?? newLayout(this.#height);
    const layout = change.memories.reduce(
      (current, memory) => this.#applyMemory(canisterId, current, memory),
      before,
    );
    if (layout !== this.#layouts.get(key)) {
      const old = this.#layouts.get(key);
      this.#stateBytes += bytesOf(layout) - (old === undefined ? 0 : bytesOf(old));
      this.#layouts.set(key, layout);
      this.#put(canisterKey('layout', canisterId), LAYOUT.encode(layout));
    }
    if (systemState !== undefined) this.#put(canisterKey('system', canisterId), systemState);
    if (record === undefined) return;
    const { row, content } = canisterEntry(record);
    this.#tree = this.#tree.set(['canister', canisterId], content);
    this.#put(canisterKey('canister', canisterId), row);
  }

  #deleteCanister(canisterId: Uint8Array): void {
    const layout = this.#layouts.get(toHex(canisterId));
    this.#tree = this.#tree.remove(['canister', canisterId]);
    if (layout === undefined) return;
    this.#layouts.delete(toHex(canisterId));
    this.#stateBytes -= bytesOf(layout);
    for (const table of ['canister', 'layout', 'system'] as const) {
      this.#put(canisterKey(table, canisterId), undefined);
    }
    for (const memory of ['heap', 'stable'] as const) {
      this.#discard({ canisterId, memory, generation: this.#height + 1 });
    }
  }

  #applyMemory(canisterId: Uint8Array, layout: StoredLayout, change: MemoryChange): StoredLayout {
    const { memory, sizeBytes } = change;
    const isHeap = memory === 'heap';
    const bytesBefore = isHeap ? layout.heapBytes : layout.stableBytes;
    let generation = isHeap ? layout.heapGeneration : layout.stableGeneration;
    if (change.cleared && bytesBefore > 0) {
      generation = this.#height;
      this.#discard({ canisterId, memory, generation });
    }
    const place = { canisterId, memory, generation };
    for (const { index, content } of change.pages) this.#put(pageKey(place, index), content);
    this.#pages += change.pages.length;
    if (!change.cleared) {
      const end = pagesOf(bytesBefore);
      for (let i = pagesOf(sizeBytes); i < end; i++) this.#put(pageKey(place, i), undefined);
    }
    return isHeap
      ? { ...layout, heapBytes: sizeBytes, heapGeneration: generation }
      : { ...layout, stableBytes: sizeBytes, stableGeneration: generation };
  }

  #discard(place: MemoryPlace): void {
    const range = olderPages(place);
    this.#garbage.push(range);
    this.#put(garbageKey(range.gte), GARBAGE.encode({ first: range.gte, end: range.lt }));
  }

  #put(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#rows.push({ key, value });
  }
}

export function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

function newLayout(height: number): StoredLayout {
  return { heapBytes: 0, heapGeneration: height, stableBytes: 0, stableGeneration: height };
}

function bytesOf(layout: StoredLayout): number {
  return layout.heapBytes + layout.stableBytes;
}

function hexBytes(hex: string): Uint8Array {
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  return Uint8Array.from(even.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
