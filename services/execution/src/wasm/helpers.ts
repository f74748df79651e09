/**
 * The functions that the rewriter appends to every module: metering slow paths, the undo log, and
 * what the host calls (`Helpers` in machine.ts gives their meaning).
 */
import { CodeWriter, META, OP, VOID } from './code-writer.ts';
import {
  COPIES_BASE, COPIES_MAX, COPY_BYTES, GLOBAL_SLOT_BYTES, GLOBALS_BASE, GROW_PAGES, HEAP_PAGE_BYTES,
  HEAP_PAGES_PER_WASM_PAGE, INDEX_BASE, MAP_PAGES, TAIL_BYTES, ZERO_BASE,
} from './meta-memory.ts';
import { TYPE } from './opcodes.ts';
import { REASON } from './traps.ts';

/** Indices of appended globals, from the first one. */
const GLOBAL = {
  counter: 0, depth: 1, reason: 2, stale: 3, logged: 4, copiesEnd: 5, heapPages: 6, pagesMax: 7,
  pagesTrap: 8,
} as const;

/** Types of the appended globals, in order. */
export const GLOBAL_TYPES = [
  TYPE.i64, TYPE.i64, TYPE.i32, TYPE.i32, TYPE.i32, TYPE.i32, TYPE.i32, TYPE.i64, TYPE.i64,
];

const GROW_COST_PER_PAGE = 1_000;
/** Above every instruction limit; keeps the counter from wrapping. */
const CHARGE_MAX = 2 ** 50;
const PAGE_SHIFT = Math.log2(HEAP_PAGE_BYTES);

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

const { i32, i64, f64 } = TYPE;

export class HelperSet {
  readonly list: readonly Helper[];
  readonly #context: HelperContext;
  readonly #index = new Map<string, number>();

  constructor(context: HelperContext) {
    this.#context = context;
    const pointer = context.is64 ? i64 : i32;
    this.list = [
      ...this.#metering(), ...this.#undoLog(pointer), ...this.#guards(pointer),
      ...this.#transaction(), ...this.#globals(), ...this.#callback(),
    ];
    this.list.forEach(({ name }, at) => this.#index.set(name, context.functionBase + at));
  }

  /** Function index of a helper. */
  index(name: string): number {
    return this.#index.get(name) as number;
  }

  global(name: keyof typeof GLOBAL): number {
    return this.#context.globals.length + GLOBAL[name];
  }

  #internal(
    name: string, params: readonly number[], results: readonly number[], locals: readonly number[],
    write: (code: CodeWriter) => void,
  ): Helper {
    return { name, params, results, locals, write, exported: false };
  }

