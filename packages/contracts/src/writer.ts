// Writes protobuf's wire format straight into one growing buffer. Only what our dialect needs (proto/README.md).

const BYTES_FIRST = 64 * 1024;
/** A larger buffer is given back after the message that needed it. */
const BYTES_KEPT_MAX = 1024 * 1024;
/** A length is written into one byte first; longer ones push what they count along. */
const LENGTH_BYTES_MAX = 5;

const encoder = new TextEncoder();

export class Writer {
  #bytes = new Uint8Array(BYTES_FIRST);
  #end = 0;
  readonly #forks: number[] = [];

  /** Forgets what was written. */
  begin(): this {
    this.#end = 0;
    this.#forks.length = 0;
    return this;
  }

  uint32(value: number): this {
    this.#reserve(LENGTH_BYTES_MAX);
    this.#varint(value >>> 0);
    return this;
  }

  /** An integer from 0 to 2^53 - 1. */
  safeInteger(value: number): this {
    this.#reserve(10);
    let rest = value;
    for (; rest > 0xffff_ffff; rest = Math.floor(rest / 0x80))
      this.#bytes[this.#end++] = (rest % 0x80) | 0x80;
    this.#varint(rest);
    return this;
  }

  /** The lowest 64 bits. */
  uint64(value: bigint): this {
    this.#reserve(10);
    let low = Number(value & 0xffff_ffffn);
    let high = Number((value >> 32n) & 0xffff_ffffn);
    while (high > 0) {
      this.#bytes[this.#end++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#varint(low);
    return this;
  }

  bool(value: boolean): this {
    this.#reserve(1);
    this.#bytes[this.#end++] = value ? 1 : 0;
    return this;
  }

  bytes(value: Uint8Array): this {
    const { length } = value;
    this.#reserve(LENGTH_BYTES_MAX + length);
    this.#varint(length);
    this.#bytes.set(value, this.#end);
    this.#end += length;
    return this;
  }

  /** Lone surrogates become U+FFFD. */
  string(value: string): this {
    const { length } = value;
    this.#reserve(LENGTH_BYTES_MAX + length);
    const start = this.#end;
    this.#varint(length);
    const bytes = this.#bytes;
    let end = this.#end;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) {
        this.#end = start;
        return this.bytes(encoder.encode(value));
      }
      bytes[end++] = code;
    }
    this.#end = end;
    return this;
  }

  /** Begins a part that `ldelim` puts its length before. */
  fork(): this {
    this.#reserve(1);
    this.#end += 1;
    this.#forks.push(this.#end);
    return this;
  }

  ldelim(): this {
    const start = this.#forks.pop() ?? 0;
    const length = this.#end - start;
    const extra = varintBytes(length) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(start + extra, start, this.#end);
    }
    this.#end = start - 1;
    this.#varint(length);
    this.#end += length;
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    const written = this.#bytes.slice(0, this.#end);
    if (this.#bytes.length > BYTES_KEPT_MAX) this.#bytes = new Uint8Array(BYTES_FIRST);
    return written;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#end++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#end++] = rest;
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
