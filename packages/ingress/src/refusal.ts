/** Why a request is turned away at the door, before any canister hears of it. */
export type RefusalCode =
  | 'malformed'
  | 'expired'
  | 'unauthenticated'
  | 'forbidden'
  | 'wrong-destination';

export type RequestRefusal = {
  readonly kind: 'refused';
  readonly code: RefusalCode;
  /** 400 or 403. */
  readonly httpStatus: number;
  /** Plain text for the body of the answer. */
  readonly text: string;
};

export type Accepted<T> = { readonly kind: 'accepted'; readonly value: T };

export type Outcome<T> = Accepted<T> | RequestRefusal;

const HTTP_STATUSES: { readonly [code in RefusalCode]: number } = {
  malformed: 400,
  expired: 400,
  unauthenticated: 403,
  forbidden: 403,
  'wrong-destination': 400,
};

export function refuse(code: RefusalCode, text: string): RequestRefusal {
  return { kind: 'refused', code, httpStatus: HTTP_STATUSES[code], text };
}

export function accept<T>(value: T): Accepted<T> {
  return { kind: 'accepted', value };
}
