/**
 * The instructions a canister may use, with all that the rewriter wants to know of each. What is not
 * here is refused: exceptions, threads, tail calls, GC, typed references, relaxed SIMD, multi-memory.
 *
 * Weights count work, near what V8 makes of it (a division is ten additions); structure is free.
 */

/** Kinds of immediates; instructions that need more than their operands counted have their own. */
export const IMMEDIATE = {
  refused: 0,
  none: 1,
  byte: 2,
  sixteen: 3,
  i32: 4,
  i64: 5,
  four: 6,
  eight: 7,
  index: 8,
  load: 9,
  store: 10,
  loadLane: 11,
  storeLane: 12,
  zero: 13,
  special: 14,
} as const;

/** How a result may hold a NaN with bits that depend on the machine. */
export const NAN = { none: 0, f32: 1, f64: 2, f32x4: 3, f64x2: 4 } as const;

export class OpcodeTable {
  readonly immediate = new Uint8Array(256);
  readonly pops = new Uint8Array(256);
  readonly pushes = new Uint8Array(256);
  readonly weight = new Uint16Array(256);
  readonly nan = new Uint8Array(256);
  /** 1 when the result does not depend on the bits of a NaN operand. */
  readonly nanBlind = new Uint8Array(256);
  /** For stores: bytes written, and the type of the value as encoded in Wasm. */
  readonly storeBytes = new Uint8Array(256);
  readonly storeType = new Uint8Array(256);

  /** Declares `from..to` as taking `pops` operands and answering `pushes`. */
  range(
    from: number,
    to: number,
    immediate: number,
    pops: number,
    pushes: number,
    weight = 1,
  ): void {
    this.immediate.fill(immediate, from, to + 1);
    this.pops.fill(pops, from, to + 1);
    this.pushes.fill(pushes, from, to + 1);
    this.weight.fill(weight, from, to + 1);
  }

  plain(pops: number, ...ranges: readonly (readonly [number, number])[]): void {
    for (const [from, to] of ranges) this.range(from, to, IMMEDIATE.none, pops, 1);
  }

  weigh(weight: number, ...opcodes: readonly number[]): void {
    for (const opcode of opcodes) this.weight[opcode] = weight;
  }

  floats(nan: number, from: number, to: number): void {
    this.nan.fill(nan, from, to + 1);
    if (nan === NAN.f32 || nan === NAN.f64) this.nanBlind.fill(1, from, to + 1);
  }

  stores(type: number, bytes: number, ...opcodes: readonly number[]): void {
    for (const opcode of opcodes) {
      this.storeType[opcode] = type;
      this.storeBytes[opcode] = bytes;
    }
  }
}

export const TYPE = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
} as const;

export const WEIGHT = {
  call: 5,
  callIndirect: 10,
  grow: 300,
  bulk: 100,
  tableBulk: 100,
  divide: 10,
} as const;

function plainOpcodes(): OpcodeTable {
  const table = new OpcodeTable();
  const { none, special, index, load, store, zero } = IMMEDIATE;
  table.range(0x00, 0x11, special, 0, 0);
  table.range(0x06, 0x0a, IMMEDIATE.refused, 0, 0);
  table.range(0x12, 0x19, IMMEDIATE.refused, 0, 0);
  table.range(0x01, 0x01, none, 0, 0, 0);
  table.range(0x1a, 0x1a, none, 1, 0);
  table.range(0x1b, 0x1b, none, 3, 1);
  table.range(0x1c, 0x1c, special, 3, 1);
  table.range(0x20, 0x26, special, 0, 0);
  table.range(0x28, 0x35, load, 1, 1);
  table.range(0x36, 0x3e, store, 2, 0);
  table.range(0x3f, 0x3f, zero, 0, 1);
  table.range(0x40, 0x40, special, 1, 1, WEIGHT.grow);
  table.range(0x41, 0x41, IMMEDIATE.i32, 0, 1);
  table.range(0x42, 0x42, IMMEDIATE.i64, 0, 1);
  table.range(0x43, 0x43, IMMEDIATE.four, 0, 1);
  table.range(0x44, 0x44, IMMEDIATE.eight, 0, 1);
  table.plain(1, [0x45, 0x45], [0x50, 0x50], [0x67, 0x69], [0x79, 0x7b], [0x8b, 0x91]);
  table.plain(1, [0x99, 0x9f], [0xa7, 0xc4], [0xd1, 0xd1]);
  table.plain(2, [0x46, 0x4f], [0x51, 0x66], [0x6a, 0x78], [0x7c, 0x8a], [0x92, 0x98]);
  table.plain(2, [0xa0, 0xa6]);
  table.range(0xd0, 0xd0, IMMEDIATE.byte, 0, 1);
  table.range(0xd2, 0xd2, index, 0, 1);
  table.weigh(WEIGHT.divide, 0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82);
  table.weigh(3, 0x95, 0xa3);
  table.weigh(5, 0x91, 0x9f);
  plainFloats(table);
  table.stores(TYPE.i32, 4, 0x36);
  table.stores(TYPE.i64, 8, 0x37);
  table.stores(TYPE.f32, 4, 0x38);
  table.stores(TYPE.f64, 8, 0x39);
  table.stores(TYPE.i32, 1, 0x3a);
  table.stores(TYPE.i32, 2, 0x3b);
  table.stores(TYPE.i64, 1, 0x3c);
  table.stores(TYPE.i64, 2, 0x3d);
  table.stores(TYPE.i64, 4, 0x3e);
  return table;
}

