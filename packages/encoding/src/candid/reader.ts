import { readLeb128 } from '../leb128.ts';
import { malformed } from '../malformed.ts';
import { PRINCIPAL_BYTES_MAX } from '../principal.ts';

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the leaves of a Candid message; every read is checked against the end. */
export class CandidReader {
  readonly view: DataView;
  offset = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get remaining(): number {
    return this.#bytes.length - this.offset;
  }

  byte(): number {
    return this.#bytes[this.offset++] ?? malformed('candid: truncated');
  }

  /** A byte that may only be 0 or 1. */
  flag(): boolean {
    const byte = this.byte();
    if (byte > 1) malformed('candid: flag is neither 0 nor 1');
    return byte === 1;
  }

  /** Steps over `length` bytes and answers where they start. */
  take(length: number): number {
    if (length > this.remaining) malformed('candid: truncated');
    this.offset += length;
    return this.offset - length;
  }

  slice(length: number): Uint8Array {
    const start = this.take(length);
    return this.#bytes.slice(start, start + length);
  }

  nat(): bigint {
    return this.#leb128(false);
  }

  int(): bigint {
    return this.#leb128(true);
  }

  /** A count or index; anything above 32 bits is malformed. */
  size(): number {
    const value = this.#leb128(false);
    if (value > 0xffff_ffffn) malformed('candid: size out of range');
    return Number(value);
  }

  /** A type reference: an index into the table, or a negative opcode. */
  typeReference(): number {
    const value = this.#leb128(true);
    if (value > 0x7fff_ffffn || value < -0x7fff_ffffn) malformed('candid: type out of range');
    return Number(value);
  }

  text(): string {
    const length = this.size();
    const start = this.take(length);
    try {
      return textDecoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      return malformed('candid: invalid UTF-8');
    }
  }

  principal(): Uint8Array {
    if (!this.flag()) malformed('candid: opaque reference');
    const length = this.size();
    if (length > PRINCIPAL_BYTES_MAX) malformed('candid: principal too long');
    return this.slice(length);
  }

  #leb128(signed: boolean): bigint {
    const { value, end } = readLeb128(this.#bytes, this.offset, signed);
    this.offset = end;
    return value;
  }
}
