// Decoding of Candid messages from strangers. Work, depth and elements without bytes are bounded;
// memory follows, since what has bytes is bounded by the message.

import type { Verdict } from '@internode/prelude';
import { unreachable } from '@internode/prelude';
import { judge, Malformed, malformed } from '../malformed.ts';
import { CandidReader } from './reader.ts';
import { fieldOf, isSubtype, mayBeAbsent } from './subtype.ts';
import type { TypeTable, WireField, WireType } from './type-table.ts';
import { readHeader } from './type-table.ts';
import type { CandidType, CandidValues, Field } from './types.ts';
import { OPCODES } from './types.ts';

const CANDID_DEPTH_MAX = 256;
/** Values read or stepped over in one message. */
const CANDID_WORK_MAX = 1_000_000;
/** Vector elements that take no bytes, in one message. */
const CANDID_EMPTY_ELEMENTS_MAX = 10_000;

/** The sender's type has no reading as ours; inside an `opt` that is an absent value. */
class Mismatch extends Malformed {}

/**
 * Decodes the arguments of a message at the expected types, by subtyping: unknown fields and
 * further arguments are stepped over, absent optional ones are `undefined`, an `opt` whose value
 * does not fit is `undefined`.
 */
export function decodeCandid<const Types extends readonly CandidType[]>(
  types: Types,
  bytes: Uint8Array,
): Verdict<CandidValues<Types>> {
  return judge(() => {
    const reader = new CandidReader(bytes);
    const { table, argumentTypes } = readHeader(reader);
    const decoder = new Decoder(reader, table);
    const values = types.map((type, i) => decoder.argument(argumentTypes[i], type));
    for (const extra of argumentTypes.slice(types.length)) decoder.skip(extra, 0);
    if (reader.remaining > 0) malformed('candid: trailing bytes');
    return values as CandidValues<Types>;
  });
}

class Decoder {
  readonly #reader: CandidReader;
  readonly #table: TypeTable;
  #workLeft = CANDID_WORK_MAX;
  #emptyElementsLeft = CANDID_EMPTY_ELEMENTS_MAX;

  constructor(reader: CandidReader, table: TypeTable) {
    this.#reader = reader;
    this.#table = table;
  }

  argument(wire: WireType | undefined, expected: CandidType): unknown {
    if (wire === undefined) return absent(expected, 'argument');
    if (!isSubtype(this.#table, wire, expected)) malformed('candid: argument of another type');
    return this.#value(wire, expected, 0);
  }

  #value(wire: WireType, expected: CandidType, depth: number): unknown {
    this.#enter(depth);
    switch (expected.kind) {
      case 'opt':
        return this.#opt(wire, expected.item, depth);
      case 'reserved':
        this.skip(wire, depth);
        return null;
      case 'vec':
        return this.#vec(this.#composite(wire, 'vec').item, expected.item, depth);
      case 'record':
        return this.#record(this.#composite(wire, 'record').fields, expected.fields, depth);
      case 'variant':
        return this.#variant(this.#composite(wire, 'variant').fields, expected.fields, depth);
      case 'blob':
        if (this.#composite(wire, 'vec').item !== OPCODES.nat8) mismatch();
        return this.#reader.slice(this.#reader.size());
      case 'func':
        this.#composite(wire, 'func');
        return this.#func();
      default:
        return this.#primitive(wire, expected.kind);
    }
  }

  #opt(wire: WireType, item: CandidType, depth: number): unknown {
    if (wire === OPCODES.null) return undefined;
    const composite = this.#table[wire];
    if (composite?.kind === 'opt') {
      if (!this.#reader.flag()) return undefined;
      return this.#valueOrAbsent(composite.item, item, depth);
    }
    // A value that is not optional on the wire counts as present, if that is not ambiguous.
    if (!mayBeAbsent(item)) return this.#valueOrAbsent(wire, item, depth);
    this.skip(wire, depth + 1);
    return undefined;
  }

  #valueOrAbsent(wire: WireType, item: CandidType, depth: number): unknown {
    const start = this.#reader.offset;
    try {
      return this.#value(wire, item, depth + 1);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      this.#reader.offset = start;
      this.skip(wire, depth + 1);
      return undefined;
    }
  }

  #vec(wire: WireType, item: CandidType, depth: number): unknown[] {
    const values: unknown[] = [];
    for (let left = this.#reader.size(); left > 0; left--) {
      const start = this.#reader.offset;
      values.push(this.#value(wire, item, depth + 1));
      this.#countEmpty(start);
    }
    return values;
  }

  #record(sent: readonly WireField[], fields: readonly Field[], depth: number): unknown {
    const values: { [name: string]: unknown } = {};
    let next = 0;
    for (const { id, type } of sent) {
      for (; next < fields.length && (fields[next] as Field).id < id; next++) {
        const field = fields[next] as Field;
        values[field.name] = absent(field.type, field.name);
      }
      const field = fields[next];
      if (field?.id === id) {
        values[field.name] = this.#value(type, field.type, depth + 1);
        next += 1;
      } else {
        this.skip(type, depth + 1);
      }
    }
    for (const field of fields.slice(next)) values[field.name] = absent(field.type, field.name);
    return values;
  }