/** Arithmetic makes NaNs; abs, neg and copysign only move bits. Comparisons look through NaN bits. */
function plainFloats(table: OpcodeTable): void {
  table.floats(NAN.f32, 0x8d, 0x97);
  table.floats(NAN.f64, 0x9b, 0xa5);
  table.floats(NAN.f32, 0xb6, 0xb6);
  table.floats(NAN.f64, 0xbb, 0xbb);
  table.nanBlind.fill(1, 0x5b, 0x67);
  for (const opcode of [0xa8, 0xa9, 0xaa, 0xab, 0xae, 0xaf, 0xb0, 0xb1]) table.nanBlind[opcode] = 1;
}

/** Instructions with prefix 0xfc: saturating conversions, bulk memory, tables. */
function miscellaneousOpcodes(): OpcodeTable {
  const table = new OpcodeTable();
  table.plain(1, [0, 7]);
  table.nanBlind.fill(1, 0, 8);
  table.range(8, 8, IMMEDIATE.special, 3, 0, WEIGHT.bulk);
  table.range(9, 9, IMMEDIATE.special, 0, 0);
  table.range(10, 11, IMMEDIATE.special, 3, 0, WEIGHT.bulk);
  table.range(12, 12, IMMEDIATE.special, 3, 0, WEIGHT.tableBulk);
  table.range(13, 13, IMMEDIATE.special, 0, 0);
  table.range(14, 14, IMMEDIATE.special, 3, 0, WEIGHT.tableBulk);
  table.range(15, 15, IMMEDIATE.special, 2, 1, WEIGHT.tableBulk);
  table.range(16, 16, IMMEDIATE.special, 0, 1);
  table.range(17, 17, IMMEDIATE.special, 3, 0, WEIGHT.tableBulk);
  return table;
}

/** Instructions with prefix 0xfd: fixed-width SIMD. */
function vectorOpcodes(): OpcodeTable {
  const table = new OpcodeTable();
  const { load, store, loadLane, storeLane, byte, sixteen } = IMMEDIATE;
  table.plain(2, [0x0e, 0x0e], [0x23, 0x4c], [0x4e, 0x51], [0x65, 0x66], [0x6b, 0x73]);
  table.plain(2, [0x76, 0x79], [0x7b, 0x7b], [0x82, 0x82], [0x85, 0x86], [0x8b, 0x93]);
  table.plain(2, [0x95, 0x99], [0x9b, 0x9f], [0xab, 0xae], [0xb1, 0xb1], [0xb5, 0xba]);
  table.plain(
    2,
    [0xbc, 0xbf],
    [0xcb, 0xce],
    [0xd1, 0xd1],
    [0xd5, 0xdf],
    [0xe4, 0xeb],
    [0xf0, 0xf7],
  );
  table.plain(1, [0x0f, 0x14], [0x4d, 0x4d], [0x53, 0x53], [0x5e, 0x64], [0x67, 0x6a]);
  table.plain(1, [0x74, 0x75], [0x7a, 0x7a], [0x7c, 0x81], [0x83, 0x84], [0x87, 0x8a]);
  table.plain(1, [0x94, 0x94], [0xa0, 0xa1], [0xa3, 0xa4], [0xa7, 0xaa], [0xc0, 0xc1]);
  table.plain(1, [0xc3, 0xc4], [0xc7, 0xca], [0xe0, 0xe1], [0xe3, 0xe3], [0xec, 0xed]);
  table.plain(1, [0xef, 0xef], [0xf8, 0xff]);
  table.plain(3, [0x52, 0x52]);
  table.range(0x00, 0x0a, load, 1, 1);
  table.range(0x0b, 0x0b, store, 2, 0);
  table.range(0x0c, 0x0c, sixteen, 0, 1);
  table.range(0x0d, 0x0d, sixteen, 2, 1);
  table.range(0x15, 0x22, byte, 1, 1);
  for (const replace of [0x17, 0x1a, 0x1c, 0x1e, 0x20, 0x22]) table.pops[replace] = 2;
  table.range(0x54, 0x57, loadLane, 2, 1);
  table.range(0x58, 0x5b, storeLane, 2, 0);
  table.range(0x5c, 0x5d, load, 1, 1);
  table.weigh(3, 0xe7, 0xf3);
  table.weigh(5, 0xe3, 0xef);
  table.stores(TYPE.v128, 16, 0x0b);
  for (const lane of [0, 1, 2, 3]) table.stores(TYPE.v128, 1 << lane, 0x58 + lane);
  table.floats(NAN.f32x4, 0x67, 0x6a);
  for (const opcode of [0x5e, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9])
    table.nan[opcode] = NAN.f32x4;
  const doubles = [0x5f, 0x74, 0x75, 0x7a, 0x94, 0xef, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5];
  for (const opcode of doubles) table.nan[opcode] = NAN.f64x2;
  return table;
}

export const PLAIN = plainOpcodes();
export const MISCELLANEOUS = miscellaneousOpcodes();
export const VECTOR = vectorOpcodes();
