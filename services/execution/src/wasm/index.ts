/** The Wasm room's door: validate, instrument, run, keep or undo. See README.md. */

export {
  type CreateResult,
  Instance,
  type InstanceOptions,
  type Origin,
} from './instance.ts';
export { cacheKey, instrument, REWRITER_VERSION } from './instrument.ts';
export { HEAP_PAGE_BYTES, MetaMemory, WASM_PAGE_BYTES } from './meta-memory.ts';
export type { PageRange } from './page-ranges.ts';
export { type ParsedModule, type ParseResult, parseModule } from './parse.ts';
export {
  type Absence,
  STABLE_PAGE_BYTES,
  STABLE_PAGES_MAX,
  STABLE_PIECE_BYTES,
  STABLE_PIECES_PER_PAGE,
  type StableChanges,
  StableMemory,
  type StablePage,
  type StablePiece,
} from './stable-memory.ts';
export {
  HEAP_OUT_OF_BOUNDS,
  HostTrap,
  InfrastructureFault,
  instructionLimitTrap,
  STABLE_OUT_OF_BOUNDS,
  wasmMemoryLimitTrap,
} from './traps.ts';
export type {
  ActiveData,
  CustomSection,
  Entry,
  GlobalInfo,
  HeapChanges,
  HeapImage,
  HeapPage,
  HostFunctions,
  ImportSignature,
  ImportTable,
  MemoryInfo,
  ModuleInfo,
  RunLimits,
  RunResult,
  Trap,
  ValueType,
} from './types.ts';