  #variant(sent: readonly WireField[], fields: readonly Field[], depth: number): unknown {
    const { id, type } = sent[this.#reader.size()] ?? malformed('candid: variant out of range');
    const field = fieldOf(fields, id) ?? mismatch();
    return { kind: field.name, value: this.#value(type, field.type, depth + 1) };
  }

  #func(): unknown {
    if (!this.#reader.flag()) malformed('candid: opaque reference');
    return { service: this.#reader.principal(), method: this.#reader.text() };
  }

  #primitive(wire: WireType, kind: keyof typeof OPCODES): unknown {
    const fits = OPCODES[kind] === wire || (kind === 'int' && wire === OPCODES.nat);
    if (!fits) mismatch();
    return readPrimitive(this.#reader, wire);
  }

  #composite<Kind extends 'vec' | 'record' | 'variant' | 'func'>(wire: WireType, kind: Kind) {
    const composite = this.#table[wire];
    if (composite === undefined || composite.kind !== kind) return mismatch();
    return composite as Extract<TypeTable[number], { kind: Kind }>;
  }

  /** Steps over one value of the sender's type, with the same checks as reading it. */
  skip(wire: WireType, depth: number): void {
    this.#enter(depth);
    const reader = this.#reader;
    if (wire < 0) {
      readPrimitive(reader, wire);
      return;
    }
    const composite = this.#table[wire] ?? malformed('candid: unknown type');
    switch (composite.kind) {
      case 'opt':
        if (reader.flag()) this.skip(composite.item, depth + 1);
        return;
      case 'vec':
        this.#skipVec(composite.item, depth);
        return;
      case 'record':
        for (const field of composite.fields) this.skip(field.type, depth + 1);
        return;
      case 'variant': {
        const sent = composite.fields[reader.size()];
        this.skip((sent ?? malformed('candid: variant out of range')).type, depth + 1);
        return;
      }
      case 'func':
        this.#func();
        return;
      case 'service':
        reader.principal();
        return;
      case 'future': {
        const length = reader.size();
        if (reader.size() !== 0) malformed('candid: opaque reference');
        reader.take(length);
        return;
      }
      default:
        unreachable(composite);
    }
  }

  #skipVec(item: WireType, depth: number): void {
    let left = this.#reader.size();
    if (item === OPCODES.nat8 || item === OPCODES.int8) {
      this.#reader.take(left);
      return;
    }
    for (; left > 0; left--) {
      const start = this.#reader.offset;
      this.skip(item, depth + 1);
      this.#countEmpty(start);
    }
  }

  #enter(depth: number): void {
    if (depth > CANDID_DEPTH_MAX) malformed('candid: too deep');
    if (this.#workLeft-- <= 0) malformed('candid: too many values');
  }

  #countEmpty(start: number): void {
    if (this.#reader.offset > start) return;
    if (this.#emptyElementsLeft-- <= 0) malformed('candid: too many elements without bytes');
  }
}

function readPrimitive(reader: CandidReader, wire: WireType): unknown {
  const view = reader.view;
  switch (wire) {
    case OPCODES.null:
    case OPCODES.reserved:
      return null;
    case OPCODES.bool:
      return reader.flag();
    case OPCODES.nat:
      return reader.nat();
    case OPCODES.int:
      return reader.int();
    case OPCODES.nat8:
      return reader.byte();
    case OPCODES.nat16:
      return view.getUint16(reader.take(2), true);
    case OPCODES.nat32:
      return view.getUint32(reader.take(4), true);
    case OPCODES.nat64:
      return view.getBigUint64(reader.take(8), true);
    case OPCODES.int8:
      return view.getInt8(reader.take(1));
    case OPCODES.int16:
      return view.getInt16(reader.take(2), true);
    case OPCODES.int32:
      return view.getInt32(reader.take(4), true);
    case OPCODES.int64:
      return view.getBigInt64(reader.take(8), true);
    case OPCODES.float32:
      return view.getFloat32(reader.take(4), true);
    case OPCODES.float64:
      return view.getFloat64(reader.take(8), true);
    case OPCODES.text:
      return reader.text();
    case OPCODES.principal:
      return reader.principal();
    default:
      return malformed('candid: a value of type empty');
  }
}

function absent(type: CandidType, what: string): null | undefined {
  if (type.kind === 'opt') return undefined;
  if (mayBeAbsent(type)) return null;
  throw new Mismatch(`candid: missing ${what}`);
}

function mismatch(): never {
  throw new Mismatch('candid: value of another type');
}
