import { joinBytes } from '@internode/prelude';

/** Bytes that a canister appends piece by piece. The owner checks limits before it appends. */
export class ByteBuffer {
  #pieces: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
    // Many tiny pieces cost more memory than their bytes.
    if (this.#pieces.length > 4_096) this.#pieces = [joinBytes(this.#pieces)];
  }

  bytes(): Uint8Array {
    return this.#pieces.length === 1 && this.#pieces[0] !== undefined
      ? this.#pieces[0]
      : joinBytes(this.#pieces);
  }
}
