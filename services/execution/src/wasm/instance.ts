/**
 * A live canister: one heap, one V8 instance of the instrumented module, and a transaction.
 *
 * 1. The first `run` or `hostWrite` after `commit` or `rollback` opens a transaction; several runs
 *    (start, then `canister_init`) may share it.
 * 2. `rollback` restores heap, size, globals and tables exactly; `commit` keeps them, except tables
 *    and dropped segments, which return to their first state after every message. So an instance
 *    that ran for a year and one restored from a checkpoint cannot differ.
 * 3. After a trap only `rollback` is allowed.
 */
import { assert } from '@internode/prelude';
import { buildWasmInstance, createHeap, evaluate, type Machine } from './machine.ts';
import {
  GLOBAL_SLOT_BYTES,
  HEAP_PAGE_BYTES,
  HEAP_PAGES_PER_WASM_PAGE,
  type MetaMemory,
  WASM_PAGE_BYTES,
} from './meta-memory.ts';
import { HEAP_OUT_OF_BOUNDS, HostTrap, InfrastructureFault, textTrap } from './traps.ts';
import type {
  Entry,
  HeapChanges,
  HeapImage,
  HeapPage,
  HostFunctions,
  ModuleInfo,
  RunLimits,
  RunResult,
  Trap,
} from './types.ts';

export interface InstanceOptions {
  /** Compiled from the bytes that `instrument` made of the module that `info` describes. */
  readonly module: WebAssembly.Module;
  readonly info: ModuleInfo;
  /** One function for each name in `info.imports`. */
  readonly functions: HostFunctions;
  readonly meta: MetaMemory;
}

/** Where the first heap comes from. `bytes` are those of the original module. */
export type Origin =
  | { readonly kind: 'install'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'keep';
      readonly bytes: Uint8Array;
      readonly previous: Instance;
      /** What `canister_pre_upgrade` changed on `previous` before it was rolled back. */
      readonly changes: HeapChanges;
    }
  | { readonly kind: 'restore'; readonly image: HeapImage };

export type CreateResult =
  | { readonly kind: 'created'; readonly instance: Instance }
  | { readonly kind: 'trapped'; readonly trap: Trap };

/** Stack slots of 8 bytes a message may use: 5 MiB, as on the Internet Computer. */
const DEPTH_SLOTS = 655_360;

const TOO_LARGE = textTrap('the kept heap is larger than the memory of the new module');

export class Instance {
  readonly info: ModuleInfo;
  readonly #options: InstanceOptions;
  #memory: WebAssembly.Memory;
  #machine: Machine;
  #view: Uint8Array;
  #dirty = new Set<number>();
  #open = false;
  #trapped = false;
  #pagesCommitted: number;

  /**
   * `install` and `keep` leave a transaction open, with the active data segments written: run
   * `start` and the entry points, then commit, or drop the instance. `keep` takes over a copy of
   * the heap (not the globals) of `previous` with `changes`; `previous` must have no transaction
   * open and stays usable.
   * `restore` opens no transaction.
   */
  static create(options: InstanceOptions, origin: Origin): CreateResult {
    const wanted = pagesAtFirst(options.info, origin);
    if (wanted > (options.info.memory?.pagesMax ?? 0)) return { kind: 'trapped', trap: TOO_LARGE };
    const memory = createHeap(options.info.memory, wanted);
    const built = buildWasmInstance(options, memory);
    if (built.kind === 'trapped') return built;
    const instance = new Instance(options, memory, built.machine);
    if (origin.kind === 'restore') {
      instance.#load(origin.image);
      return { kind: 'created', instance };
    }
    if (origin.kind === 'keep') instance.#inherit(origin.previous, origin.changes);
    const trap = instance.#writeActiveData(origin.bytes);
    if (trap !== undefined) {
      instance.rollback();
      return { kind: 'trapped', trap };
    }
    return { kind: 'created', instance };
  }

  private constructor(options: InstanceOptions, memory: WebAssembly.Memory, machine: Machine) {
    this.#options = options;
    this.info = options.info;
    this.#memory = memory;
    this.#machine = machine;
    this.#view = new Uint8Array(memory.buffer);
    this.#pagesCommitted = this.memoryPages;
  }

