import { assert } from '@internode/prelude';

/** Deepest nesting of a hash tree read from outside: forks and labels together. */
export const TREE_DEPTH_MAX = 512;

/** Bytes of an encoded hash tree or certificate read from outside. */
export const TREE_BYTES_MAX = 4 * 1024 * 1024;

/** Items of CBOR in a hash tree read from outside: some six for each label. */
export const TREE_ITEMS_MAX = 250_000;

/** Canister ranges of one subnet read from outside. */
export const CANISTER_RANGES_MAX = 100_000;

/** Leaves up to this size are held as compact strings, and their hashes are not kept. */
export const SMALL_LEAF_BYTES_MAX = 64;

/** A SHA-256. */
export const DIGEST_BYTES = 32;

/** Sealed rows up to this size are held as compact strings. */
export const SEALED_BINARY_BYTES_MAX = 1024;

/** Messages from this size on are hashed by the engine of the crypto door. */
export const ENGINE_BYTES_MIN = 1024;

assert(SMALL_LEAF_BYTES_MAX < ENGINE_BYTES_MIN, 'small leaves never go to the engine');
