/**
 * The words of this room: what a validated module is, what one run answers, and what a commit yields.
 * Everything here is plain data (it may cross a worker boundary), except the host functions.
 */

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref';

/** `I` stands for the pointer type: i64 when the module's memory is 64-bit, else i32. */
export interface ImportSignature {
  readonly params: readonly ('i32' | 'i64' | 'I')[];
  readonly results: readonly ('i32' | 'i64' | 'I')[];
  /** Refused on modules with a 64-bit memory (interface-spec 3.2, last table). */
  readonly only32?: boolean;
}

/** The functions of `ic0` that a module may import, by name. */
export type ImportTable = ReadonlyMap<string, ImportSignature>;

export interface MemoryInfo {
  readonly is64: boolean;
  /** 64 KiB pages. */
  readonly pagesMin: number;
  /** The declared maximum, already cut to the heap cap of 4 GiB or 6 GiB. */
  readonly pagesMax: number;
}

export interface CustomSection {
  readonly visibility: 'public' | 'private';
  /** Without the `icp:public ` or `icp:private ` prefix. */
  readonly name: string;
  readonly content: Uint8Array;
}

/** An active data segment: `bytes[start, end)` of the module goes to `offset` of the heap, once, at install. */
export interface ActiveData {
  readonly offset: bigint;
  readonly start: number;
  readonly end: number;
}

export interface GlobalInfo {
  readonly type: ValueType;
  readonly mutable: boolean;
}

/** What the rest of the node needs to know of a module. Structured-cloneable. */
export interface ModuleInfo {
  readonly updates: readonly string[];
  readonly queries: readonly string[];
  readonly compositeQueries: readonly string[];
  /** Exported reserved functions other than methods: `canister_init`, `canister_heartbeat` ... */
  readonly systemMethods: readonly string[];
  readonly customSections: readonly CustomSection[];
  readonly memory: MemoryInfo | undefined;
  readonly hasStart: boolean;
  /** Names imported from `ic0`. */
  readonly imports: readonly string[];
  readonly globals: readonly GlobalInfo[];
  /** Type of indices of table 0, undefined when the module has no table. */
  readonly tableIs64: boolean | undefined;
  readonly activeData: readonly ActiveData[];
}

/** An expected failure of a canister, with the error code of interface-spec 1.14. */
export interface Trap {
  readonly code: `IC0${number}`;
  readonly message: string;
}

export type Entry =
  | { readonly kind: 'start' }
  | { readonly kind: 'export'; readonly name: string }
  /** A callback `(env: I) -> ()` in the module's table. */
  | { readonly kind: 'callback'; readonly index: bigint; readonly env: bigint };

export interface RunLimits {
  /** Weighted instructions, at most 2^52. */
  readonly instructions: number;
  /** `memory.grow` beyond this many 64 KiB pages answers -1 (default: the heap cap). */
  readonly memoryPagesMax?: number;
  /** `memory.grow` beyond this many bytes traps with IC0539 (`wasm_memory_limit`; default: none). */
  readonly wasmMemoryLimitBytes?: number;
}

export type RunResult =
  | { readonly kind: 'returned'; readonly instructionsUsed: number }
  | { readonly kind: 'trapped'; readonly trap: Trap; readonly instructionsUsed: number };

/** A page of the heap, 4,096 bytes. */
export interface HeapPage {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** What changed since the last collection; applied in order, changes rebuild the heap exactly. */
export interface HeapChanges {
  readonly pages: readonly HeapPage[];
  /** Values of all mutable number globals, 16 bytes each in order of index, little endian. */
  readonly globals: Uint8Array;
  /** Size of the heap, in 64 KiB pages. */
  readonly memoryPages: number;
}

/** A saved heap: any number of pages (absent pages are zero), globals and size. */
export interface HeapImage {
  readonly pages: Iterable<HeapPage>;
  readonly globals: Uint8Array;
  readonly memoryPages: number;
}

/** Host functions of `ic0`: i32 as number, i64 as bigint, exactly as WebAssembly passes them. */
export type HostFunctions = Readonly<
  Record<string, (...args: never[]) => number | bigint | undefined>
>;
