// Reads protobuf's wire format from bytes of anybody. Whatever does not fit is a WireFault; groups are none of our dialect.
import { WireFault } from './fault.ts';

const VARINT_BYTES_MAX = 10;

export class Reader {
  readonly buf: Uint8Array;
  readonly len: number;
  pos = 0;

  constructor(bytes: Uint8Array) {
    // A Buffer's methods answer Buffers, which must not get into a core.
    const isPlain = bytes.constructor === Uint8Array;
    this.buf = isPlain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.len = bytes.length;
  }

  /** Bits above the 32nd are dropped, as everywhere in protobuf. */
  uint32(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new WireFault('an integer does not end');
  }

  /** Exact below 2^53, and no safe integer from there on. */
  number(): number {
    let value = 0;
    let unit = 1;
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 0x80;
    }
    throw new WireFault('an integer does not end');
  }

  uint64(): bigint {
    let low = 0;
    let middle = 0;
    let high = 0;
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (count < 4) low |= bits << (7 * count);
      else if (count < 8) middle |= bits << (7 * (count - 4));
      else high |= bits << (7 * (count - 8));
      if (byte < 0x80) {
        const value = BigInt(low) | (BigInt(middle) << 28n) | (BigInt(high) << 56n);
        return BigInt.asUintN(64, value);
      }
    }
    throw new WireFault('an integer does not end');
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  skip(length: number): void {
    if (this.pos + length > this.len) throw new WireFault('the end is missing');
    this.pos += length;
  }

  skipType(wireType: number): void {
    switch (wireType) {
      case 0:
        this.number();
        return;
      case 1:
        return this.skip(8);
      case 2:
        return this.skip(this.uint32());
      case 5:
        return this.skip(4);
      default:
        throw new WireFault('an unknown wire type');
    }
  }

  #byte(): number {
    if (this.pos >= this.len) throw new WireFault('the end is missing');
    return this.buf[this.pos++] as number;
  }
}
