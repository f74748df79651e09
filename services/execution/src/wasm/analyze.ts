/**
 * Reads one function body: refuses what a canister may not use, and notes every place where the
 * rewriter has to act. Types of operands are left to the engine's own validator.
 *
 * Code that cannot be reached is read but left as it is: it never runs.
 */
import { type BinaryReader, malformed } from './binary-reader.ts';
import { BlockCosts, type Frame, NO_BLOCK } from './block-costs.ts';
import { EDIT, EditList } from './edit-list.ts';
import {
  type BodyContext,
  CallTargets,
  type FunctionPlan,
  type FunctionType,
} from './function-plan.ts';
import {
  prefixed,
  readBlockType,
  readBulkImmediates,
  readImmediate,
  readLocals,
  readMemoryZero,
} from './immediates.ts';
import {
  IMMEDIATE,
  MISCELLANEOUS,
  NAN,
  type OpcodeTable,
  PLAIN,
  TYPE,
  VECTOR,
  WEIGHT,
} from './opcodes.ts';
import { OperandStack } from './operand-stack.ts';
import { StoreCover } from './store-cover.ts';

const INSTRUCTIONS_MAX = 1_000_000;
const COMPLEXITY_MAX = 1_000_000;
const OP = { block: 2, loop: 3, if: 4, else: 5 };
const TYPED_SELECT = 0x1c;
const TABLE_SIZE = 16;
/** Opcodes of memory.fill, copy and init, in the order of the operand of their edit. */
const BULK = [11, 10, 8];

export class BodyAnalyzer {
  readonly edits = new EditList();
  readonly calls = new CallTargets();
  readonly #costs = new BlockCosts(this.edits);
  readonly #context: BodyContext;
  readonly #stack = new OperandStack();
  readonly #cover = new StoreCover(this.edits);
  #frames: Frame[] = [];
  #live = true;
  #localCount = 0;
  #complexity = 0;
  #hasCalls = false;
  #hasLoop = false;
  #callsIndirectly = false;

  constructor(context: BodyContext) {
    this.#context = context;
  }

  /** The reader spans one body. Throws `Malformed`. */
  analyze(reader: BinaryReader, typeIndex: number): FunctionPlan {
    const type = this.#context.types[typeIndex] as FunctionType;
    const localsAt = reader.position;
    const editFrom = this.edits.count;
    const callFrom = this.calls.count;
    this.#begin(type, readLocals(reader, type.params.length));
    const codeAt = reader.position;
    this.#costs.start(codeAt);
    for (let count = 1; this.#frames.length > 0; count++) {
      if (count > INSTRUCTIONS_MAX) {
        malformed(`a function has more than ${INSTRUCTIONS_MAX} instructions`);
      }
      this.#instruction(reader);
    }
    if (!reader.done) malformed('bytes after the end of a function');
    if (this.#complexity > COMPLEXITY_MAX) {
      malformed(`a function's complexity exceeds ${COMPLEXITY_MAX}`);
    }
    return {
      typeIndex,
      localsAt,
      codeAt,
      end: reader.end,
      paramCount: type.params.length,
      localCount: this.#localCount,
      heightMax: this.#stack.heightMax,
      hasCalls: this.#hasCalls,
      hasLoop: this.#hasLoop,
      blocks: this.#costs.blocks,
      editFrom,
      editTo: this.edits.count,
      callFrom,
      callTo: this.calls.count,
      callsIndirectly: this.#callsIndirectly,
      cost: this.#costs.total,
    };
  }

