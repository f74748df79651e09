/** Growable bytes with the encodings of the Wasm binary format. */
export class ByteWriter {
  #bytes: Uint8Array;
  length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
  }

  reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }

  byte(value: number): void {
    if (this.length === this.#bytes.length) this.reserve(1);
    this.#bytes[this.length++] = value;
  }

  /** One to six bytes. */
  raw(...values: readonly number[]): void {
    for (const value of values) this.byte(value);
  }

  append(source: Uint8Array, start = 0, end = source.length): void {
    this.reserve(end - start);
    // A loop beats `set` for the short runs between edits.
    if (end - start < 48) {
      for (let index = start; index < end; index++) {
        this.#bytes[this.length++] = source[index] as number;
      }
      return;
    }
    this.#bytes.set(source.subarray(start, end), this.length);
    this.length += end - start;
  }

  /** Unsigned LEB128; exact to 2^53. */
  unsigned(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** Signed LEB128; exact to 2^53. */
  signed(value: number): void {
    let rest = value;
    for (;;) {
      const low = ((rest % 0x80) + 0x80) % 0x80;
      rest = (rest - low) / 0x80;
      if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) return this.byte(low);
      this.byte(low | 0x80);
    }
  }

  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    this.append(bytes);
  }

  /** A section or function body: its length, then its bytes. */
  sized(content: ByteWriter): void {
    this.unsigned(content.length);
    this.appendWriter(content);
  }

  appendWriter(content: ByteWriter): void {
    this.append(content.#bytes, 0, content.length);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}