  #exported(
    name: string, params: readonly number[], results: readonly number[], locals: readonly number[],
    write: (code: CodeWriter) => void,
  ): Helper {
    return { name, params, results, locals, write, exported: true };
  }

  #fail(code: CodeWriter, reason: number): void {
    code.i32(reason);
    code.globalSet(this.global('reason'));
    code.op(OP.unreachable);
  }

  #metering(): Helper[] {
    const { counter, depth } = { counter: this.global('counter'), depth: this.global('depth') };
    const limits = [counter, depth, this.global('pagesMax'), this.global('pagesTrap')];
    return [
      this.#internal('exhausted', [], [], [], (code) => {
        code.globalGet(depth);
        code.i64(0);
        code.op(OP.i64LtS);
        code.if();
        this.#fail(code, REASON.depth);
        code.end();
        this.#fail(code, REASON.instructions);
      }),
      this.#internal('chargeLength', [i64], [], [], (code) => {
        code.globalGet(counter);
        code.get(0);
        code.i64(CHARGE_MAX);
        code.get(0);
        code.i64(CHARGE_MAX);
        code.op(0x54 /* i64.lt_u */, OP.select, OP.i64Sub);
        code.globalSet(counter);
        code.globalGet(counter);
        code.i64(0);
        code.op(OP.i64LtS);
        code.if();
        code.call(this.index('exhausted'));
        code.end();
      }),
      this.#exported('arm', [f64, f64, f64, f64], [], [], (code) => {
        limits.forEach((global, at) => {
          code.get(at);
          code.raw(0xfc, 6 /* i64.trunc_sat_f64_s */);
          code.globalSet(global);
        });
        code.i32(REASON.none);
        code.globalSet(this.global('reason'));
      }),
      this.#exported('left', [], [f64], [], (code) => {
        code.globalGet(counter);
        code.op(OP.f64ConvertI64S);
      }),
      this.#exported('charge', [f64], [], [], (code) => {
        code.get(0);
        code.raw(0xfc, 7 /* i64.trunc_sat_f64_u */);
        code.call(this.index('chargeLength'));
      }),
    ];
  }

  /** Turns a page index (i32) on the stack into a heap address. */
  #pageAddress(code: CodeWriter): void {
    if (this.#context.is64) code.op(OP.i64ExtendI32U);
    code.pointer(this.#context.is64, PAGE_SHIFT);
    code.op(this.#context.is64 ? OP.i64Shl : OP.i32Shl);
  }

  /** The heap's size as i64 bytes. */
  #heapBytes(code: CodeWriter): void {
    code.memorySize(0);
    if (!this.#context.is64) code.op(OP.i64ExtendI32U);
    code.i64(16);
    code.op(OP.i64Shl);
  }

  #undoLog(pointer: number): Helper[] {
    return [
      this.#internal('mark', [pointer], [], [i32, i32], (code) => this.#writeMark(code)),
      this.#internal('logRange', [i64, i64], [], [i32, i32, i64], (code) => {
        const [address, length, page, last, size] = [0, 1, 2, 3, 4];
        this.#heapBytes(code);
        code.set(size);
        // Out of bounds: the caller's own instruction traps, nothing to log.
        for (const check of [
          () => { code.get(length); code.op(OP.i64Eqz); },
          () => { code.get(address); code.get(size); code.op(OP.i64GtU); },
          () => {
            code.get(length); code.get(size); code.get(address); code.op(OP.i64Sub, OP.i64GtU);
          },
        ]) {
          check();
          code.if();
          code.op(OP.return);
          code.end();
        }
        code.get(address);
        code.i64(PAGE_SHIFT);
        code.op(OP.i64ShrU, OP.i32WrapI64);
        code.set(page);
        code.get(address);
        code.get(length);
        code.op(OP.i64Add);
        code.i64(1);
        code.op(OP.i64Sub);
        code.i64(PAGE_SHIFT);
        code.op(OP.i64ShrU, OP.i32WrapI64);
        code.set(last);
        code.op(OP.loop, VOID);
        code.get(page);
        code.meta(OP.i32Load8u, 0);
        code.op(OP.i32Eqz);
        code.if();
        code.get(page);
        this.#pageAddress(code);
        code.call(this.index('mark'));
        code.end();
        code.get(page);
        code.get(last);
        code.op(OP.i32LtU);
        code.if();
        this.#increment(code, page);
        code.branch(OP.br, 1);
        code.end();
        code.end();
      }),
      this.#exported('touch', [f64, f64], [], [], (code) => {
        for (const parameter of [0, 1]) {
          code.get(parameter);
          code.raw(0xfc, 7);
        }
        code.call(this.index('logRange'));
      }),
    ];
  }

  #increment(code: CodeWriter, local: number): void {
    code.get(local);
    code.i32(1);
    code.op(OP.i32Add);
    code.set(local);
  }

  /** Logs the page of an address: map, index, and a copy unless the page is new in this message. */
  #writeMark(code: CodeWriter): void {
    const [address, page, copy] = [0, 1, 2];
    const { is64 } = this.#context;
    if (is64) {
      code.get(address);
      code.i64(MAP_PAGES * HEAP_PAGE_BYTES);
      code.op(OP.i64GeU);
      code.if();
      code.op(OP.return);
      code.end();
    }
    code.get(address);
    code.pointer(is64, PAGE_SHIFT);
    code.op(...(is64 ? [OP.i64ShrU, OP.i32WrapI64] : [OP.i32ShrU]));
    code.tee(page);
    code.i32(1);
    code.meta(OP.i32Store8, 0);
    code.globalGet(this.global('logged'));
    code.i32(2);
    code.op(OP.i32Shl);
    code.get(page);
    code.meta(OP.i32Store, INDEX_BASE);
    code.globalGet(this.global('logged'));
    code.i32(1);
    code.op(OP.i32Add);
    code.globalSet(this.global('logged'));
    code.get(page);
    code.globalGet(this.global('heapPages'));
    code.op(OP.i32GeU);
    code.if();
    code.op(OP.return);
    code.end();
    this.#reserveCopy(code, copy);
    code.get(copy);
    code.get(page);
    this.#pageAddress(code);
    code.i32(HEAP_PAGE_BYTES);
    code.memoryCopy(META, 0);
    this.#increment(code, page);
    code.get(page);
    code.globalGet(this.global('heapPages'));
    code.op(OP.i32LtU);
    code.if();
    this.#tailOf(code, copy);
    code.get(page);
    this.#pageAddress(code);
    code.i32(TAIL_BYTES);
    code.memoryCopy(META, 0);
    code.op(OP.else);
    this.#tailOf(code, copy);
    code.i32(0);
    code.i32(TAIL_BYTES);
    code.memoryFill(META);
    code.end();
    code.get(copy);
    code.i32(COPY_BYTES);
    code.op(OP.i32Add);
    code.globalSet(this.global('copiesEnd'));
  }

  #tailOf(code: CodeWriter, copy: number): void {
    code.get(copy);
    code.i32(HEAP_PAGE_BYTES);
    code.op(OP.i32Add);
  }

  #reserveCopy(code: CodeWriter, copy: number): void {
    code.globalGet(this.global('copiesEnd'));
    code.tee(copy);
    code.i32(COPIES_BASE + COPIES_MAX * COPY_BYTES);
    code.op(OP.i32GeU);
    code.if();
    this.#fail(code, REASON.dirty);
    code.end();
    code.get(copy);
    code.i32(COPY_BYTES);
    code.op(OP.i32Add);
    code.i32(16);
    code.op(OP.i32ShrU);
    code.memorySize(META);
    code.op(OP.i32GeU);
    code.if();
    code.i32(GROW_PAGES);
    code.memoryGrow(META);
    code.i32(-1);
    code.op(OP.i32Eq);
    code.if();
    this.#fail(code, REASON.host);
    code.end();
    code.end();
  }

  /** Stand before bulk instructions and hand their operands through. */
  #guards(pointer: number): Helper[] {
    const widen = (code: CodeWriter, local: number, type: number): void => {
      code.get(local);
      if (type === i32) code.op(OP.i64ExtendI32U);
    };
    const memory = (name: string, types: readonly number[]): Helper =>
      this.#internal(name, types, types, [], (code) => {
        widen(code, 2, types[2] as number);
        code.call(this.index('chargeLength'));
        widen(code, 0, pointer);
        widen(code, 2, types[2] as number);
        code.call(this.index('logRange'));
        for (const local of [0, 1, 2]) code.get(local);
      });
    const table = (name: string, type: number): Helper =>
      this.#internal(name, [type], [type], [], (code) => {
        widen(code, 0, type);
        code.call(this.index('chargeLength'));
        code.i32(1);
        code.globalSet(this.global('stale'));
        code.get(0);
      });
    return [
      memory('fillGuard', [pointer, i32, pointer]),
      memory('copyGuard', [pointer, pointer, pointer]),
      memory('initGuard', [pointer, i32, i32]),
      table('tableGuard32', i32),
      table('tableGuard64', i64),
      this.#internal('grow', [pointer], [pointer], [i64, i64], (code) => this.#writeGrow(code)),
      this.#exported('enlarge', [f64], [], [], (code) => {
        code.get(0);
        code.raw(0xfc, 7);
        if (!this.#context.is64) code.op(OP.i32WrapI64);
        code.memoryGrow(0);
        code.pointer(this.#context.is64, -1);
        code.op(this.#context.is64 ? OP.i64Eq : OP.i32Eq);
        code.if();
        this.#fail(code, REASON.host);
        code.end();
      }),
    ];
  }

  /** Whether memory may grow is decided here and never by the machine's free memory. */
  #writeGrow(code: CodeWriter): void {
    const [delta, wide, total] = [0, 1, 2];
    const { is64 } = this.#context;
    const refuse = (): void => {
      code.if();
      code.pointer(is64, -1);
      code.op(OP.return);
      code.end();
    };
    code.get(delta);
    if (!is64) code.op(OP.i64ExtendI32U);
    code.tee(wide);
    code.i64(2 ** 20);
    code.op(OP.i64GtU);
    refuse();
    code.memorySize(0);
    if (!is64) code.op(OP.i64ExtendI32U);
    code.get(wide);
    code.op(OP.i64Add);
    code.tee(total);
    code.i64(this.#context.pagesMax);
    code.op(OP.i64GtU);
    refuse();
    code.get(wide);
    code.op(OP.i64Eqz);
    code.if();
    code.memorySize(0);
    code.op(OP.return);
    code.end();
    code.get(total);
    code.globalGet(this.global('pagesTrap'));
    code.op(OP.i64GtU);
    code.if();
    this.#fail(code, REASON.memoryLimit);
    code.end();
    code.get(total);
    code.globalGet(this.global('pagesMax'));
    code.op(OP.i64GtU);
    refuse();
    code.get(wide);
    code.i64(GROW_COST_PER_PAGE);
    code.op(OP.i64Mul);
    code.call(this.index('chargeLength'));
    code.get(delta);
    code.memoryGrow(0);
    code.tee(delta);
    code.pointer(is64, -1);
    code.op(is64 ? OP.i64Eq : OP.i32Eq);
    code.if();
    this.#fail(code, REASON.host);
    code.end();
    code.get(delta);
  }

  #transaction(): Helper[] {
    return [
      this.#exported('begin', [i32], [], [], (code) => {
        code.get(0);
        code.globalSet(this.global('heapPages'));
        code.i32(0);
        code.globalSet(this.global('stale'));
        this.#emptyLog(code);
        code.call(this.index('save'));
      }),
      this.#exported('collect', [], [i32], [i32, i32, i32, i32, i32, i32], (code) =>
        this.#writeCollect(code)),
      this.#exported('clear', [], [], [i32], (code) => {
        code.op(OP.block, VOID, OP.loop, VOID);
        code.get(0);
        code.globalGet(this.global('logged'));
        code.op(OP.i32GeU);
        code.branch(OP.brIf, 1);
        this.#loggedPage(code, 0);
        code.i32(0);
        code.meta(OP.i32Store8, 0);
        this.#increment(code, 0);
        code.branch(OP.br, 0);
        code.op(OP.end, OP.end);
        this.#emptyLog(code);
      }),
      this.#exported('rollback', [], [], [i32, i32, i32], (code) => this.#writeRollback(code)),
    ];
  }

  #emptyLog(code: CodeWriter): void {
    code.i32(0);
    code.globalSet(this.global('logged'));
    code.i32(COPIES_BASE);
    code.globalSet(this.global('copiesEnd'));
  }

  #loggedPage(code: CodeWriter, indexLocal: number): void {
    code.get(indexLocal);
    code.i32(2);
    code.op(OP.i32Shl);
    code.meta(OP.i32Load, INDEX_BASE);
  }

  /** Adds to the index log the pages of which only the first bytes changed, by a crossing store. */
  #writeCollect(code: CodeWriter): void {
    const [at, total, next, copy, before, byte] = [0, 1, 2, 3, 4, 5];
    code.globalGet(this.global('logged'));
    code.set(total);
    code.i32(COPIES_BASE);
    code.set(copy);
    code.op(OP.block, VOID, OP.loop, VOID);
    code.get(at);
    code.globalGet(this.global('logged'));
    code.op(OP.i32GeU);
    code.branch(OP.brIf, 1);
    this.#loggedPage(code, at);
    code.tee(next);
    code.globalGet(this.global('heapPages'));
    code.op(OP.i32LtU);
    code.if();
    this.#tailOf(code, copy);
    code.set(before);
    code.get(copy);
    code.i32(COPY_BYTES);
    code.op(OP.i32Add);
    code.set(copy);
    code.op(OP.else);
    code.i32(ZERO_BASE);
    code.set(before);
    code.end();
    this.#increment(code, next);
    this.#increment(code, at);
    this.#skipUnlessUnlogged(code, next);
    code.i32(0);
    code.set(byte);
    code.op(OP.loop, VOID);
    code.get(next);
    this.#pageAddress(code);
    code.get(byte);
    code.op(...(this.#context.is64 ? [OP.i64ExtendI32U, OP.i64Add] : [OP.i32Add]));
    code.heap(OP.i64Load, 0);
    code.get(before);
    code.get(byte);
    code.op(OP.i32Add);
    code.meta(OP.i64Load, 0);
    code.op(OP.i64Ne);
    code.if();
    code.get(total);
    code.i32(2);
    code.op(OP.i32Shl);
    code.get(next);
    code.meta(OP.i32Store, INDEX_BASE);
    this.#increment(code, total);
    code.branch(OP.br, 2);
    code.end();
    code.get(byte);
    code.i32(8);
    code.op(OP.i32Add);
    code.tee(byte);
    code.i32(TAIL_BYTES);
    code.op(OP.i32LtU);
    code.branch(OP.brIf, 0);
    code.end();
    code.branch(OP.br, 0);
    code.op(OP.end, OP.end);
    code.get(total);
  }

  /** Goes on with the loop around unless the page is in the heap and not logged itself. */
  #skipUnlessUnlogged(code: CodeWriter, page: number): void {
    code.get(page);
    code.memorySize(0);
    if (this.#context.is64) code.op(OP.i32WrapI64);
    code.i32(Math.log2(HEAP_PAGES_PER_WASM_PAGE));
    code.op(OP.i32Shl, OP.i32GeU);
    code.branch(OP.brIf, 0);
    code.get(page);
    code.meta(OP.i32Load8u, 0);
    code.branch(OP.brIf, 0);
  }

  #writeRollback(code: CodeWriter): void {
    const [at, page, copy] = [0, 1, 2];
    code.globalGet(this.global('logged'));
    code.set(at);
    code.globalGet(this.global('copiesEnd'));
    code.set(copy);
    code.op(OP.block, VOID, OP.loop, VOID);
    code.get(at);
    code.op(OP.i32Eqz);
    code.branch(OP.brIf, 1);
    code.get(at);
    code.i32(1);
    code.op(OP.i32Sub);
    code.set(at);
    this.#loggedPage(code, at);
    code.tee(page);
    code.globalGet(this.global('heapPages'));
    code.op(OP.i32GeU);
    code.branch(OP.brIf, 0);
    code.get(copy);
    code.i32(COPY_BYTES);
    code.op(OP.i32Sub);
    code.set(copy);
    code.get(page);
    this.#pageAddress(code);
    code.get(copy);
    code.i32(HEAP_PAGE_BYTES);
    code.memoryCopy(0, META);
    this.#increment(code, page);
    code.get(page);
    code.globalGet(this.global('heapPages'));
    code.op(OP.i32GeU);
    code.branch(OP.brIf, 0);
    code.get(page);
    this.#pageAddress(code);
    this.#tailOf(code, copy);
    code.i32(TAIL_BYTES);
    code.memoryCopy(0, META);
    code.branch(OP.br, 0);
    code.op(OP.end, OP.end);
  }

  #globals(): Helper[] {
    const { globals } = this.#context;
    const saved = globals.flatMap((global, index) =>
      global.mutable && global.type >= TYPE.v128 ? [{ type: global.type, index }] : []);
    const access = (code: CodeWriter, type: number, index: number, store: boolean): void => {
      const offset = GLOBALS_BASE + index * GLOBAL_SLOT_BYTES;
      const opcode = (store ? 0x36 : 0x28) + TYPE.i32 - type;
      if (type !== TYPE.v128) return code.meta(opcode, offset);
      code.byte(0xfd);
      code.meta(store ? 0x0b : 0x00, offset);
    };
    return [
      this.#exported('save', [], [], [], (code) => {
        code.i32(GLOBALS_BASE);
        code.i32(0);
        code.i32(globals.length * GLOBAL_SLOT_BYTES);
        code.memoryFill(META);
        for (const { type, index } of saved) {
          code.i32(0);
          code.globalGet(index);
          access(code, type, index, true);
        }
      }),
      this.#exported('restore', [], [], [], (code) => {
        for (const { type, index } of saved) {
          code.i32(0);
          access(code, type, index, false);
          code.globalSet(index);
        }
      }),
    ];
  }

  #callback(): Helper[] {
    const { tableIs64, is64, callbackType } = this.#context;
    if (tableIs64 === undefined) return [];
    return [this.#exported('callback', [i64, i64], [], [], (code) => {
      code.get(1);
      if (!is64) code.op(OP.i32WrapI64);
      code.get(0);
      if (!tableIs64) {
        // An index of 2^32 or more is out of bounds of any table, as is -1.
        code.op(OP.i32WrapI64);
        code.i32(-1);
        code.get(0);
        code.i64(2 ** 32);
        code.op(0x54 /* i64.lt_u */, OP.select);
      }
      code.byte(0x11);
      code.unsigned(callbackType);
      code.unsigned(0);
    })];
  }
}
