/** Writes instructions. Memory 0 is the heap, memory 1 the undo memory. */
import { ByteWriter } from './byte-writer.ts';

export const META = 1;

/** Opcodes that generated code uses. */
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  i32Load: 0x28,
  i64Load: 0x29,
  f32Load: 0x2a,
  f64Load: 0x2b,
  i32Load8u: 0x2d,
  i32Store: 0x36,
  i64Store: 0x37,
  f32Store: 0x38,
  f64Store: 0x39,
  i32Store8: 0x3a,
  i32Eqz: 0x45,
  i32Eq: 0x46,
  i32LtU: 0x49,
  i32GeU: 0x4f,
  i64Eqz: 0x50,
  i64Eq: 0x51,
  i64Ne: 0x52,
  i64LtS: 0x53,
  i64GtU: 0x56,
  i64GeU: 0x5a,
  f32Eq: 0x5b,
  f64Eq: 0x61,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Shl: 0x74,
  i32ShrU: 0x76,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i64Or: 0x84,
  i64Shl: 0x86,
  i64ShrU: 0x88,
  i32WrapI64: 0xa7,
  i64ExtendI32U: 0xad,
  f64ConvertI64S: 0xb9,
} as const;

export const VOID = 0x40;

export class CodeWriter extends ByteWriter {
  op(...opcodes: readonly number[]): void {
    for (const opcode of opcodes) this.byte(opcode);
  }

  get(local: number): void {
    this.byte(0x20);
    this.unsigned(local);
  }

  set(local: number): void {
    this.byte(0x21);
    this.unsigned(local);
  }

  tee(local: number): void {
    this.byte(0x22);
    this.unsigned(local);
  }

  globalGet(global: number): void {
    this.byte(0x23);
    this.unsigned(global);
  }

  globalSet(global: number): void {
    this.byte(0x24);
    this.unsigned(global);
  }

  i32(value: number): void {
    this.byte(0x41);
    this.signed(value | 0);
  }

  i64(value: number): void {
    this.byte(0x42);
    this.signed(value);
  }

  /** A constant of the pointer type. */
  pointer(is64: boolean, value: number): void {
    if (is64) this.i64(value);
    else this.i32(value);
  }

  call(index: number): void {
    this.byte(0x10);
    this.unsigned(index);
  }

  /** `if` without parameters and results. */
  if(): void {
    this.op(OP.if, VOID);
  }

  end(): void {
    this.byte(OP.end);
  }

  branch(opcode: number, label: number): void {
    this.byte(opcode);
    this.unsigned(label);
  }

  /** A load or store in the undo memory at a constant distance from the address. */
  meta(opcode: number, offset: number): void {
    this.raw(opcode, 0x40, META);
    this.unsigned(offset);
  }

  heap(opcode: number, offset: number): void {
    this.raw(opcode, 0);
    this.unsigned(offset);
  }

  memorySize(memory: number): void {
    this.raw(0x3f, memory);
  }

  memoryGrow(memory: number): void {
    this.raw(0x40, memory);
  }

  memoryCopy(to: number, from: number): void {
    this.raw(0xfc, 10, to, from);
  }

  memoryFill(memory: number): void {
    this.raw(0xfc, 11, memory);
  }
}
