import { assert } from '@internode/prelude';
import { type Binary, fromBinary, toBinary } from './binary.ts';
import type { Content } from './labelled-tree.ts';
import { DIGEST_BYTES, SEALED_BINARY_BYTES_MAX } from './limits.ts';
import { type Digest, digestFromBinary, digestFromBytes } from './sha256-words.ts';

/**
 * Content whose digest is known, kept as the row it was stored as and made into labels only when
 * somebody looks. A tree of many sealed entries is built without hashing what they hold.
 */
export class Sealed {
  readonly #row: Binary | Uint8Array;
  readonly #open: (row: Uint8Array) => Content;

  constructor(row: Binary | Uint8Array, open: (row: Uint8Array) => Content) {
    this.#row = row;
    this.#open = open;
  }

  /** Read from the row each time: only changes and proofs beside it ask, and kept it would be a third of what an entry takes. */
  get digest(): Digest {
    return typeof this.#row === 'string' ? digestFromBinary(this.#row) : digestFromBytes(this.#row);
  }

  get row(): Uint8Array {
    return typeof this.#row === 'string' ? fromBinary(this.#row) : this.#row;
  }

  content(): Content {
    return this.#open(this.row);
  }
}

/**
 * Seals what `open(row)` makes. The row begins with the `contentDigest` of that, 32 bytes, which is trusted. `open` answers at
 * least one leaf. The row is kept, not copied.
 */
export function sealed(row: Uint8Array, open: (row: Uint8Array) => Content): Sealed {
  assert(row.length >= DIGEST_BYTES, 'sealed: a row begins with a digest');
  return new Sealed(row.length <= SEALED_BINARY_BYTES_MAX ? toBinary(row) : row, open);
}
