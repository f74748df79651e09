/**
 * What all generated functions share: the globals that the rewriter appends, the indices of the
 * helpers, and a few sequences of instructions.
 */
import { type CodeWriter, OP } from './code-writer.ts';
import { COPIES_BASE, HEAP_PAGE_BYTES, INDEX_BASE } from './meta-memory.ts';
import { TYPE } from './opcodes.ts';

/** Indices of appended globals, from the first one. */
const GLOBAL = {
  counter: 0,
  depth: 1,
  reason: 2,
  stale: 3,
  logged: 4,
  copiesEnd: 5,
  heapPages: 6,
  pagesMax: 7,
  pagesTrap: 8,
} as const;

/** Types of the appended globals, in order. */
export const GLOBAL_TYPES = [
  TYPE.i64,
  TYPE.i64,
  TYPE.i32,
  TYPE.i32,
  TYPE.i32,
  TYPE.i32,
  TYPE.i32,
  TYPE.i64,
  TYPE.i64,
];

export const PAGE_SHIFT = Math.log2(HEAP_PAGE_BYTES);

export interface HelperContext {
  readonly is64: boolean;
  readonly pagesMax: number;
  readonly tableIs64: boolean | undefined;
  readonly globals: readonly { readonly type: number; readonly mutable: boolean }[];
  readonly functionBase: number;
  /** Index of the type `(I) -> ()`. */
  readonly callbackType: number;
}

export interface Helper {
  readonly name: string;
  readonly params: readonly number[];
  readonly results: readonly number[];
  readonly exported: boolean;
  /** Types of locals after the parameters. */
  readonly locals: readonly number[];
  readonly write: (code: CodeWriter) => void;
}

export type WriteHelper = (code: CodeWriter) => void;
type Types = readonly number[];

/** A function for generated code only. */
export function internal(
  name: string,
  [params, results, locals]: readonly [Types, Types, Types],
  write: WriteHelper,
): Helper {
  return { name, params, results, locals, write, exported: false };
}

/** A function for the host. */
export function exported(
  name: string,
  [params, results, locals]: readonly [Types, Types, Types],
  write: WriteHelper,
): Helper {
  return { name, params, results, locals, write, exported: true };
}

export class HelperScope {
  readonly context: HelperContext;
  readonly #index = new Map<string, number>();

  constructor(context: HelperContext) {
    this.context = context;
  }

  /** Gives the helpers their function indices; before any is written. */
  number(helpers: readonly Helper[]): void {
    helpers.forEach(({ name }, at) => {
      this.#index.set(name, this.context.functionBase + at);
    });
  }

  /** Function index of a helper. */
  index(name: string): number {
    return this.#index.get(name) as number;
  }

  global(name: keyof typeof GLOBAL): number {
    return this.context.globals.length + GLOBAL[name];
  }

  fail(code: CodeWriter, reason: number): void {
    code.i32(reason);
    code.globalSet(this.global('reason'));
    code.op(OP.unreachable);
  }

  /** Turns a page index (i32) on the stack into a heap address. */
  pageAddress(code: CodeWriter): void {
    if (this.context.is64) code.op(OP.i64ExtendI32U);
    code.pointer(this.context.is64, PAGE_SHIFT);
    code.op(this.context.is64 ? OP.i64Shl : OP.i32Shl);
  }

  /** The heap's size as i64 bytes. */
  heapBytes(code: CodeWriter): void {
    code.memorySize(0);
    if (!this.context.is64) code.op(OP.i64ExtendI32U);
    code.i64(16);
    code.op(OP.i64Shl);
  }

  increment(code: CodeWriter, local: number): void {
    code.get(local);
    code.i32(1);
    code.op(OP.i32Add);
    code.set(local);
  }

  tailOf(code: CodeWriter, copy: number): void {
    code.get(copy);
    code.i32(HEAP_PAGE_BYTES);
    code.op(OP.i32Add);
  }

  loggedPage(code: CodeWriter, indexLocal: number): void {
    code.get(indexLocal);
    code.i32(2);
    code.op(OP.i32Shl);
    code.meta(OP.i32Load, INDEX_BASE);
  }

  emptyLog(code: CodeWriter): void {
    code.i32(0);
    code.globalSet(this.global('logged'));
    code.i32(COPIES_BASE);
    code.globalSet(this.global('copiesEnd'));
  }
}
