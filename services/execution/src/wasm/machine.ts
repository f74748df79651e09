/** One V8 instance of instrumented code, and how an entry point of it is run to a result. */
import { InvariantBroken, unreachable } from '@internode/prelude';
import { HEAP_CAP_PAGES, type MetaMemory, WASM_PAGE_BYTES } from './meta-memory.ts';
import {
  HostTrap,
  InfrastructureFault,
  instructionLimitTrap,
  REASON,
  STACK_OVERFLOW,
  TOO_MANY_DIRTY_PAGES,
  textTrap,
  trapOfV8,
  wasmMemoryLimitTrap,
} from './traps.ts';
import type {
  Entry,
  HostFunctions,
  MemoryInfo,
  ModuleInfo,
  RunLimits,
  RunResult,
  Trap,
} from './types.ts';

/** Functions that `instrument` appends; all numbers are f64 so that no bigint is made. */
export interface Helpers {
  /** Opens a transaction on a heap of so many 4 KiB pages; saves the globals. */
  begin(heapPages: number): void;
  /** Sets the limits of a run: instructions, stack slots, growth that answers -1, growth that traps. */
  arm(instructions: number, slots: number, pagesMax: number, pagesTrap: number): void;
  left(): number;
  charge(instructions: number): void;
  /** Logs the pages of a range that the host is about to write. */
  touch(offset: number, length: number): void;
  /** Answers how many page indices the index log now lists: logged ones, then changed tails. */
  collect(): number;
  /** Empties the log. */
  clear(): void;
  /** Copies logged pages back, last first. */
  rollback(): void;
  save(): void;
  restore(): void;
  /** Calls the table; absent when the module has none. */
  callback?(index: bigint, env: bigint): void;
  /** Adds pages to the heap for the host. */
  enlarge(pages: number): void;
}

export interface Machine {
  readonly helpers: Helpers;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly reason: WebAssembly.Global;
  readonly stale: WebAssembly.Global;
}

/** Names of the exports that generated code adds; canister exports all begin with `canister_`. */
export const HELPER_PREFIX = 'ic:';

export function createHeap(info: MemoryInfo | undefined, pages: number): WebAssembly.Memory {
  const maximum = info?.pagesMax ?? 0;
  try {
    if (info?.is64 !== true) return new WebAssembly.Memory({ initial: pages, maximum });
    const bounds = { initial: BigInt(pages), maximum: BigInt(maximum) };
    return new WebAssembly.Memory({ address: 'i64', ...bounds });
  } catch (error) {
    throw new InfrastructureFault(`no heap of ${pages} pages: ${String(error)}`);
  }
}

export interface Parts {
  readonly module: WebAssembly.Module;
  readonly info: ModuleInfo;
  readonly functions: HostFunctions;
  readonly meta: MetaMemory;
}

type Built =
  | { readonly kind: 'built'; readonly machine: Machine }
  | { readonly kind: 'trapped'; readonly trap: Trap };

export function buildWasmInstance(parts: Parts, heap: WebAssembly.Memory): Built {
  const imports = {
    ic0: parts.functions,
    [HELPER_PREFIX]: { heap, meta: parts.meta.memory },
  };
  try {
    const { exports } = new WebAssembly.Instance(parts.module, imports);
    return { kind: 'built', machine: machineOf(exports) };
  } catch (error) {
    const trap = error instanceof WebAssembly.RuntimeError ? trapOfV8(error.message) : undefined;
    if (trap !== undefined) return { kind: 'trapped', trap };
    throw new InfrastructureFault(`instantiation failed: ${String(error)}`);
  }
}

function machineOf(exports: Readonly<Record<string, unknown>>): Machine {
  const helpers: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(exports)) {
    if (name.startsWith(HELPER_PREFIX)) helpers[name.slice(HELPER_PREFIX.length)] = value;
  }
  return {
    helpers: helpers as unknown as Helpers,
    exports,
    reason: helpers['reason'] as WebAssembly.Global,
    stale: helpers['stale'] as WebAssembly.Global,
  };
}

export interface MachineLimits extends RunLimits {
  readonly depthSlots: number;
}

/** Runs an entry point. The instruction count is exact and the same on every machine. */
export function evaluate(machine: Machine, entry: Entry, limits: MachineLimits): RunResult {
  const { helpers } = machine;
  const pagesMax = limits.memoryPagesMax ?? HEAP_CAP_PAGES.wasm64;
  const trapBytes = limits.wasmMemoryLimitBytes ?? Number.POSITIVE_INFINITY;
  const pagesTrap = Math.min(Math.floor(trapBytes / WASM_PAGE_BYTES), 2 ** 20);
  helpers.arm(limits.instructions, limits.depthSlots, pagesMax, pagesTrap);
  const used = (): number => limits.instructions - Math.max(0, helpers.left());
  try {
    enter(machine, entry);
    return { kind: 'returned', instructionsUsed: used() };
  } catch (error) {
    return { kind: 'trapped', trap: trapOf(machine, error, limits), instructionsUsed: used() };
  }
}

function enter(machine: Machine, entry: Entry): void {
  switch (entry.kind) {
    case 'start':
      return call(machine.helpers as unknown as Readonly<Record<string, unknown>>, 'start');
    case 'export':
      return call(machine.exports, entry.name);
    case 'callback':
      if (machine.helpers.callback === undefined)
        throw new HostTrap(textTrap('table out of bounds'));
      return machine.helpers.callback(entry.index, entry.env);
    default:
      return unreachable(entry);
  }
}

function call(functions: Readonly<Record<string, unknown>>, name: string): void {
  const found = functions[name];
  if (typeof found !== 'function') throw new InvariantBroken(`no function ${name} to run`);
  (found as () => void)();
}

function trapOf(machine: Machine, error: unknown, limits: MachineLimits): Trap {
  if (error instanceof HostTrap) return error.trap;
  if (!(error instanceof WebAssembly.RuntimeError)) {
    // A RangeError is the native stack: it overflows at another depth on another machine.
    if (error instanceof RangeError) throw new InfrastructureFault('native stack overflow');
    throw error;
  }
  switch (machine.reason.value as number) {
    case REASON.none:
      break;
    case REASON.instructions:
      return instructionLimitTrap(limits.instructions);
    case REASON.depth:
      return STACK_OVERFLOW;
    case REASON.memoryLimit:
      return wasmMemoryLimitTrap(limits.wasmMemoryLimitBytes ?? 0);
    case REASON.dirty:
      return TOO_MANY_DIRTY_PAGES;
    default:
      throw new InfrastructureFault('the host refused memory that the limits allow');
  }
  const trap = trapOfV8(error.message);
  if (trap === undefined) throw new InfrastructureFault(`unknown trap: ${error.message}`);
  return trap;
}
