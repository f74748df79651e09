import type { TypeTable, WireType } from './type-table.ts';
import type { CandidType, Field } from './types.ts';
import { OPCODES } from './types.ts';

/**
 * Whether every value of the sender's type has a reading as `expected` (Candid, "Subtyping").
 * Ends, because each step goes deeper into `expected`, which is finite.
 */
export function isSubtype(table: TypeTable, wire: WireType, expected: CandidType): boolean {
  if (expected.kind === 'opt' || expected.kind === 'reserved') return true;
  if (wire < 0) return isPrimitiveSubtype(wire, expected);
  const composite = table[wire];
  if (composite === undefined) return false;
  switch (composite.kind) {
    case 'vec':
      if (expected.kind === 'blob') return composite.item === OPCODES.nat8;
      return expected.kind === 'vec' && isSubtype(table, composite.item, expected.item);
    case 'record':
      if (expected.kind !== 'record') return false;
      return expected.fields.every((field) => {
        const sent = composite.fields.find(({ id }) => id === field.id);
        return sent === undefined
          ? mayBeAbsent(field.type)
          : isSubtype(table, sent.type, field.type);
      });
    case 'variant':
      if (expected.kind !== 'variant') return false;
      return composite.fields.every((sent) => {
        const field = fieldOf(expected.fields, sent.id);
        return field !== undefined && isSubtype(table, sent.type, field.type);
      });
    case 'func':
      return expected.kind === 'func';
    case 'service':
    case 'opt':
    case 'future':
      return false;
  }
}

/** Types whose value is known without being sent. */
export function mayBeAbsent(type: CandidType): boolean {
  return type.kind === 'opt' || type.kind === 'null' || type.kind === 'reserved';
}

export function fieldOf(fields: readonly Field[], id: number): Field | undefined {
  let low = 0;
  let high = fields.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const field = fields[middle] as Field;
    if (field.id === id) return field;
    if (field.id < id) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

function isPrimitiveSubtype(wire: WireType, expected: CandidType): boolean {
  if (wire === OPCODES.empty) return true;
  if (wire === OPCODES.nat && expected.kind === 'int') return true;
  return expected.kind in OPCODES && OPCODES[expected.kind as keyof typeof OPCODES] === wire;
}
