import { type Binary, fromBinary, toBinary } from './binary.ts';
import type { Content } from './labelled-tree.ts';
import { SEALED_BINARY_BYTES_MAX } from './limits.ts';
import { type Digest, digestFromBytes } from './sha256-words.ts';

/**
 * Content whose digest is known, kept as the row it was stored as and made into labels only when
 * somebody looks. A tree of many sealed entries is built without hashing what they hold.
 */
export class Sealed {
  readonly digest: Digest;
  readonly #row: Binary | Uint8Array;
  readonly #open: (row: Uint8Array) => Content;

  constructor(digest: Digest, row: Binary | Uint8Array, open: (row: Uint8Array) => Content) {
    this.digest = digest;
    this.#row = row;
    this.#open = open;
  }

  get row(): Uint8Array {
    return typeof this.#row === 'string' ? fromBinary(this.#row) : this.#row;
  }

  content(): Content {
    return this.#open(this.row);
  }
}

/**
 * Seals what `open(row)` makes; `digest` is its `contentDigest`, 32 bytes, and is trusted. `open` answers at least one
 * leaf. The row is kept, not copied.
 */
export function sealed(
  digest: Uint8Array,
  row: Uint8Array,
  open: (row: Uint8Array) => Content,
): Sealed {
  const kept = row.length <= SEALED_BINARY_BYTES_MAX ? toBinary(row) : row;
  return new Sealed(digestFromBytes(digest), kept, open);
}
