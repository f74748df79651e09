/**
 * Generated functions of the undo log: noting a page before its first change, listing what changed,
 * and taking it back.
 */
import { type CodeWriter, META, OP, VOID } from './code-writer.ts';
import { exported, type Helper, type HelperScope, internal, PAGE_SHIFT } from './helper-scope.ts';
import {
  COPIES_BASE,
  COPIES_MAX,
  COPY_BYTES,
  GROW_PAGES,
  HEAP_PAGE_BYTES,
  HEAP_PAGES_PER_WASM_PAGE,
  INDEX_BASE,
  MAP_PAGES,
  TAIL_BYTES,
  ZERO_BASE,
} from './meta-memory.ts';
import { TYPE } from './opcodes.ts';
import { REASON } from './traps.ts';

const { i32, i64, f64 } = TYPE;

export function undoLog(scope: HelperScope, pointer: number): Helper[] {
  return [
    internal('mark', [[pointer], [], [i32, i32]], (code) => writeMark(scope, code)),
    internal('logRange', [[i64, i64], [], [i32, i32, i64]], (code) => {
      const [address, length, page, last, size] = [0, 1, 2, 3, 4];
      scope.heapBytes(code);
      code.set(size);
      // Out of bounds: the caller's own instruction traps, nothing to log.
      for (const check of [
        () => {
          code.get(length);
          code.op(OP.i64Eqz);
        },
        () => {
          code.get(address);
          code.get(size);
          code.op(OP.i64GtU);
        },
        () => {
          code.get(length);
          code.get(size);
          code.get(address);
          code.op(OP.i64Sub, OP.i64GtU);
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
      scope.pageAddress(code);
      code.call(scope.index('mark'));
      code.end();
      code.get(page);
      code.get(last);
      code.op(OP.i32LtU);
      code.if();
      scope.increment(code, page);
      code.branch(OP.br, 1);
      code.end();
      code.end();
    }),
    exported('touch', [[f64, f64], [], []], (code) => {
      for (const parameter of [0, 1]) {
        code.get(parameter);
        code.raw(0xfc, 7);
      }
      code.call(scope.index('logRange'));
    }),
  ];
}

/** Logs the page of an address: map, index, and a copy unless the page is new in this message. */
function writeMark(scope: HelperScope, code: CodeWriter): void {
  const [address, page, copy] = [0, 1, 2];
  const { is64 } = scope.context;
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
  code.globalGet(scope.global('logged'));
  code.i32(2);
  code.op(OP.i32Shl);
  code.get(page);
  code.meta(OP.i32Store, INDEX_BASE);
  code.globalGet(scope.global('logged'));
  code.i32(1);
  code.op(OP.i32Add);
  code.globalSet(scope.global('logged'));
  code.get(page);
  code.globalGet(scope.global('heapPages'));
  code.op(OP.i32GeU);
  code.if();
  code.op(OP.return);
  code.end();
  reserveCopy(scope, code, copy);
  code.get(copy);
  code.get(page);
  scope.pageAddress(code);
  code.i32(HEAP_PAGE_BYTES);
  code.memoryCopy(META, 0);
  scope.increment(code, page);
  code.get(page);
  code.globalGet(scope.global('heapPages'));
  code.op(OP.i32LtU);
  code.if();
  scope.tailOf(code, copy);
  code.get(page);
  scope.pageAddress(code);
  code.i32(TAIL_BYTES);
  code.memoryCopy(META, 0);
  code.op(OP.else);
  scope.tailOf(code, copy);
  code.i32(0);
  code.i32(TAIL_BYTES);
  code.memoryFill(META);
  code.end();
  code.get(copy);
  code.i32(COPY_BYTES);
  code.op(OP.i32Add);
  code.globalSet(scope.global('copiesEnd'));
}

function reserveCopy(scope: HelperScope, code: CodeWriter, copy: number): void {
  code.globalGet(scope.global('copiesEnd'));
  code.tee(copy);
  code.i32(COPIES_BASE + COPIES_MAX * COPY_BYTES);
  code.op(OP.i32GeU);
  code.if();
  scope.fail(code, REASON.dirty);
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
  scope.fail(code, REASON.host);
  code.end();
  code.end();
}

export function transaction(scope: HelperScope): Helper[] {
  return [
    exported('begin', [[i32], [], []], (code) => {
      code.get(0);
      code.globalSet(scope.global('heapPages'));
      code.i32(0);
      code.globalSet(scope.global('stale'));
      scope.emptyLog(code);
      code.call(scope.index('save'));
    }),
    exported('collect', [[], [i32], [i32, i32, i32, i32, i32, i32]], (code) =>
      writeCollect(scope, code),
    ),
    exported('clear', [[], [], [i32]], (code) => {
      code.op(OP.block, VOID, OP.loop, VOID);
      code.get(0);
      code.globalGet(scope.global('logged'));
      code.op(OP.i32GeU);
      code.branch(OP.brIf, 1);
      scope.loggedPage(code, 0);
      code.i32(0);
      code.meta(OP.i32Store8, 0);
      scope.increment(code, 0);
      code.branch(OP.br, 0);
      code.op(OP.end, OP.end);
      scope.emptyLog(code);
    }),
    exported('rollback', [[], [], [i32, i32, i32]], (code) => writeRollback(scope, code)),
  ];
}

/** Adds to the index log the pages of which only the first bytes changed, by a crossing store. */
function writeCollect(scope: HelperScope, code: CodeWriter): void {
  const [at, total, next, copy, before, byte] = [0, 1, 2, 3, 4, 5];
  code.globalGet(scope.global('logged'));
  code.set(total);
  code.i32(COPIES_BASE);
  code.set(copy);
  code.op(OP.block, VOID, OP.loop, VOID);
  code.get(at);
  code.globalGet(scope.global('logged'));
  code.op(OP.i32GeU);
  code.branch(OP.brIf, 1);
  scope.loggedPage(code, at);
  code.tee(next);
  code.globalGet(scope.global('heapPages'));
  code.op(OP.i32LtU);
  code.if();
  scope.tailOf(code, copy);
  code.set(before);
  code.get(copy);
  code.i32(COPY_BYTES);
  code.op(OP.i32Add);
  code.set(copy);
  code.op(OP.else);
  code.i32(ZERO_BASE);
  code.set(before);
  code.end();
  scope.increment(code, next);
  scope.increment(code, at);
  skipUnlessUnlogged(scope, code, next);
  code.i32(0);
  code.set(byte);
  code.op(OP.loop, VOID);
  code.get(next);
  scope.pageAddress(code);
  code.get(byte);
  code.op(...(scope.context.is64 ? [OP.i64ExtendI32U, OP.i64Add] : [OP.i32Add]));
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
  scope.increment(code, total);
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
function skipUnlessUnlogged(scope: HelperScope, code: CodeWriter, page: number): void {
  code.get(page);
  code.memorySize(0);
  if (scope.context.is64) code.op(OP.i32WrapI64);
  code.i32(Math.log2(HEAP_PAGES_PER_WASM_PAGE));
  code.op(OP.i32Shl, OP.i32GeU);
  code.branch(OP.brIf, 0);
  code.get(page);
  code.meta(OP.i32Load8u, 0);
  code.branch(OP.brIf, 0);
}

function writeRollback(scope: HelperScope, code: CodeWriter): void {
  const [at, page, copy] = [0, 1, 2];
  code.globalGet(scope.global('logged'));
  code.set(at);
  code.globalGet(scope.global('copiesEnd'));
  code.set(copy);
  code.op(OP.block, VOID, OP.loop, VOID);
  code.get(at);
  code.op(OP.i32Eqz);
  code.branch(OP.brIf, 1);
  code.get(at);
  code.i32(1);
  code.op(OP.i32Sub);
  code.set(at);
  scope.loggedPage(code, at);
  code.tee(page);
  code.globalGet(scope.global('heapPages'));
  code.op(OP.i32GeU);
  code.branch(OP.brIf, 0);
  code.get(copy);
  code.i32(COPY_BYTES);
  code.op(OP.i32Sub);
  code.set(copy);
  code.get(page);
  scope.pageAddress(code);
  code.get(copy);
  code.i32(HEAP_PAGE_BYTES);
  code.memoryCopy(0, META);
  scope.increment(code, page);
  code.get(page);
  code.globalGet(scope.global('heapPages'));
  code.op(OP.i32GeU);
  code.branch(OP.brIf, 0);
  code.get(page);
  scope.pageAddress(code);
  scope.tailOf(code, copy);
  code.i32(TAIL_BYTES);
  code.memoryCopy(0, META);
  code.branch(OP.br, 0);
  code.op(OP.end, OP.end);
}
