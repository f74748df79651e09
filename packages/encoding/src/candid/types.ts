// Descriptions of Candid types, written as values:
//
//   const settings = record({ controllers: opt(vec(principal)), freezing_threshold: opt(nat) });
//   type Settings = CandidValue<typeof settings>;
//
// How values look: nat, int, nat64, int64 are `bigint`; narrower numbers `number`; text `string`;
// principal and blob `Uint8Array`; `null` and reserved `null`; vec an array; opt the value or
// `undefined` (so `opt opt` loses a level); record an object by field name; variant
// `{ kind: name, value }`; func `{ service, method }`. A field called `_7_` has the label 7.

import { assert, utf8 } from '@internode/prelude';
import type { Principal } from '../principal.ts';

declare const ofValue: unique symbol;

export type CandidType<V = unknown> = Shape & { readonly [ofValue]?: V };

export type CandidValue<T> = T extends { readonly [ofValue]?: infer V } ? V : never;

export type CandidValues<Types extends readonly CandidType[]> = {
  -readonly [Index in keyof Types]: CandidValue<Types[Index]>;
};

export type Shape =
  | { readonly kind: Scalar }
  | { readonly kind: 'opt' | 'vec'; readonly item: CandidType }
  | { readonly kind: 'record' | 'variant'; readonly fields: readonly Field[] };

/** Fields are in ascending order of `id`, as on the wire. */
export type Field = { readonly id: number; readonly name: string; readonly type: CandidType };

export type Scalar = keyof typeof OPCODES | 'blob' | 'func';

export const OPCODES = {
  null: -1,
  bool: -2,
  nat: -3,
  int: -4,
  nat8: -5,
  nat16: -6,
  nat32: -7,
  nat64: -8,
  int8: -9,
  int16: -10,
  int32: -11,
  int64: -12,
  float32: -13,
  float64: -14,
  text: -15,
  reserved: -16,
  empty: -17,
  principal: -24,
} as const;

type FieldTypes = { readonly [name: string]: CandidType };

type OptionalNames<F extends FieldTypes> = {
  [Name in keyof F]: undefined extends CandidValue<F[Name]> ? Name : never;
}[keyof F];

type RecordValue<F extends FieldTypes> = {
  [Name in Exclude<keyof F, OptionalNames<F>>]: CandidValue<F[Name]>;
} & { [Name in OptionalNames<F>]?: CandidValue<F[Name]> };

type VariantValue<F extends FieldTypes> = {
  [Name in keyof F & string]: CandidValue<F[Name]> extends null
    ? { readonly kind: Name; readonly value?: null }
    : { readonly kind: Name; readonly value: CandidValue<F[Name]> };
}[keyof F & string];

export type FuncValue = { readonly service: Principal; readonly method: string };

function scalar<V>(kind: Scalar): CandidType<V> {
  return { kind };
}

// `null` is a word of the language, hence the name.
export const nullType = scalar<null>('null');
export const bool = scalar<boolean>('bool');
export const nat = scalar<bigint>('nat');
export const int = scalar<bigint>('int');
export const nat8 = scalar<number>('nat8');
export const nat16 = scalar<number>('nat16');
export const nat32 = scalar<number>('nat32');
export const nat64 = scalar<bigint>('nat64');
export const int8 = scalar<number>('int8');
export const int16 = scalar<number>('int16');
export const int32 = scalar<number>('int32');
export const int64 = scalar<bigint>('int64');
export const float32 = scalar<number>('float32');
export const float64 = scalar<number>('float64');
export const text = scalar<string>('text');
export const reserved = scalar<null>('reserved');
export const principal = scalar<Principal>('principal');
export const blob = scalar<Uint8Array>('blob');
/** A reference to a public method; its signature is not compared. */
export const func = scalar<FuncValue>('func');

export function opt<V>(item: CandidType<V>): CandidType<V | undefined> {
  return { kind: 'opt', item };
}

export function vec<V>(item: CandidType<V>): CandidType<V[]> {
  return { kind: 'vec', item };
}

export function record<F extends FieldTypes>(fields: F): CandidType<RecordValue<F>> {
  return { kind: 'record', fields: sortedFields(fields) };
}

export function variant<F extends FieldTypes>(fields: F): CandidType<VariantValue<F>> {
  return { kind: 'variant', fields: sortedFields(fields) };
}

/** The label of a field name: the Candid hash, or the number in `_7_`. */
export function labelOf(name: string): number {
  const number = /^_(\d+)_$/.exec(name);
  if (number !== null) return Number(number[1]);
  let hash = 0;
  for (const byte of utf8(name)) hash = (Math.imul(hash, 223) + byte) >>> 0;
  return hash;
}

function sortedFields(types: FieldTypes): Field[] {
  const fields = Object.entries(types).map(([name, type]) => ({ id: labelOf(name), name, type }));
  fields.sort((left, right) => left.id - right.id);
  for (let i = 1; i < fields.length; i++) {
    assert(fields[i - 1]?.id !== fields[i]?.id, 'candid: two field names have one label');
  }
  return fields;
}
