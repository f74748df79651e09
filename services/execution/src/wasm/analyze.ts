/**
 * Reads one function body: refuses what a canister may not use, and notes every place where the
 * rewriter has to act. Types of operands are left to the engine's own validator.
 *
 * Code that cannot be reached is read but left as it is: it never runs.
 */
import { type BinaryReader, malformed } from './binary-reader.ts';
import { EDIT, EditList } from './edit-list.ts';
import {
  IMMEDIATE, MISCELLANEOUS, NAN, type OpcodeTable, PLAIN, TYPE, VECTOR, WEIGHT,
} from './opcodes.ts';
import { OperandStack } from './operand-stack.ts';
import { StoreCover } from './store-cover.ts';

export interface FunctionType {
  /** Encoded value types. */
  readonly params: Uint8Array;
  readonly results: Uint8Array;
}

export interface TableInfo {
  readonly type: number;
  readonly is64: boolean;
  readonly min: number;
  readonly max: number;
}

/** What a body may refer to. */
export interface BodyContext {
  readonly types: readonly FunctionType[];
  /** Type index of every function, imports first. */
  readonly functions: readonly number[];
  readonly globals: readonly { readonly type: number; readonly mutable: boolean }[];
  readonly tables: readonly TableInfo[];
  readonly memory: { readonly is64: boolean } | undefined;
  readonly elementCount: number;
  readonly dataCount: number | undefined;
}

/** How to rewrite one function. Positions are those of the original module. */
export interface FunctionPlan {
  readonly typeIndex: number;
  /** Where the declarations of locals and the instructions begin, and where the body ends. */
  readonly localsAt: number;
  readonly codeAt: number;
  readonly end: number;
  readonly paramCount: number;
  /** Parameters included. */
  readonly localCount: number;
  readonly heightMax: number;
  readonly hasCalls: boolean;
  readonly hasLoop: boolean;
  /** Basic blocks that are charged. */
  readonly blocks: number;
  readonly editFrom: number;
  readonly editTo: number;
  /** Direct calls, in `BodyAnalyzer.calls`. */
  readonly callFrom: number;
  readonly callTo: number;
  readonly callsIndirectly: boolean;
  /** Weight of all its instructions that can be reached. */
  readonly cost: number;
}

/** Function indices, of all direct calls of a module in order. */
export class CallTargets {
  count = 0;
  callee = new Int32Array(256);

  add(callee: number): void {
    if (this.count === this.callee.length) {
      const larger = new Int32Array(this.count * 2);
      larger.set(this.callee);
      this.callee = larger;
    }
    this.callee[this.count++] = callee;
  }
}

interface Frame {
  opcode: number;
  readonly base: number;
  readonly params: number;
  readonly results: number;
  readonly live: boolean;
  branched: boolean;
  /** For `if`: the charge of the block before, its cost up to here, and the charge of the arm. */
  readonly before: number;
  readonly paid: number;
  arm: number;
}

/** An arm that leaves for good gets back what the block before it paid for the code after it. */
interface Refund {
  readonly arm: number;
  readonly paid: number;
}

const INSTRUCTIONS_MAX = 1_000_000;
const COMPLEXITY_MAX = 1_000_000;
const LOCALS_MAX = 50_000;
/** Stores at or above this offset always trap: no heap is that large. */
const OFFSET_END = 2 ** 34;
const OP = { block: 2, loop: 3, if: 4, else: 5 };
const TYPED_SELECT = 0x1c;
const TABLE_SIZE = 16;
/** Opcodes of memory.fill, copy and init, in the order of the operand of their edit. */
const BULK = [11, 10, 8];

export class BodyAnalyzer {
  readonly edits = new EditList();
  readonly calls = new CallTargets();
  readonly #context: BodyContext;
  readonly #stack = new OperandStack();
  readonly #cover = new StoreCover();
  /** Module position of the last change of each local; positions of other functions are smaller. */
  readonly #changedAt = new Int32Array(LOCALS_MAX + 1);
  #frames: Frame[] = [];
  #live = true;
  #localCount = 0;
  #cost = 0;
  #costEdit = -1;
  readonly #refunds = new Map<number, Refund[]>();
  #blocks = 0;
  #complexity = 0;
  #hasCalls = false;
  #hasLoop = false;
  #callsIndirectly = false;
  #costTotal = 0;

