/** Reads what follows opcodes, and checks that indices and types exist. Throws `Malformed`. */
import { type BinaryReader, malformed } from './binary-reader.ts';
import type { BodyContext } from './function-plan.ts';
import { IMMEDIATE, TYPE } from './opcodes.ts';

export const LOCALS_MAX = 50_000;

/** Declarations of locals; answers their number, parameters included. */
export function readLocals(reader: BinaryReader, params: number): number {
  let total = params;
  for (let groups = reader.count(LOCALS_MAX, 'groups of locals'); groups > 0; groups--) {
    total += reader.u32();
    if (total > LOCALS_MAX) malformed(`a function has more than ${LOCALS_MAX} locals`);
    valueType(reader.byte());
  }
  return total;
}

export function readBlockType(
  context: BodyContext,
  reader: BinaryReader,
): { readonly params: number; readonly results: number } {
  const first = reader.bytes[reader.position] ?? 0;
  if (first >= 0x40 && first < 0x80) {
    if (reader.byte() === 0x40) return { params: 0, results: 0 };
    valueType(first);
    return { params: 0, results: 1 };
  }
  const type = context.types[Number(reader.signed(33))];
  if (type === undefined) malformed('unknown block type');
  return { params: type.params.length, results: type.results.length };
}

/** Reads immediates; answers the offset of memory instructions. */
export function readImmediate(
  context: BodyContext,
  reader: BinaryReader,
  kind: number,
  opcode: number,
): number {
  switch (kind) {
    case IMMEDIATE.none:
      return 0;
    case IMMEDIATE.byte:
      // Reference types of ref.null, lanes of SIMD.
      if (opcode === 0xd0) referenceType(reader.byte());
      else reader.skip(1);
      return 0;
    case IMMEDIATE.sixteen:
      reader.skip(16);
      return 0;
    case IMMEDIATE.four:
      reader.skip(4);
      return 0;
    case IMMEDIATE.eight:
      reader.skip(8);
      return 0;
    case IMMEDIATE.i32:
      reader.skipSigned(5);
      return 0;
    case IMMEDIATE.i64:
      reader.skipSigned(10);
      return 0;
    case IMMEDIATE.zero:
      readMemoryZero(context, reader);
      return 0;
    case IMMEDIATE.index:
      if (context.functions[reader.u32()] === undefined) malformed('unknown function');
      return 0;
    case IMMEDIATE.load:
    case IMMEDIATE.store:
      return readMemoryArgument(context, reader);
    case IMMEDIATE.loadLane:
    case IMMEDIATE.storeLane: {
      const offset = readMemoryArgument(context, reader);
      reader.skip(1);
      return offset;
    }
    case IMMEDIATE.special: {
      // Only the typed select comes here.
      if (reader.u32() !== 1) malformed('select with other than one type');
      valueType(reader.byte());
      return 0;
    }
    default:
      return malformed(`instruction ${opcode.toString(16)} is not allowed`);
  }
}

export function readMemoryArgument(context: BodyContext, reader: BinaryReader): number {
  const { memory } = context;
  if (memory === undefined) malformed('the module has no memory');
  if (reader.u32() > 4) malformed('bad alignment of a memory access');
  return memory.is64 ? reader.u64() : reader.u32();
}

export function readMemoryZero(context: BodyContext, reader: BinaryReader): void {
  if (reader.byte() !== 0) malformed('only memory 0 exists');
  if (context.memory === undefined) malformed('the module has no memory');
}

/** Reads and checks indices; answers the type of the length operand of table instructions. */
export function readBulkImmediates(
  context: BodyContext,
  reader: BinaryReader,
  opcode: number,
): number {
  const { dataCount, elementCount, tables } = context;
  const table = (): number => {
    const info = tables[reader.u32()];
    if (info === undefined) return malformed('unknown table');
    return info.is64 ? TYPE.i64 : TYPE.i32;
  };
  switch (opcode) {
    case 8:
    case 9:
      if (dataCount === undefined) malformed('data count section required');
      if (reader.u32() >= dataCount) malformed('unknown data segment');
      if (opcode === 8) readMemoryZero(context, reader);
      return 0;
    case 10:
      readMemoryZero(context, reader);
      readMemoryZero(context, reader);
      return 0;
    case 11:
      readMemoryZero(context, reader);
      return 0;
    case 12:
    case 13:
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

/** The opcode after a prefix. */
export function prefixed(reader: BinaryReader): number {
  const opcode = reader.u32();
  return opcode > 0xff ? malformed('instruction is not allowed') : opcode;
}

/** Checks a value type and answers it. */
export function valueType(type: number): number {
  const known =
    (type >= TYPE.v128 && type <= TYPE.i32) || type === TYPE.funcref || type === TYPE.externref;
  return known ? type : malformed(`value type ${type.toString(16)} is not allowed`);
}

export function referenceType(type: number): number {
  const known = type === TYPE.funcref || type === TYPE.externref;
  return known ? type : malformed(`reference type ${type.toString(16)} is not allowed`);
}
