/** One change of a batch; `value` undefined deletes. */
export interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys from `gte` up to but without `lt`, in byte order. */
export interface Range {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

/**
 * Ordered keys and values with atomic batches. Operations are performed in the order they are asked for. All reject
 * with a `StorageFault`; after `corrupt` or `broken` the store refuses everything. A write that met `full` may be in
 * the store or not, as after a crash, and can be tried again. Values that come back are the
 * caller's own; what is given must not be changed until the promise settles.
 */
export interface Store {
  /** All or nothing, also across a crash. With `sync` the batch and all before it survive a power cut. */
  write(batch: readonly Change[], options: { readonly sync: boolean }): Promise<void>;
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** In the order of `keys`. */
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;
  /** The first `limit` entries of the range. */
  range(range: Range & { readonly limit: number }): Promise<Entry[]>;
  deleteRange(range: Range, options: { readonly sync: boolean }): Promise<void>;
  /** Waits for what was asked for. */
  close(): Promise<void>;
}
