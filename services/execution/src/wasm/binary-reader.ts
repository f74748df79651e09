/**
 * Reads a Wasm binary. Every method checks its bounds and throws `Malformed`, which never leaves
 * `parseModule`.
 */

export class Malformed extends Error {}

/** Ends the parse with a text for the user. */
export function malformed(text: string): never {
  throw new Malformed(text);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class BinaryReader {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  byte(): number {
    if (this.position >= this.end) malformed('unexpected end');
    return this.bytes[this.position++] as number;
  }

  skip(count: number): void {
    if (count > this.end - this.position) malformed('unexpected end');
    this.position += count;
  }

  /** Unsigned LEB128 of at most 32 bits. */
  u32(): number {
    let result = 0;
    let shift = 0;
    for (;;) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f) malformed('integer too large');
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
      shift += 7;
    }
  }

  /** Unsigned LEB128 of at most 64 bits; values of 2^53 and above come out rounded. */
  u64(): number {
    let result = 0;
    let shift = 0;
    for (;;) {
      const byte = this.byte();
      if (shift === 63 && byte > 1) malformed('integer too large');
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
      shift += 7;
    }
  }

  /** Signed LEB128 of at most `bits` bits. */
  signed(bits: 32 | 33 | 64): bigint {
    let result = 0n;
    let shift = 0;
    for (;;) {
      const byte = this.byte();
      result |= BigInt(byte & 0x7f) << BigInt(shift);
      shift += 7;
      if (byte >= 0x80) {
        if (shift >= bits) malformed('integer too long');
        continue;
      }
      if (byte & 0x40) result -= 1n << BigInt(shift);
      if (BigInt.asIntN(bits, result) !== result) malformed('integer too large');
      return result;
    }
  }

  /** Steps over a signed LEB128 without its value. */
  skipSigned(bytesMax: number): void {
    for (let count = 1; this.byte() >= 0x80; count++) {
      if (count >= bytesMax) malformed('integer too long');
    }
  }

  /** A vector's length: each element takes a byte at least, so that a huge count fails at once. */
  count(max: number, what: string): number {
    const count = this.u32();
    if (count > max) malformed(`too many ${what}: ${count}, the limit is ${max}`);
    if (count > this.end - this.position) malformed(`unexpected end in ${what}`);
    return count;
  }

  name(bytesMax: number): string {
    const length = this.u32();
    if (length > bytesMax) malformed(`a name of ${length} bytes exceeds ${bytesMax}`);
    const start = this.position;
    this.skip(length);
    try {
      return utf8.decode(this.bytes.subarray(start, start + length));
    } catch {
      return malformed('a name is not valid UTF-8');
    }
  }
}
