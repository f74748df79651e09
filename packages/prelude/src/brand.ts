declare const brand: unique symbol;

/** A string that names one kind of thing: an `Id<'Node'>` is not an `Id<'Canister'>`. */
export type Id<Name extends string> = string & { readonly [brand]: Name };

/** A whole amount of one unit that may exceed 2^53: `Amount<'Cycles'>`. */
export type Amount<Unit extends string> = bigint & { readonly [brand]: Unit };

/** A position or count that time keeps far below 2^53: `Count<'Height'>`. */
export type Count<Unit extends string> = number & { readonly [brand]: Unit };

export function id<Name extends string>(text: string): Id<Name> {
  return text as Id<Name>;
}

export function amount<Unit extends string>(value: bigint): Amount<Unit> {
  return value as Amount<Unit>;
}

export function count<Unit extends string>(value: number): Count<Unit> {
  return value as Count<Unit>;
}
