/** The word on someone's data that passed a check. */
export type Valid<T> = { readonly kind: 'valid'; readonly value: T };

/** The word on data that is wrong for ever: drop it, score the peer. */
export type Invalid = { readonly kind: 'invalid'; readonly reason: string };

/** The word on data that we cannot judge yet: keep it, look again. */
export type Undecided = { readonly kind: 'undecided'; readonly reason: string };

/** A verdict on data from outside; expected errors are data, not exceptions. */
export type Verdict<T> = Valid<T> | Invalid | Undecided;

export function valid(): Valid<void>;
export function valid<T>(value: T): Valid<T>;
export function valid<T>(value?: T): Valid<T | undefined> {
  return { kind: 'valid', value };
}

export function invalid(reason: string): Invalid {
  return { kind: 'invalid', reason };
}

export function undecided(reason: string): Undecided {
  return { kind: 'undecided', reason };
}
