/**
 * The undo memory of a thread: what instrumented code writes down about the heap it changes.
 *
 * Layout in bytes. The page map has one byte per 4 KiB heap page (1 = logged in this message); the
 * index log lists logged pages (u32); the globals area is where `ic:save` puts mutable globals; then
 * come copies of the logged pages as they were, each with the first 256 bytes of the page after it,
 * so that one check covers a store which crosses into the next page.
 *
 * One message runs at a time per thread, so all instances of a thread share one.
 */
export const HEAP_PAGE_BYTES = 4096;
export const WASM_PAGE_BYTES = 65536;
export const HEAP_PAGES_PER_WASM_PAGE = WASM_PAGE_BYTES / HEAP_PAGE_BYTES;

/** Heap caps (interface-spec 4.3): 4 GiB and 6 GiB, in 64 KiB pages. */
export const HEAP_CAP_PAGES = { wasm32: 65_536, wasm64: 98_304 };

export const MAP_PAGES = HEAP_CAP_PAGES.wasm64 * HEAP_PAGES_PER_WASM_PAGE;
export const INDEX_BASE = MAP_PAGES;
export const GLOBALS_BASE = INDEX_BASE + 4 * MAP_PAGES;
export const GLOBAL_SLOT_BYTES = 16;
/** 256 bytes that stay zero. */
export const ZERO_BASE = GLOBALS_BASE + 1_024 * GLOBAL_SLOT_BYTES;
export const TAIL_BYTES = 256;
export const COPIES_BASE = ZERO_BASE + TAIL_BYTES;
export const COPY_BYTES = HEAP_PAGE_BYTES + TAIL_BYTES;
/** Copies that fit below 4 GiB: 3.7 GiB of heap that existed before the message. */
export const COPIES_MAX = Math.floor((2 ** 32 - WASM_PAGE_BYTES - COPIES_BASE) / COPY_BYTES);
/** Undo space is added in steps of 4 MiB. */
export const GROW_PAGES = 64;
/** A multiple of the step, so that the last step ends at the maximum. */
export const META_PAGES_MIN = Math.ceil(COPIES_BASE / WASM_PAGE_BYTES / GROW_PAGES) * GROW_PAGES;
export const META_PAGES_MAX = 65_536;

export class MetaMemory {
  readonly memory = new WebAssembly.Memory({ initial: META_PAGES_MIN, maximum: META_PAGES_MAX });
  /** Who has an open transaction. Only instances of this room write it. */
  owner: object | undefined;

  /** Indices of the first `count` logged pages. */
  logged(count: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, INDEX_BASE, count);
  }

  /** The saved globals, as a view that lives until the next run. */
  globals(byteLength: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, GLOBALS_BASE, byteLength);
  }
}
