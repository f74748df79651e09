/**
 * Writes one instrumented function.
 *
 * Metering: each basic block subtracts its cost from a global counter; the sign is tested only at
 * the entry of some functions and at loop headers, so a message may pass its limit by a few hundred
 * instructions, always the same number. Functions with loops, and leaves with branches, keep the
 * counter in a local; loop headers, calls and the exit write it back.
 *
 * Which functions pay for stack and test the limit at entry, call-graph.ts says.
 */

import type { FunctionDuty } from './call-graph.ts';
import { CodeWriter, OP, VOID } from './code-writer.ts';
import { EDIT, type EditList } from './edit-list.ts';
import type { FunctionPlan } from './function-plan.ts';
import type { HelperScope } from './helper-scope.ts';
import { HEAP_PAGE_BYTES } from './meta-memory.ts';
import { NAN, TYPE } from './opcodes.ts';

const PAGE_SHIFT = Math.log2(HEAP_PAGE_BYTES);
/** Leaves with fewer blocks gain nothing from a local counter. */
const LOCAL_COUNTER_BLOCKS = 3;
const BULK_GUARDS = ['fillGuard', 'copyGuard', 'initGuard'];

export interface EmitContext {
  readonly bytes: Uint8Array;
  readonly edits: EditList;
  readonly helpers: HelperScope;
  readonly is64: boolean;
  /** The block type for the results of a function type. */
  readonly blockType: (typeIndex: number) => number;
}

type LocalKey = 'address' | 'counter' | number;

export class FunctionEmitter {
  readonly #context: EmitContext;
  readonly #code = new CodeWriter(1 << 16);
  readonly #body = new CodeWriter(1 << 16);
  #extraTypes: number[] = [];
  readonly #extra = new Map<LocalKey, number>();
  #plan!: FunctionPlan;
  #duty!: FunctionDuty;
  /** Where in `#code` an `if` stands that is hardly ever taken. */
  #unlikely: number[] = [];
  #localCounter = false;
  #wrapped = false;

  constructor(context: EmitContext) {
    this.#context = context;
  }

