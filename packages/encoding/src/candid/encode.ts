import { assert, toHex } from '@internode/prelude';
import { ByteWriter } from '../byte-writer.ts';
import { fieldOf } from './subtype.ts';
import type { CandidType, CandidValues, FuncValue } from './types.ts';
import { labelOf, OPCODES } from './types.ts';

/**
 * Encodes our own values; one that does not fit its type is a broken invariant, never a message.
 */
export function encodeCandid<const Types extends readonly CandidType[]>(
  types: Types,
  values: CandidValues<Types>,
): Uint8Array {
  assert(types.length === values.length, 'candid: as many values as types');
  const table = new TableWriter();
  const references = types.map((type) => table.reference(type));
  const writer = new ByteWriter();
  for (const magic of [0x44, 0x49, 0x44, 0x4c]) writer.byte(magic);
  table.write(writer);
  writer.unsignedLeb128(references.length);
  for (const reference of references) writer.signedLeb128(BigInt(reference));
  types.forEach((type, i) => {
    writeValue(writer, type, values[i]);
  });
  return writer.finish();
}

/** Collects composite types, each once. */
class TableWriter {
  readonly #entries: Uint8Array[] = [];
  readonly #indexes = new Map<string, number>();

  reference(type: CandidType): number {
    switch (type.kind) {
      case 'opt':
        return this.#add(-18, (entry) => entry.signedLeb128(BigInt(this.reference(type.item))));
      case 'vec':
        return this.#add(-19, (entry) => entry.signedLeb128(BigInt(this.reference(type.item))));
      case 'blob':
        return this.#add(-19, (entry) => entry.signedLeb128(BigInt(OPCODES.nat8)));
      case 'func':
        return this.#add(-22, (entry) => entry.bytes(new Uint8Array(3)));
      case 'record':
      case 'variant':
        return this.#add(type.kind === 'record' ? -20 : -21, (entry) => {
          entry.unsignedLeb128(type.fields.length);
          for (const field of type.fields) {
            entry.unsignedLeb128(field.id);
            entry.signedLeb128(BigInt(this.reference(field.type)));
          }
        });
      default:
        return OPCODES[type.kind];
    }
  }

  write(writer: ByteWriter): void {
    writer.unsignedLeb128(this.#entries.length);
    for (const entry of this.#entries) writer.bytes(entry);
  }

  #add(opcode: number, fill: (entry: ByteWriter) => void): number {
    const entry = new ByteWriter();
    entry.signedLeb128(BigInt(opcode));
    fill(entry);
    const bytes = entry.finish();
    const key = toHex(bytes);
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    this.#indexes.set(key, this.#entries.length);
    return this.#entries.push(bytes) - 1;
  }
}

function writeValue(writer: ByteWriter, type: CandidType, value: unknown): void {
  switch (type.kind) {
    case 'opt':
      writer.byte(value === undefined ? 0 : 1);
      if (value !== undefined) writeValue(writer, type.item, value);
      return;
    case 'vec':
      assert(Array.isArray(value), 'candid: vec');
      writer.unsignedLeb128(value.length);
      for (const item of value) writeValue(writer, type.item, item);
      return;
    case 'record':
      assert(typeof value === 'object' && value !== null, 'candid: record');
      for (const field of type.fields) {
        writeValue(writer, field.type, (value as { [name: string]: unknown })[field.name]);
      }
      return;
    case 'variant': {
      const { kind, value: inner } = value as { kind: string; value?: unknown };
      const field = fieldOf(type.fields, labelOf(kind));
      assert(field !== undefined, `candid: no variant ${kind}`);
      writer.unsignedLeb128(type.fields.indexOf(field));
      writeValue(writer, field.type, inner);
      return;
    }
    default:
      writeScalar(writer, type.kind, value);
  }
}

type ScalarKind = Exclude<CandidType['kind'], 'opt' | 'vec' | 'record' | 'variant'>;

function writeScalar(writer: ByteWriter, kind: ScalarKind, value: unknown): void {
  switch (kind) {
    case 'null':
    case 'reserved':
      return;
    case 'empty':
      assert(false, 'candid: empty has no values');
      return;
    case 'bool':
      assert(typeof value === 'boolean', 'candid: bool');
      writer.byte(value ? 1 : 0);
      return;
    case 'text':
      assert(typeof value === 'string', 'candid: text');
      writer.text(value, (length) => writer.unsignedLeb128(length));
      return;
    case 'blob':
      writeBlob(writer, value);
      return;
    case 'principal':
      writer.byte(1);
      writeBlob(writer, value);
      return;
    case 'func': {
      const { service, method } = value as FuncValue;
      writer.bytes(new Uint8Array([1, 1]));
      writeBlob(writer, service);
      writer.text(method, (length) => writer.unsignedLeb128(length));
      return;
    }
    case 'nat':
      assert(typeof value === 'bigint' && value >= 0n, 'candid: nat');
      writer.unsignedLeb128(value);
      return;
    case 'int':
      assert(typeof value === 'bigint', 'candid: int');
      writer.signedLeb128(value);
      return;
    case 'float32':
    case 'float64':
      writeFloat(writer, kind, value);
      return;
    default:
      writeFixed(writer, kind, value);
  }
}

function writeBlob(writer: ByteWriter, value: unknown): void {
  assert(value instanceof Uint8Array, 'candid: bytes');
  writer.unsignedLeb128(value.length);
  writer.bytes(value);
}

function writeFloat(writer: ByteWriter, kind: 'float32' | 'float64', value: unknown): void {
  assert(typeof value === 'number', 'candid: float');
  const bytes = new Uint8Array(kind === 'float32' ? 4 : 8);
  if (kind === 'float32') new DataView(bytes.buffer).setFloat32(0, value, true);
  else new DataView(bytes.buffer).setFloat64(0, value, true);
  writer.bytes(bytes);
}

/** `natN` and `intN`: N/8 bytes, little endian. */
function writeFixed(writer: ByteWriter, kind: string, value: unknown): void {
  const signed = kind.startsWith('int');
  const bits = Number(kind.slice(3));
  assert(typeof value === (bits === 64 ? 'bigint' : 'number'), `candid: ${kind}`);
  let rest = BigInt(value as bigint | number);
  const wrapped = signed ? BigInt.asIntN(bits, rest) : BigInt.asUintN(bits, rest);
  assert(wrapped === rest, `candid: ${kind} out of range`);
  for (let i = 0; i < bits; i += 8) {
    writer.byte(Number(rest & 0xffn));
    rest >>= 8n;
  }
}
