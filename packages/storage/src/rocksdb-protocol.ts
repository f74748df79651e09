// What a RocksStore and its thread say to each other.
import type { StorageFaultCode } from './fault.ts';

export type StoreRequest = { readonly id: number } & (
  | { readonly kind: 'open' | 'close' }
  /** Keys and values in turn; an absent value deletes. */
  | { readonly kind: 'write'; readonly rows: Uint8Array<ArrayBuffer>; readonly sync: boolean }
  | { readonly kind: 'getMany'; readonly rows: Uint8Array<ArrayBuffer> }
  /** Rows: gte, lt. */
  | { readonly kind: 'range'; readonly rows: Uint8Array<ArrayBuffer>; readonly limit: number }
  | { readonly kind: 'deleteRange'; readonly rows: Uint8Array<ArrayBuffer>; readonly sync: boolean }
  | { readonly kind: 'call'; readonly request: unknown }
);

export type StoreAnswer =
  | { readonly id: number; readonly rows: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly fault: { code: StorageFaultCode; message: string } };

/** Stands before every user's key. */
export const USER_PREFIX = 1;
