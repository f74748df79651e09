// The type table at the head of a Candid message, as the sender wrote it.

import { malformed } from '../malformed.ts';
import type { CandidReader } from './reader.ts';
import { OPCODES } from './types.ts';

/** An index into the table, or the negative opcode of a primitive type. */
export type WireType = number;

export type WireField = { readonly id: number; readonly type: WireType };

export type WireComposite =
  | { readonly kind: 'opt'; readonly item: WireType }
  | { readonly kind: 'vec'; readonly item: WireType }
  | { readonly kind: 'record'; readonly fields: readonly WireField[] }
  | { readonly kind: 'variant'; readonly fields: readonly WireField[] }
  | { readonly kind: 'func' }
  | { readonly kind: 'service' }
  | { readonly kind: 'future' };

export type TypeTable = readonly WireComposite[];

const TABLE_ENTRIES_MAX = 10_000;
const TABLE_FIELDS_MAX = 50_000;

const PRIMITIVES: ReadonlySet<number> = new Set(Object.values(OPCODES));

/** Reads the table and the argument types that follow it. */
export function readHeader(reader: CandidReader): {
  readonly table: TypeTable;
  readonly argumentTypes: readonly WireType[];
} {
  for (const magic of [0x44, 0x49, 0x44, 0x4c]) {
    if (reader.byte() !== magic) malformed('candid: not DIDL');
  }
  const size = reader.size();
  if (size > TABLE_ENTRIES_MAX) malformed('candid: type table too large');
  return new HeaderReader(reader, size).read();
}

class HeaderReader {
  readonly #reader: CandidReader;
  readonly #size: number;
  #fieldsLeft = TABLE_FIELDS_MAX;

  constructor(reader: CandidReader, size: number) {
    this.#reader = reader;
    this.#size = size;
  }

  read(): { table: TypeTable; argumentTypes: WireType[] } {
    const table: WireComposite[] = [];
    for (let i = 0; i < this.#size; i++) table.push(this.#composite());
    return { table, argumentTypes: this.#types() };
  }

  #composite(): WireComposite {
    const opcode = this.#reader.typeReference();
    switch (opcode) {
      case -18:
        return { kind: 'opt', item: this.#type() };
      case -19:
        return { kind: 'vec', item: this.#type() };
      case -20:
        return { kind: 'record', fields: this.#fields() };
      case -21:
        return { kind: 'variant', fields: this.#fields() };
      case -22:
        return this.#func();
      case -23:
        return this.#service();
      default:
        if (opcode >= -24) malformed('candid: not a composite type');
        this.#reader.take(this.#reader.size());
        return { kind: 'future' };
    }
  }

  #type(): WireType {
    const type = this.#reader.typeReference();
    const known = type >= 0 ? type < this.#size : PRIMITIVES.has(type);
    if (!known) malformed('candid: unknown type');
    return type;
  }

  #types(): WireType[] {
    const types: WireType[] = [];
    for (let left = this.#reader.size(); left > 0; left--) {
      this.#countField();
      types.push(this.#type());
    }
    return types;
  }

  #fields(): WireField[] {
    const fields: WireField[] = [];
    let last = -1;
    for (let left = this.#reader.size(); left > 0; left--) {
      this.#countField();
      const id = this.#reader.size();
      if (id <= last) malformed('candid: fields not in order');
      last = id;
      fields.push({ id, type: this.#type() });
    }
    return fields;
  }

  #func(): WireComposite {
    this.#types();
    this.#types();
    this.#reader.take(this.#reader.size());
    return { kind: 'func' };
  }

  #service(): WireComposite {
    for (let left = this.#reader.size(); left > 0; left--) {
      this.#countField();
      this.#reader.text();
      this.#type();
    }
    return { kind: 'service' };
  }

  #countField(): void {
    if (this.#fieldsLeft-- <= 0) malformed('candid: type table too large');
  }
}