  /**
   * Appends the function, with its size, to `target`. Answers the distances from the start of the
   * body to branches that are hardly ever taken.
   */
  emit(plan: FunctionPlan, duty: FunctionDuty, target: CodeWriter): readonly number[] {
    this.#plan = plan;
    this.#duty = duty;
    this.#extraTypes = [];
    this.#extra.clear();
    this.#code.clear();
    this.#unlikely = [];
    this.#localCounter = plan.hasLoop || (!plan.hasCalls && plan.blocks >= LOCAL_COUNTER_BLOCKS);
    this.#wrapped = duty.slots > 0 || this.#localCounter;
    this.#prologue();
    this.#instructions();
    if (this.#wrapped) this.#epilogue();
    this.#body.clear();
    this.#declareLocals();
    const start = this.#body.length;
    this.#body.appendWriter(this.#code);
    target.sized(this.#body);
    return this.#unlikely.map((at) => start + at);
  }

  #declareLocals(): void {
    const { bytes } = this.#context;
    let at = this.#plan.localsAt;
    let groups = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++] as number;
      groups += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) break;
    }
    this.#body.unsigned(groups + this.#extraTypes.length);
    this.#body.append(bytes, at, this.#plan.codeAt);
    for (const type of this.#extraTypes) this.#body.raw(1, type);
  }

  /** A local of our own, after the function's. */
  #local(key: LocalKey): number {
    const known = this.#extra.get(key);
    if (known !== undefined) return known;
    const pointer = this.#context.is64 ? TYPE.i64 : TYPE.i32;
    const type = key === 'address' ? pointer : key === 'counter' ? TYPE.i64 : key;
    const index = this.#plan.localCount + this.#extraTypes.length;
    this.#extraTypes.push(type);
    this.#extra.set(key, index);
    return index;
  }

  #prologue(): void {
    const code = this.#code;
    const { helpers, edits } = this.#context;
    const counter = helpers.global('counter');
    if (this.#localCounter) {
      code.globalGet(counter);
      code.set(this.#local('counter'));
    }
    // The first edit of a function is the charge of its first block.
    this.#charge(edits.a[this.#plan.editFrom] as number);
    this.#payAndTest();
    if (!this.#wrapped) return;
    code.byte(OP.block);
    code.signed(this.#context.blockType(this.#plan.typeIndex));
  }

  #payAndTest(): void {
    const code = this.#code;
    const { slots, tests } = this.#duty;
    if (!tests) return;
    this.#counterGet();
    if (slots > 0) {
      const depth = this.#context.helpers.global('depth');
      code.globalGet(depth);
      code.i64(slots);
      code.op(OP.i64Sub);
      code.globalSet(depth);
      code.globalGet(depth);
      code.op(OP.i64Or);
    }
    this.#stopBelowZero();
  }

  #epilogue(): void {
    const code = this.#code;
    const { helpers } = this.#context;
    if (this.#localCounter) this.#spill();
    if (this.#duty.slots > 0) {
      const depth = helpers.global('depth');
      code.globalGet(depth);
      code.i64(this.#duty.slots);
      code.op(OP.i64Add);
      code.globalSet(depth);
    }
    code.end();
  }

  #instructions(): void {
    const { bytes, edits } = this.#context;
    let copied = this.#plan.codeAt;
    for (let edit = this.#plan.editFrom + 1; edit < this.#plan.editTo; edit++) {
      const position = edits.position[edit] as number;
      this.#code.append(bytes, copied, position);
      copied = position + this.#apply(edit);
    }
    this.#code.append(bytes, copied, this.#plan.end);
  }

  /** Writes one edit; answers how many original bytes it replaces. */
  #apply(edit: number): number {
    const { edits, helpers } = this.#context;
    const operand = edits.a[edit] as number;
    const code = this.#code;
    switch (edits.kind[edit]) {
      case EDIT.charge:
        this.#charge(operand);
        return 0;
      case EDIT.loop:
        this.#charge(operand);
        this.#spill();
        this.#counterGet();
        this.#stopBelowZero();
        return 0;
      case EDIT.return:
        if (!this.#wrapped) return 0;
        code.branch(OP.br, operand);
        return 1;
      case EDIT.store:
        this.#store(operand, edits.b[edit] as number, edits.c[edit] as number);
        return 0;
      case EDIT.nan:
        this.#canonicalize(operand);
        return 0;
      case EDIT.spill:
        if (this.#localCounter) this.#spill();
        return 0;
      case EDIT.reload:
        if (!this.#localCounter) return 0;
        code.globalGet(helpers.global('counter'));
        code.set(this.#local('counter'));
        return 0;
      case EDIT.grow:
        code.call(helpers.index('grow'));
        return 2;
      case EDIT.bulk:
        code.call(helpers.index(BULK_GUARDS[operand] as string));
        return 0;
      default:
        this.#touchTable(operand);
        return 0;
    }
  }

  #charge(cost: number): void {
    if (cost === 0) return;
    const code = this.#code;
    this.#counterGet();
    code.i64(cost);
    code.op(OP.i64Sub);
    if (this.#localCounter) code.set(this.#local('counter'));
    else code.globalSet(this.#context.helpers.global('counter'));
  }

  #counterGet(): void {
    if (this.#localCounter) this.#code.get(this.#local('counter'));
    else this.#code.globalGet(this.#context.helpers.global('counter'));
  }

  #spill(): void {
    this.#code.get(this.#local('counter'));
    this.#code.globalSet(this.#context.helpers.global('counter'));
  }

  #stopBelowZero(): void {
    this.#code.i64(0);
    this.#code.op(OP.i64LtS);
    this.#ifUnlikely();
    this.#code.call(this.#context.helpers.index('exhausted'));
    // Never reached; tells the compiler that nothing joins here.
    this.#code.op(OP.unreachable);
    this.#code.end();
  }

  #ifUnlikely(): void {
    this.#unlikely.push(this.#code.length);
    this.#code.if();
  }

  #touchTable(lengthType: number): void {
    const { helpers } = this.#context;
    if (lengthType === 0) {
      this.#code.i32(1);
      this.#code.globalSet(helpers.global('stale'));
      return;
    }
    this.#code.call(helpers.index(lengthType === TYPE.i64 ? 'tableGuard64' : 'tableGuard32'));
  }

  /** Logs the page of the store that follows; its operands stay on the stack. */
  #store(local: number, offset: number, type: number): void {
    if (local >= 0) return this.#logPageOf(local, offset);
    const value = this.#local(type);
    const address = this.#local('address');
    this.#code.set(value);
    this.#code.set(address);
    this.#logPageOf(address, offset);
    this.#code.get(address);
    this.#code.get(value);
  }

  #logPageOf(local: number, offset: number): void {
    const code = this.#code;
    const { is64, helpers } = this.#context;
    this.#effective(local, offset);
    code.pointer(is64, PAGE_SHIFT);
    code.op(...(is64 ? [OP.i64ShrU, OP.i32WrapI64] : [OP.i32ShrU]));
    code.meta(OP.i32Load8u, 0);
    code.op(OP.i32Eqz);
    this.#ifUnlikely();
    this.#effective(local, offset);
    code.call(helpers.index('mark'));
    code.end();
  }

  /** May wrap around at 2^32: then the store traps, and a page is logged for nothing. */
  #effective(local: number, offset: number): void {
    const { is64 } = this.#context;
    this.#code.get(local);
    if (offset === 0) return;
    this.#code.pointer(is64, offset);
    this.#code.op(is64 ? OP.i64Add : OP.i32Add);
  }

  /** x becomes x == x ? x : NaN, with the positive quiet NaN without payload. */
  #canonicalize(shape: number): void {
    const code = this.#code;
    const compare = (type: number, equals: readonly number[], choose: readonly number[]): void => {
      const value = this.#local(type);
      code.get(value);
      code.get(value);
      code.op(...equals);
      code.op(...choose);
    };
    const select = [OP.select];
    // f32x4.eq, f64x2.eq, v128.bitselect
    const bitselect = [0xfd, 0x52];
    switch (shape) {
      case NAN.f32:
        code.tee(this.#local(TYPE.f32));
        code.op(0x43, 0, 0, 0xc0, 0x7f);
        return compare(TYPE.f32, [OP.f32Eq], select);
      case NAN.f64:
        code.tee(this.#local(TYPE.f64));
        code.op(0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f);
        return compare(TYPE.f64, [OP.f64Eq], select);
      case NAN.f32x4:
        code.tee(this.#local(TYPE.v128));
        code.op(0xfd, 0x0c);
        for (let lane = 0; lane < 4; lane++) code.op(0, 0, 0xc0, 0x7f);
        return compare(TYPE.v128, [0xfd, 0x41], bitselect);
      case NAN.f64x2:
        code.tee(this.#local(TYPE.v128));
        code.op(0xfd, 0x0c);
        for (let lane = 0; lane < 2; lane++) code.op(0, 0, 0, 0, 0, 0, 0xf8, 0x7f);
        return compare(TYPE.v128, [0xfd, 0x47], bitselect);
      default:
    }
  }
}

/** The encoding of a block type with at most one result; undefined when a type index is needed. */
export function simpleBlockType(results: Uint8Array): number | undefined {
  if (results.length === 0) return VOID - 0x80;
  return results.length === 1 ? (results[0] as number) - 0x80 : undefined;
}