  constructor(context: BodyContext) {
    this.#context = context;
  }

  /** The reader spans one body. Throws `Malformed`. */
  analyze(reader: BinaryReader, typeIndex: number): FunctionPlan {
    const type = this.#context.types[typeIndex] as FunctionType;
    const localsAt = reader.position;
    const editFrom = this.edits.count;
    const callFrom = this.calls.count;
    this.#begin(type, this.#readLocals(reader, type.params.length));
    const codeAt = reader.position;
    this.#startBlock(codeAt, EDIT.charge);
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
      typeIndex, localsAt, codeAt, end: reader.end, paramCount: type.params.length,
      localCount: this.#localCount, heightMax: this.#stack.heightMax, hasCalls: this.#hasCalls,
      hasLoop: this.#hasLoop, blocks: this.#blocks, editFrom, editTo: this.edits.count,
      callFrom, callTo: this.calls.count, callsIndirectly: this.#callsIndirectly,
      cost: this.#costTotal,
    };
  }

  #begin(type: FunctionType, localCount: number): void {
    this.#stack.reset();
    this.#cover.clear();
    this.#live = true;
    this.#localCount = localCount;
    this.#blocks = 0;
    this.#complexity = 0;
    this.#hasCalls = false;
    this.#hasLoop = false;
    this.#callsIndirectly = false;
    this.#costTotal = 0;
    const results = type.results.length;
    this.#frames = [{
      opcode: OP.block, base: 0, params: 0, results, live: true, branched: false, before: -1, paid: 0,
      arm: -1,
    }];
  }

  #readLocals(reader: BinaryReader, params: number): number {
    let total = params;
    for (let groups = reader.count(LOCALS_MAX, 'groups of locals'); groups > 0; groups--) {
      total += reader.u32();
      if (total > LOCALS_MAX) malformed(`a function has more than ${LOCALS_MAX} locals`);
      valueType(reader.byte());
    }
    return total;
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
        this.#cost++;
        return this.#die();
      case 0x02: case 0x03: case 0x04: return this.#enter(reader, opcode);
      case 0x05: return this.#else(reader);
      case 0x0b: return this.#end(reader);
      case 0x0c:
        this.#cost++;
        this.#branch(reader.u32());
        return this.#die();
      case 0x0d: return this.#branchIf(reader);
      case 0x0e: return this.#branchTable(reader);
      case 0x0f:
        this.#cost++;
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
    const { params, results } = this.#blockType(reader);
    if (this.#live) {
      if (opcode === OP.if) {
        this.#stack.pop(1);
        this.#cost++;
      }
      this.#stack.pop(params);
    }
    const { height } = this.#stack;
    const frame = {
      opcode, base: height, params, results, live: this.#live, branched: false,
      before: this.#costEdit, paid: this.#cost, arm: -1,
    };
    this.#frames.push(frame);
    if (!this.#live) return;
    this.#stack.base = height;
    this.#stack.pushUnknown(params);
    if (opcode === OP.if) {
      // The block may go on after the `if`: its refunds wait.
      this.#pauseBlock();
      this.#startBlock(reader.position, EDIT.charge);
      frame.arm = this.#costEdit;
    }
    if (opcode !== OP.loop) return;
    this.#hasLoop = true;
    this.#cover.clear();
    this.#startBlock(reader.position, EDIT.loop);
  }

  #else(reader: BinaryReader): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.opcode !== OP.if) malformed('else without if');
    this.#endBlock();
    const resumes = frame.live && !this.#live && !frame.branched;
    frame.branched ||= this.#live;
    frame.opcode = OP.else;
    this.#live = frame.live;
    if (!this.#live) return;
    this.#cover.leave(this.#frames.length);
    this.#stack.height = frame.base;
    this.#stack.pushUnknown(frame.params);
    if (resumes) return this.#resumeBlock(frame);
    this.#closeBefore(frame);
    this.#startBlock(reader.position, EDIT.charge);
  }

  #end(reader: BinaryReader): void {
    const frame = this.#frames.at(-1) as Frame;
    const implicitElse = frame.opcode === OP.if && frame.live;
    const resumes = implicitElse && !this.#live && !frame.branched;
    const joins = !resumes && (frame.branched || implicitElse);
    if (joins || this.#frames.length === 1) this.#endBlock();
    if (joins && implicitElse) this.#closeBefore(frame);
    if (frame.live) {
      this.#cover.leave(this.#frames.length);
      this.#live ||= joins || resumes;
      this.#stack.height = frame.base;
      this.#stack.base = this.#frames.at(-2)?.base ?? 0;
      if (this.#live) this.#stack.pushUnknown(frame.results);
    }
    this.#frames.pop();
    if (resumes) return this.#resumeBlock(frame);
    if (frame.live && joins && this.#frames.length > 0) {
      this.#startBlock(reader.position, EDIT.charge);
    }
  }

  /** The arm of the `if` left for good: what follows belongs to the block before it. */
  #resumeBlock(frame: Frame): void {
    this.#costEdit = frame.before;
    this.#cost = frame.paid;
    const refunds = this.#refunds.get(frame.before) ?? [];
    refunds.push({ arm: frame.arm, paid: frame.paid });
    this.#refunds.set(frame.before, refunds);
  }

  /** The block before the `if` ended with it. */
  #closeBefore(frame: Frame): void {
    this.#costEdit = frame.before;
    this.#cost = frame.paid;
    this.#endBlock();
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
    this.#cost++;
    this.#stack.pop(1);
    this.#stack.blur(taken);
    this.#startBlock(reader.position, EDIT.charge);
  }

  #branchTable(reader: BinaryReader): void {
    const labels = reader.count(COMPLEXITY_MAX, 'branch targets') + 1;
    this.#complexity += labels;
    for (let index = 0; index < labels; index++) this.#branch(reader.u32());
    this.#cost += 2;
    if (this.#live) this.#stack.pop(1);
    this.#die();
  }

  #call(reader: BinaryReader, at: number, typeIndex: number, weight: number): void {
    const type = this.#context.types[typeIndex];
    if (type === undefined) malformed('unknown type');
    if (!this.#live) return;
    this.#hasCalls = true;
    this.#cost += weight;
    this.edits.add(at, EDIT.spill);
    this.#stack.pop(type.params.length);
    this.#stack.pushUnknown(type.results.length);
    this.edits.add(reader.position, EDIT.reload);
  }

  #blockType(reader: BinaryReader): { readonly params: number; readonly results: number } {
    const first = reader.bytes[reader.position] ?? 0;
    if (first >= 0x40 && first < 0x80) {
      if (reader.byte() === 0x40) return { params: 0, results: 0 };
      valueType(first);
      return { params: 0, results: 1 };
    }
    const type = this.#context.types[Number(reader.signed(33))];
    if (type === undefined) malformed('unknown block type');
    return { params: type.params.length, results: type.results.length };
  }

  #startBlock(position: number, kind: number): void {
    this.#endBlock();
    if (this.#live) this.#costEdit = this.edits.add(position, kind);
  }

  /** Sets the cost of the current block, and of arms that paid for its rest. */
  #endBlock(): void {
    const edit = this.#costEdit;
    if (edit >= 0) {
      this.edits.a[edit] = (this.edits.a[edit] as number) + this.#cost;
      if (this.#cost > 0) this.#blocks++;
      this.#costTotal += this.#cost;
      for (const { arm, paid } of this.#refunds.get(edit) ?? []) {
        this.edits.a[arm] = (this.edits.a[arm] as number) - (this.#cost - paid);
      }
      this.#refunds.delete(edit);
    }
    this.#costEdit = -1;
    this.#cost = 0;
  }

  #pauseBlock(): void {
    this.#costEdit = -1;
    this.#cost = 0;
  }

  #die(): void {
    this.#endBlock();
    this.#live = false;
  }

  // Locals, globals, tables, growth

  #variable(reader: BinaryReader, at: number, opcode: number): void {
    if (opcode === 0x40) return this.#grow(reader, at);
    const index = reader.u32();
    this.#cost++;
    if (opcode === 0x25 || opcode === 0x26) return this.#tableAccess(at, opcode, index);
    if (opcode >= 0x23) return this.#global(at, opcode, index);
    if (index >= this.#localCount) malformed('unknown local');
    if (!this.#live) return;
    if (opcode !== 0x20) {
      this.#stack.pop(1);
      this.#changedAt[index] = at;
      this.#cover.forget(index);
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
    this.#memoryZero(reader);
    if (!this.#live) return;
    this.#cost += WEIGHT.grow;
    this.edits.add(at, EDIT.spill);
    this.edits.add(at, EDIT.grow);
    this.#stack.blur(1);
    this.edits.add(reader.position, EDIT.reload);
  }

  #memoryZero(reader: BinaryReader): void {
    if (reader.byte() !== 0) malformed('only memory 0 exists');
    if (this.#context.memory === undefined) malformed('the module has no memory');
  }

  // Bulk operations

  #miscellaneous(reader: BinaryReader, at: number): void {
    const opcode = prefixed(reader);
    if (MISCELLANEOUS.immediate[opcode] !== IMMEDIATE.special) {
      return this.#plain(reader, at, MISCELLANEOUS, opcode);
    }
    const lengthType = this.#bulkImmediates(reader, opcode);
    if (!this.#live) return;
    this.#cost += MISCELLANEOUS.weight[opcode] as number;
    if (opcode === TABLE_SIZE) return this.#stack.push();
    const bulk = BULK.indexOf(opcode);
    this.edits.add(at, EDIT.spill);
    if (bulk >= 0) this.edits.add(at, EDIT.bulk, bulk);
    else this.edits.add(at, EDIT.table, lengthType);
    this.#stack.pop(MISCELLANEOUS.pops[opcode] as number);
    this.#stack.pushUnknown(MISCELLANEOUS.pushes[opcode] as number);
    this.edits.add(reader.position, EDIT.reload);
  }

  /** Reads and checks indices; answers the type of the length operand of table instructions. */
  #bulkImmediates(reader: BinaryReader, opcode: number): number {
    const { dataCount, elementCount, tables } = this.#context;
    const table = (): number => {
      const info = tables[reader.u32()];
      if (info === undefined) return malformed('unknown table');
      return info.is64 ? TYPE.i64 : TYPE.i32;
    };
    switch (opcode) {
      case 8: case 9:
        if (dataCount === undefined) malformed('data count section required');
        if (reader.u32() >= dataCount) malformed('unknown data segment');
        if (opcode === 8) this.#memoryZero(reader);
        return 0;
      case 10:
        this.#memoryZero(reader);
        this.#memoryZero(reader);
        return 0;
      case 11:
        this.#memoryZero(reader);
        return 0;
      case 12: case 13:
        if (reader.u32() >= elementCount) malformed('unknown element segment');
        if (opcode === 12) table();
        return opcode === 12 ? TYPE.i32 : 0;
      case 14:
        // The length has the narrower of both index types.
        return Math.max(table(), table());
      default:
        return table();
    }
  }

  // Everything else

  #plain(reader: BinaryReader, at: number, table: OpcodeTable, opcode: number): void {
    const kind = table.immediate[opcode] as number;
    const offset = this.#immediate(reader, kind, opcode);
    if (!this.#live) return;
    this.#cost += table.weight[opcode] as number;
    if (kind === IMMEDIATE.store || kind === IMMEDIATE.storeLane) {
      this.#store(at, table, opcode, offset);
    }
    const pops = table.pops[opcode] as number;
    this.#stack.pop(pops);
    if (table.nanBlind[opcode] === 1) this.#elideNans(pops);
    if (table.pushes[opcode] === 0) return;
    const nan = table.nan[opcode] as number;
    if (nan === NAN.none) return this.#stack.push();
    this.#stack.push(-1, 0, this.edits.add(reader.position, EDIT.nan, nan));
  }

  #elideNans(operands: number): void {
    for (let index = 0; index < operands; index++) {
      const edit = this.#stack.nanEdit[this.#stack.height + index] as number;
      if (edit >= 0) this.edits.a[edit] = NAN.none;
    }
  }

  #store(at: number, table: OpcodeTable, opcode: number, offset: number): void {
    if (offset >= OFFSET_END) return;
    const address = this.#stack.height - 2;
    const bytes = table.storeBytes[opcode] as number;
    if (address < this.#stack.base) malformed('operand stack underflow');
    const local = this.#stack.local[address] as number;
    const type = table.storeType[opcode] as number;
    const fresh = local >= 0 &&
      (this.#changedAt[local] as number) <= (this.#stack.readAt[address] as number);
    if (!fresh) {
      this.edits.add(at, EDIT.store, -1, offset, type);
      return;
    }
    if (this.#cover.covers(local, offset, bytes, this.edits)) return;
    const edit = this.edits.add(at, EDIT.store, local, offset, type);
    this.#cover.add(local, offset, bytes, this.#frames.length, edit);
  }

  /** Reads immediates; answers the offset of memory instructions. */
  #immediate(reader: BinaryReader, kind: number, opcode: number): number {
    switch (kind) {
      case IMMEDIATE.none: return 0;
      case IMMEDIATE.byte:
        // Reference types of ref.null, lanes of SIMD.
        if (opcode === 0xd0) referenceType(reader.byte());
        else reader.skip(1);
        return 0;
      case IMMEDIATE.sixteen: reader.skip(16); return 0;
      case IMMEDIATE.four: reader.skip(4); return 0;
      case IMMEDIATE.eight: reader.skip(8); return 0;
      case IMMEDIATE.i32: reader.skipSigned(5); return 0;
      case IMMEDIATE.i64: reader.skipSigned(10); return 0;
      case IMMEDIATE.zero: this.#memoryZero(reader); return 0;
      case IMMEDIATE.index:
        if (this.#context.functions[reader.u32()] === undefined) malformed('unknown function');
        return 0;
      case IMMEDIATE.load: case IMMEDIATE.store: return this.#memoryArgument(reader);
      case IMMEDIATE.loadLane: case IMMEDIATE.storeLane: {
        const offset = this.#memoryArgument(reader);
        reader.skip(1);
        return offset;
      }
      case IMMEDIATE.special: {
        // Only the typed select comes here.
        if (reader.u32() !== 1) malformed('select with other than one type');
        valueType(reader.byte());
        return 0;
      }
      default: return malformed(`instruction ${opcode.toString(16)} is not allowed`);
    }
  }

  #memoryArgument(reader: BinaryReader): number {
    const { memory } = this.#context;
    if (memory === undefined) malformed('the module has no memory');
    if (reader.u32() > 4) malformed('bad alignment of a memory access');
    return memory.is64 ? reader.u64() : reader.u32();
  }
}

function prefixed(reader: BinaryReader): number {
  const opcode = reader.u32();
  return opcode > 0xff ? malformed('instruction is not allowed') : opcode;
}

/** Checks a value type and answers it. */
export function valueType(type: number): number {
  const known = (type >= TYPE.v128 && type <= TYPE.i32) || type === TYPE.funcref ||
    type === TYPE.externref;
  return known ? type : malformed(`value type ${type.toString(16)} is not allowed`);
}

export function referenceType(type: number): number {
  const known = type === TYPE.funcref || type === TYPE.externref;
  return known ? type : malformed(`reference type ${type.toString(16)} is not allowed`);
}
