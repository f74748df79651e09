// How execution writes its own state: CBOR arrays described by values, so that a type and its
// encoding cannot differ. What is read was written by us and kept by our store: anything unexpected
// is a broken invariant.
import {
  type CborInput,
  type CborValue,
  decodeCbor,
  encodeCborUntagged,
} from '@internode/encoding';
import { assert } from '@internode/prelude';

export interface Codec<T> {
  toCbor(value: T): CborInput;
  fromCbor(value: CborValue): T;
}
export type Coded<C> = C extends Codec<infer T> ? T : never;

/** Items of one state: far above any honest one. */
const ITEMS_MAX = 100_000_000;

export function encodeState<T>(version: number, codec: Codec<T>, value: T): Uint8Array {
  return encodeCborUntagged([version, codec.toCbor(value)]);
}

/** With which version a state was encoded. */
export function versionOfState(bytes: Uint8Array): number {
  const decoded = decodeCbor(bytes, { itemsMax: ITEMS_MAX });
  assert(decoded.kind === 'valid', 'stored state: not CBOR');
  return count.fromCbor(items(decoded.value, 2)[0] as CborValue);
}

export function decodeState<T>(version: number, codec: Codec<T>, bytes: Uint8Array): T {
  const decoded = decodeCbor(bytes, { itemsMax: ITEMS_MAX });
  assert(decoded.kind === 'valid', 'stored state: not CBOR');
  const fields = items(decoded.value, 2);
  assert(fields[0] === BigInt(version), 'stored state: version');
  return codec.fromCbor(fields[1] as CborValue);
}

function items(value: CborValue, length?: number): readonly CborValue[] {
  assert(Array.isArray(value), 'stored state: not a list');
  assert(length === undefined || value.length === length, 'stored state: length of a list');
  return value as readonly CborValue[];
}

export const nat: Codec<bigint> = {
  toCbor: (value) => value,
  fromCbor: (value) => {
    assert(typeof value === 'bigint' && value >= 0n, 'stored state: not a natural number');
    return value;
  },
};

export const count: Codec<number> = {
  toCbor: (value) => value,
  fromCbor: (value) => {
    const number = Number(nat.fromCbor(value));
    assert(Number.isSafeInteger(number), 'stored state: number too large');
    return number;
  },
};

export const text: Codec<string> = {
  toCbor: (value) => value,
  fromCbor: (value) => {
    assert(typeof value === 'string', 'stored state: not text');
    return value;
  },
};

export const flag: Codec<boolean> = {
  toCbor: (value) => value,
  fromCbor: (value) => {
    assert(typeof value === 'boolean', 'stored state: not a flag');
    return value;
  },
};

export const bytes: Codec<Uint8Array> = {
  toCbor: (value) => value,
  fromCbor: (value) => {
    assert(value instanceof Uint8Array, 'stored state: not bytes');
    return value;
  },
};

export function optional<T>(item: Codec<T>): Codec<T | undefined> {
  return {
    toCbor: (value) => (value === undefined ? null : [item.toCbor(value)]),
    fromCbor: (value) => {
      if (value === null) return undefined;
      return item.fromCbor(items(value, 1)[0] as CborValue);
    },
  };
}

export function list<T>(item: Codec<T>): Codec<T[]> {
  return {
    toCbor: (value) => value.map((each) => item.toCbor(each)),
    fromCbor: (value) => items(value).map((each) => item.fromCbor(each)),
  };
}

/** A map from numbers, in order of insertion. */
export function table<T>(item: Codec<T>): Codec<Map<number, T>> {
  return {
    toCbor: (value) => Array.from(value, ([key, each]) => [key, item.toCbor(each)]),
    fromCbor: (value) =>
      new Map(
        items(value).map((entry) => {
          const [key, each] = items(entry, 2) as [CborValue, CborValue];
          return [count.fromCbor(key), item.fromCbor(each)];
        }),
      ),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a codec is invariant in its type; any type fits
type AnyCodec = Codec<any>;
type Fields = { readonly [name: string]: AnyCodec };
type RecordOf<F extends Fields> = { -readonly [Name in keyof F]: Coded<F[Name]> };

export function record<F extends Fields>(fields: F): Codec<RecordOf<F>> {
  const names = Object.keys(fields);
  return {
    toCbor: (value) => names.map((name) => (fields[name] as Codec<unknown>).toCbor(value[name])),
    fromCbor: (value) => {
      const parts = items(value, names.length);
      const entries = names.map((name, i) => [
        name,
        (fields[name] as Codec<unknown>).fromCbor(parts[i] as CborValue),
      ]);
      return Object.fromEntries(entries) as RecordOf<F>;
    },
  };
}

type VariantOf<V extends Fields> = {
  [Kind in keyof V & string]: { kind: Kind } & Coded<V[Kind]>;
}[keyof V & string];

/** A union of records by `kind`. */
export function variants<V extends Fields>(cases: V): Codec<VariantOf<V>> {
  return {
    toCbor: (value) => [value.kind, (cases[value.kind] as Codec<unknown>).toCbor(value)],
    fromCbor: (value) => {
      const [kind, content] = items(value, 2) as [CborValue, CborValue];
      assert(typeof kind === 'string', 'stored state: kind');
      const codec = cases[kind];
      assert(codec !== undefined, 'stored state: unknown kind');
      return { kind, ...(codec.fromCbor(content) as object) } as VariantOf<V>;
    },
  };
}