  /** Size of the heap in 64 KiB pages. */
  get memoryPages(): number {
    return this.#memory.buffer.byteLength / WASM_PAGE_BYTES;
  }

  /** True from the first run or write until `commit` or `rollback`. */
  get inTransaction(): boolean {
    return this.#open;
  }

  /** Runs one entry point to its end. Throws InfrastructureFault only. */
  run(entry: Entry, limits: RunLimits): RunResult {
    assert(!this.#trapped, 'a trapped transaction must be rolled back');
    this.#begin();
    const result = evaluate(this.#machine, entry, { ...limits, depthSlots: DEPTH_SLOTS });
    this.#trapped = result.kind === 'trapped';
    return result;
  }

  /** For host functions: instructions left in the running message; negative never. */
  instructionsLeft(): number {
    return Math.max(0, this.#machine.helpers.left());
  }

  /** For host functions: charges instructions, and traps the canister when none are left. */
  charge(instructions: number): void {
    this.#machine.helpers.charge(instructions);
  }

  /** A copy of heap bytes; traps out of bounds (call from host functions only, or after checking). */
  hostRead(offset: number, length: number): Uint8Array {
    this.#checkRange(offset, length);
    return this.#bytes().slice(offset, offset + length);
  }

  /** Writes into the heap as part of the transaction; traps out of bounds like `hostRead`. */
  hostWrite(offset: number, bytes: Uint8Array): void {
    this.#checkRange(offset, bytes.length);
    if (bytes.length === 0) return;
    this.#begin();
    this.#machine.helpers.touch(offset, bytes.length);
    this.#bytes().set(bytes, offset);
  }

  /** Keeps all changes of the transaction and adds its pages to the dirty set. */
  commit(): void {
    assert(!this.#trapped, 'a trapped transaction cannot be committed');
    if (!this.#open) return;
    for (const page of this.#pendingPages()) this.#dirty.add(page);
    this.#machine.helpers.clear();
    if (this.#machine.stale.value !== 0) {
      this.#machine.helpers.save();
      this.#rebuild();
    }
    this.#close();
  }

  /** Undoes all changes of the transaction, exactly. */
  rollback(): void {
    if (!this.#open) return;
    const { helpers, stale } = this.#machine;
    helpers.rollback();
    helpers.restore();
    helpers.clear();
    const grown = this.memoryPages !== this.#pagesCommitted;
    // A heap cannot shrink: what grew is replaced, and so is what saw its tables change.
    if (grown) this.#replaceMemory();
    if (grown || stale.value !== 0) this.#rebuild();
    this.#close();
  }

  /**
   * Changes of the open transaction, which stays open. With `rollback` and `applyChanges` a
   * composite query can be set aside while another canister runs.
   */
  pendingChanges(): HeapChanges {
    this.#begin();
    return this.#changes(this.#pendingPages());
  }

  /** Applies changes as part of the transaction. */
  applyChanges(changes: HeapChanges): void {
    this.#begin();
    this.#growTo(changes.memoryPages);
    for (const page of changes.pages) this.hostWrite(page.index * HEAP_PAGE_BYTES, page.bytes);
    const bank = this.#options.meta.globals(this.#globalBytes());
    const before = bank.slice();
    bank.set(changes.globals);
    this.#machine.helpers.restore();
    bank.set(before);
  }

  /** Everything committed since the last call (pages in ascending order); empties the dirty set. */
  collectDirty(): HeapChanges {
    assert(!this.#open, 'changes are collected between transactions');
    const changes = this.#changes([...this.#dirty].sort((left, right) => left - right));
    this.#dirty.clear();
    return changes;
  }

  #changes(indices: readonly number[]): HeapChanges {
    const view = this.#bytes();
    // One buffer for all pages: many small ones cost more than the copying.
    const content = new Uint8Array(indices.length * HEAP_PAGE_BYTES);
    const pages: HeapPage[] = indices.map((index, at) => {
      const start = index * HEAP_PAGE_BYTES;
      const bytes = content.subarray(at * HEAP_PAGE_BYTES, (at + 1) * HEAP_PAGE_BYTES);
      bytes.set(view.subarray(start, start + HEAP_PAGE_BYTES));
      return { index, bytes };
    });
    return { pages, globals: this.#currentGlobals(), memoryPages: this.memoryPages };
  }

  #currentGlobals(): Uint8Array {
    const bank = this.#options.meta.globals(this.#globalBytes());
    // While a transaction is open the bank holds the globals to go back to.
    const before = this.#open ? bank.slice() : undefined;
    this.#machine.helpers.save();
    const globals = bank.slice();
    if (before !== undefined) bank.set(before);
    return globals;
  }

  #pendingPages(): number[] {
    const count = this.#machine.helpers.collect();
    const end = this.memoryPages * HEAP_PAGES_PER_WASM_PAGE;
    const pages: number[] = [];
    for (const page of this.#options.meta.logged(count)) if (page < end) pages.push(page);
    return pages.sort((left, right) => left - right);
  }

  #begin(): void {
    if (this.#open) return;
    const { meta } = this.#options;
    assert(meta.owner === undefined, 'another instance of this thread has a transaction open');
    meta.owner = this;
    this.#open = true;
    this.#pagesCommitted = this.memoryPages;
    this.#machine.helpers.begin(this.#pagesCommitted * HEAP_PAGES_PER_WASM_PAGE);
  }

  #close(): void {
    this.#open = false;
    this.#trapped = false;
    this.#options.meta.owner = undefined;
  }

  #replaceMemory(): void {
    const memory = createHeap(this.info.memory, this.#pagesCommitted);
    const size = this.#pagesCommitted * WASM_PAGE_BYTES;
    new Uint8Array(memory.buffer).set(this.#bytes().subarray(0, size));
    this.#memory = memory;
  }

  /** A fresh V8 instance on the same heap, with the globals that the bank holds. */
  #rebuild(): void {
    const built = buildWasmInstance(this.#options, this.#memory);
    if (built.kind === 'trapped')
      throw new InfrastructureFault('instantiation failed the second time');
    this.#machine = built.machine;
    this.#machine.helpers.restore();
  }

  #load(image: HeapImage): void {
    const view = this.#bytes();
    for (const page of image.pages) view.set(page.bytes, page.index * HEAP_PAGE_BYTES);
    this.#options.meta.globals(this.#globalBytes()).set(image.globals);
    this.#machine.helpers.restore();
  }

  #inherit(previous: Instance, changes: HeapChanges): void {
    assert(!previous.#open, 'the previous instance has a transaction open');
    const view = this.#bytes();
    view.set(previous.#bytes());
    for (const { index, bytes } of changes.pages) view.set(bytes, index * HEAP_PAGE_BYTES);
    for (const page of previous.#dirty) this.#dirty.add(page);
    for (const { index } of changes.pages) this.#dirty.add(index);
    this.#begin();
  }

  #writeActiveData(bytes: Uint8Array): Trap | undefined {
    this.#begin();
    const size = BigInt(this.#bytes().length);
    for (const data of this.info.activeData) {
      const content = bytes.subarray(data.start, data.end);
      if (data.offset + BigInt(content.length) > size)
        return textTrap('data segment out of bounds');
      this.hostWrite(Number(data.offset), content);
    }
    return undefined;
  }

  #growTo(pages: number): void {
    const missing = pages - this.memoryPages;
    if (missing > 0) this.#machine.helpers.enlarge(missing);
  }

  #globalBytes(): number {
    return this.info.globals.length * GLOBAL_SLOT_BYTES;
  }

  #checkRange(offset: number, length: number): void {
    // Written so that NaN and fractions fail too; 2^53 is far above any heap.
    const inside = offset >= 0 && length >= 0 && offset + length <= this.#bytes().length;
    if (!inside) throw new HostTrap(HEAP_OUT_OF_BOUNDS);
  }

  /** V8 detaches the buffer when the heap grows. */
  #bytes(): Uint8Array {
    if (this.#view.buffer !== this.#memory.buffer) this.#view = new Uint8Array(this.#memory.buffer);
    return this.#view;
  }
}

function pagesAtFirst(info: ModuleInfo, origin: Origin): number {
  const least = info.memory?.pagesMin ?? 0;
  switch (origin.kind) {
    case 'install':
      return least;
    case 'keep':
      return Math.max(least, origin.changes.memoryPages);
    case 'restore':
      return origin.image.memoryPages;
  }
}
