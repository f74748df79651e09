/**
 * The functions that the rewriter appends to every module: metering slow paths, the undo log, and
 * what the host calls (`Helpers` in machine.ts gives their meaning).
 */
import { type CodeWriter, META, OP } from './code-writer.ts';
import {
  exported,
  type Helper,
  type HelperContext,
  HelperScope,
  internal,
} from './helper-scope.ts';
import { GLOBAL_SLOT_BYTES, GLOBALS_BASE } from './meta-memory.ts';
import { TYPE } from './opcodes.ts';
import { REASON } from './traps.ts';
import { transaction, undoLog } from './undo-helpers.ts';

const GROW_COST_PER_PAGE = 1_000;
/** Above every instruction limit; keeps the counter from wrapping. */
const CHARGE_MAX = 2 ** 50;

const { i32, i64, f64 } = TYPE;

export interface HelperSet {
  readonly list: readonly Helper[];
  readonly scope: HelperScope;
}

export function helperSet(context: HelperContext): HelperSet {
  const scope = new HelperScope(context);
  const pointer = context.is64 ? i64 : i32;
  const list = [
    ...metering(scope),
    ...undoLog(scope, pointer),
    ...guards(scope, pointer),
    ...transaction(scope),
    ...globals(scope),
    ...callback(scope),
  ];
  scope.number(list);
  return { list, scope };
}

function metering(scope: HelperScope): Helper[] {
  const { counter, depth } = { counter: scope.global('counter'), depth: scope.global('depth') };
  const limits = [counter, depth, scope.global('pagesMax'), scope.global('pagesTrap')];
  return [
    internal('exhausted', [[], [], []], (code) => {
      code.globalGet(depth);
      code.i64(0);
      code.op(OP.i64LtS);
      code.if();
      scope.fail(code, REASON.depth);
      code.end();
      scope.fail(code, REASON.instructions);
    }),
    internal('chargeLength', [[i64], [], []], (code) => {
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
      code.call(scope.index('exhausted'));
      code.end();
    }),
    exported('arm', [[f64, f64, f64, f64], [], []], (code) => {
      limits.forEach((global, at) => {
        code.get(at);
        code.raw(0xfc, 6 /* i64.trunc_sat_f64_s */);
        code.globalSet(global);
      });
      code.i32(REASON.none);
      code.globalSet(scope.global('reason'));
    }),
    exported('left', [[], [f64], []], (code) => {
      code.globalGet(counter);
      code.op(OP.f64ConvertI64S);
    }),
    exported('charge', [[f64], [], []], (code) => {
      code.get(0);
      code.raw(0xfc, 7 /* i64.trunc_sat_f64_u */);
      code.call(scope.index('chargeLength'));
    }),
  ];
}

/** Stand before bulk instructions and hand their operands through. */
function guards(scope: HelperScope, pointer: number): Helper[] {
  const widen = (code: CodeWriter, local: number, type: number): void => {
    code.get(local);
    if (type === i32) code.op(OP.i64ExtendI32U);
  };
  const memory = (name: string, types: readonly number[]): Helper =>
    internal(name, [types, types, []], (code) => {
      widen(code, 2, types[2] as number);
      code.call(scope.index('chargeLength'));
      widen(code, 0, pointer);
      widen(code, 2, types[2] as number);
      code.call(scope.index('logRange'));
      for (const local of [0, 1, 2]) code.get(local);
    });
  const table = (name: string, type: number): Helper =>
    internal(name, [[type], [type], []], (code) => {
      widen(code, 0, type);
      code.call(scope.index('chargeLength'));
      code.i32(1);
      code.globalSet(scope.global('stale'));
      code.get(0);
    });
  return [
    memory('fillGuard', [pointer, i32, pointer]),
    memory('copyGuard', [pointer, pointer, pointer]),
    memory('initGuard', [pointer, i32, i32]),
    table('tableGuard32', i32),
    table('tableGuard64', i64),
    internal('grow', [[pointer], [pointer], [i64, i64]], (code) => writeGrow(scope, code)),
    exported('enlarge', [[f64], [], []], (code) => {
      code.get(0);
      code.raw(0xfc, 7);
      if (!scope.context.is64) code.op(OP.i32WrapI64);
      code.memoryGrow(0);
      code.pointer(scope.context.is64, -1);
      code.op(scope.context.is64 ? OP.i64Eq : OP.i32Eq);
      code.if();
      scope.fail(code, REASON.host);
      code.end();
    }),
  ];
}

/** Whether memory may grow is decided here and never by the machine's free memory. */
function writeGrow(scope: HelperScope, code: CodeWriter): void {
  const [delta, wide, total] = [0, 1, 2];
  const { is64 } = scope.context;
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
  code.i64(scope.context.pagesMax);
  code.op(OP.i64GtU);
  refuse();
  code.get(wide);
  code.op(OP.i64Eqz);
  code.if();
  code.memorySize(0);
  code.op(OP.return);
  code.end();
  code.get(total);
  code.globalGet(scope.global('pagesTrap'));
  code.op(OP.i64GtU);
  code.if();
  scope.fail(code, REASON.memoryLimit);
  code.end();
  code.get(total);
  code.globalGet(scope.global('pagesMax'));
  code.op(OP.i64GtU);
  refuse();
  code.get(wide);
  code.i64(GROW_COST_PER_PAGE);
  code.op(OP.i64Mul);
  code.call(scope.index('chargeLength'));
  code.get(delta);
  code.memoryGrow(0);
  code.tee(delta);
  code.pointer(is64, -1);
  code.op(is64 ? OP.i64Eq : OP.i32Eq);
  code.if();
  scope.fail(code, REASON.host);
  code.end();
  code.get(delta);
}

function globals(scope: HelperScope): Helper[] {
  const { globals } = scope.context;
  const saved = globals.flatMap((global, index) =>
    global.mutable && global.type >= TYPE.v128 ? [{ type: global.type, index }] : [],
  );
  const access = (code: CodeWriter, type: number, index: number, store: boolean): void => {
    const offset = GLOBALS_BASE + index * GLOBAL_SLOT_BYTES;
    const opcode = (store ? 0x36 : 0x28) + TYPE.i32 - type;
    if (type !== TYPE.v128) return code.meta(opcode, offset);
    code.byte(0xfd);
    code.meta(store ? 0x0b : 0x00, offset);
  };
  return [
    exported('save', [[], [], []], (code) => {
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
    exported('restore', [[], [], []], (code) => {
      for (const { type, index } of saved) {
        code.i32(0);
        access(code, type, index, false);
        code.globalSet(index);
      }
    }),
  ];
}

function callback(scope: HelperScope): Helper[] {
  const { tableIs64, is64, callbackType } = scope.context;
  if (tableIs64 === undefined) return [];
  return [
    exported('callback', [[i64, i64], [], []], (code) => {
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
    }),
  ];
}