  #begin(type: FunctionType, localCount: number): void {
    this.#stack.reset();
    this.#cover.clear();
    this.#live = true;
    this.#localCount = localCount;
    this.#costs.reset();
    this.#complexity = 0;
    this.#hasCalls = false;
    this.#hasLoop = false;
    this.#callsIndirectly = false;
    const results = type.results.length;
    this.#frames = [
      {
        opcode: OP.block,
        base: 0,
        params: 0,
        results,
        live: true,
        branched: false,
        before: NO_BLOCK,
        arm: -1,
      },
    ];
  }

  #instruction(reader: BinaryReader): void {
    const at = reader.position;
    const opcode = reader.byte();
    if (opcode === 0xfc) return this.#miscellaneous(reader, at);
    if (opcode === 0xfd) return this.#plain(reader, at, VECTOR, prefixed(reader));
    if (PLAIN.immediate[opcode] !== IMMEDIATE.special || opcode === TYPED_SELECT) {
      return this.#plain(reader, at, PLAIN, opcode);
    }
    if (opcode >= 0x20) return this.#variable(reader, at, opcode);
    this.#control(reader, at, opcode);
  }

  // Control

  #control(reader: BinaryReader, at: number, opcode: number): void {
    this.#complexity++;
    switch (opcode) {
      case 0x00:
        this.#costs.cost++;
        return this.#die();
      case 0x02:
      case 0x03:
      case 0x04:
        return this.#enter(reader, opcode);
      case 0x05:
        return this.#else(reader);
      case 0x0b:
        return this.#end(reader);
      case 0x0c:
        this.#costs.cost++;
        this.#branch(reader.u32());
        return this.#die();
      case 0x0d:
        return this.#branchIf(reader);
      case 0x0e:
        return this.#branchTable(reader);
      case 0x0f:
        this.#costs.cost++;
        if (this.#live) this.edits.add(at, EDIT.return, this.#frames.length - 1);
        this.#branch(this.#frames.length - 1);
        return this.#die();
      case 0x10: {
        const callee = reader.u32();
        const typeIndex = this.#context.functions[callee];
        if (typeIndex === undefined) malformed('call of an unknown function');
        if (this.#live) this.calls.add(callee);
        return this.#call(reader, at, typeIndex, WEIGHT.call);
      }
      default: {
        const typeIndex = reader.u32();
        if (this.#context.tables[reader.u32()] === undefined) malformed('unknown table');
        if (this.#live) this.#stack.pop(1);
        this.#callsIndirectly ||= this.#live;
        return this.#call(reader, at, typeIndex, WEIGHT.callIndirect);
      }
    }
  }

  #enter(reader: BinaryReader, opcode: number): void {
    const { params, results } = readBlockType(this.#context, reader);
    if (this.#live) {
      if (opcode === OP.if) {
        this.#stack.pop(1);
        this.#costs.cost++;
      }
      this.#stack.pop(params);
    }
    const { height } = this.#stack;
    const frame = {
      opcode,
      base: height,
      params,
      results,
      live: this.#live,
      branched: false,
      before: NO_BLOCK,
      arm: -1,
    };
    this.#frames.push(frame);
    if (!this.#live) return;
    this.#stack.base = height;
    this.#stack.pushUnknown(params);
    if (opcode === OP.if) {
      // The block may go on after the `if`: its refunds wait.
      frame.before = this.#costs.pause();
      frame.arm = this.#costs.startArm(reader.position);
    }
    if (opcode !== OP.loop) return;
    this.#hasLoop = true;
    this.#cover.clear();
    this.#costs.start(reader.position, EDIT.loop);
  }

  #else(reader: BinaryReader): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.opcode !== OP.if) malformed('else without if');
    this.#costs.end();
    const resumes = frame.live && !this.#live && !frame.branched;
    frame.branched ||= this.#live;
    frame.opcode = OP.else;
    this.#live = frame.live;
    if (!this.#live) return;
    this.#cover.leave(this.#frames.length);
    this.#stack.height = frame.base;
    this.#stack.pushUnknown(frame.params);
    if (resumes) return this.#costs.resume(frame.before, frame.arm);
    this.#costs.close(frame.before);
    this.#costs.start(reader.position);
  }

  #end(reader: BinaryReader): void {
    const frame = this.#frames.at(-1) as Frame;
    const implicitElse = frame.opcode === OP.if && frame.live;
    const resumes = implicitElse && !this.#live && !frame.branched;
    const joins = !resumes && (frame.branched || implicitElse);
    if (joins || this.#frames.length === 1) this.#costs.end();
    if (joins && implicitElse) this.#costs.close(frame.before);
    if (frame.live) {
      this.#cover.leave(this.#frames.length);
      this.#live ||= joins || resumes;
      this.#stack.height = frame.base;
      this.#stack.base = this.#frames.at(-2)?.base ?? 0;
      if (this.#live) this.#stack.pushUnknown(frame.results);
    }
    this.#frames.pop();
    if (resumes) return this.#costs.resume(frame.before, frame.arm);
    if (frame.live && joins && this.#frames.length > 0) {
      this.#costs.start(reader.position);
    }
  }

  /** Notes a branch to the label; answers how many operands it takes along. */
  #branch(label: number): number {
    const frame = this.#frames[this.#frames.length - 1 - label];
    if (frame === undefined) malformed('branch to an unknown label');
    if (frame.opcode === OP.loop) return frame.params;
    frame.branched ||= this.#live;
    return frame.results;
  }

  #branchIf(reader: BinaryReader): void {
    const taken = this.#branch(reader.u32());
    if (!this.#live) return;
    this.#costs.cost++;
    this.#stack.pop(1);
    this.#stack.blur(taken);
    this.#costs.start(reader.position);
  }

  #branchTable(reader: BinaryReader): void {
    const labels = reader.count(COMPLEXITY_MAX, 'branch targets') + 1;
    this.#complexity += labels;
    for (let index = 0; index < labels; index++) this.#branch(reader.u32());
    this.#costs.cost += 2;
    if (this.#live) this.#stack.pop(1);
    this.#die();
  }

  #call(reader: BinaryReader, at: number, typeIndex: number, weight: number): void {
    const type = this.#context.types[typeIndex];
    if (type === undefined) malformed('unknown type');
    if (!this.#live) return;
    this.#hasCalls = true;
    this.#costs.cost += weight;
    this.edits.add(at, EDIT.spill);
    this.#stack.pop(type.params.length);
    this.#stack.pushUnknown(type.results.length);
    this.edits.add(reader.position, EDIT.reload);
  }

  #die(): void {
    this.#costs.end();
    this.#live = false;
  }

  // Locals, globals, tables, growth

  #variable(reader: BinaryReader, at: number, opcode: number): void {
    if (opcode === 0x40) return this.#grow(reader, at);
    const index = reader.u32();
    this.#costs.cost++;
    if (opcode === 0x25 || opcode === 0x26) return this.#tableAccess(at, opcode, index);
    if (opcode >= 0x23) return this.#global(at, opcode, index);
    if (index >= this.#localCount) malformed('unknown local');
    if (!this.#live) return;
    if (opcode !== 0x20) {
      this.#stack.pop(1);
      this.#cover.changed(index, at);
    }
    if (opcode !== 0x21) this.#stack.push(index, at);
  }

  #global(at: number, opcode: number, index: number): void {
    const global = this.#context.globals[index];
    if (global === undefined) malformed('unknown global');
    if (!this.#live) return;
    if (opcode === 0x23) return this.#stack.push();
    this.#stack.pop(1);
    // References cannot be saved: such a global is back at its first value in every message.
    if (global.type === TYPE.funcref || global.type === TYPE.externref) {
      this.edits.add(at, EDIT.table);
    }
  }

  #tableAccess(at: number, opcode: number, index: number): void {
    if (this.#context.tables[index] === undefined) malformed('unknown table');
    if (!this.#live) return;
    if (opcode === 0x25) return this.#stack.blur(1);
    this.edits.add(at, EDIT.table);
    this.#stack.pop(2);
  }

  #grow(reader: BinaryReader, at: number): void {
    readMemoryZero(this.#context, reader);
    if (!this.#live) return;
    this.#costs.cost += WEIGHT.grow;
    this.edits.add(at, EDIT.spill);
    this.edits.add(at, EDIT.grow);
    this.#stack.blur(1);
    this.edits.add(reader.position, EDIT.reload);
  }

  // Bulk operations

  #miscellaneous(reader: BinaryReader, at: number): void {
    const opcode = prefixed(reader);
    if (MISCELLANEOUS.immediate[opcode] !== IMMEDIATE.special) {
      return this.#plain(reader, at, MISCELLANEOUS, opcode);
    }
    const lengthType = readBulkImmediates(this.#context, reader, opcode);
    if (!this.#live) return;
    this.#costs.cost += MISCELLANEOUS.weight[opcode] as number;
    if (opcode === TABLE_SIZE) return this.#stack.push();
    const bulk = BULK.indexOf(opcode);
    this.edits.add(at, EDIT.spill);
    if (bulk >= 0) this.edits.add(at, EDIT.bulk, bulk);
    else this.edits.add(at, EDIT.table, lengthType);
    this.#stack.pop(MISCELLANEOUS.pops[opcode] as number);
    this.#stack.pushUnknown(MISCELLANEOUS.pushes[opcode] as number);
    this.edits.add(reader.position, EDIT.reload);
  }

  // Everything else

  #plain(reader: BinaryReader, at: number, table: OpcodeTable, opcode: number): void {
    const kind = table.immediate[opcode] as number;
    const offset = readImmediate(this.#context, reader, kind, opcode);
    if (!this.#live) return;
    this.#costs.cost += table.weight[opcode] as number;
    if (kind === IMMEDIATE.store || kind === IMMEDIATE.storeLane) {
      const bytes = table.storeBytes[opcode] as number;
      const type = table.storeType[opcode] as number;
      this.#cover.check(this.#stack, { at, offset, bytes, type, depth: this.#frames.length });
    }
    const pops = table.pops[opcode] as number;
    this.#stack.pop(pops);
    if (table.nanBlind[opcode] === 1) this.#stack.forgetNans(pops, this.edits);
    if (table.pushes[opcode] === 0) return;
    const nan = table.nan[opcode] as number;
    if (nan === NAN.none) return this.#stack.push();
    this.#stack.push(-1, 0, this.edits.add(reader.position, EDIT.nan, nan));
  }
}
