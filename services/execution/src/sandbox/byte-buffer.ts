/** Bytes that a canister appends piece by piece. The owner checks limits before it appends. */
export class ByteBuffer {
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes over `piece`: it must not change afterwards. */
  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (this.#length === 0) this.#bytes = piece;
    else if (length > this.#bytes.length) this.#grow(Math.max(length, 2 * this.#bytes.length));
    // Set into the room that doubling left, so that many tiny pieces cost as much as one.
    if (this.#length > 0) this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  bytes(): Uint8Array {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#length);
  }

  #grow(capacity: number): void {
    const larger = new Uint8Array(capacity);
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
