/**
 * What CBOR from outside decodes to. Every integer is a `bigint`, every byte string a plain
 * `Uint8Array` of its own, every map an object without prototype.
 */
export type CborValue =
  | null
  | boolean
  | bigint
  | string
  | Uint8Array
  | readonly CborValue[]
  | CborMap;

export type CborMap = { readonly [key: string]: CborValue };

/** What can be encoded: also safe integers as numbers; fields that are undefined are left out. */
export type CborInput =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly CborInput[]
  | { readonly [key: string]: CborInput | undefined };

export function isCborMap(value: CborValue | undefined): value is CborMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  );
}
