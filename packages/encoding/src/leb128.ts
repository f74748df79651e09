import type { Verdict } from '@internode/prelude';
import { assert } from '@internode/prelude';
import { ByteWriter } from './byte-writer.ts';
import { judge, malformed } from './malformed.ts';

/** A decoded number and the offset of the first byte after it. */
export type Leb128 = { readonly value: bigint; readonly end: number };

const scratch = new Uint8Array(10);

/** 10 000 bits is far above any honest number and keeps bigint work small. */
const LEB128_BYTES_MAX = 1430;

/** Shortest unsigned LEB128. */
export function encodeUnsignedLeb128(value: bigint | number): Uint8Array {
  assert(value >= 0, 'encodeUnsignedLeb128: negative');
  if (value <= 0xffff_ffff_ffff_ffffn) return shortUnsigned(BigInt(value));
  const writer = new ByteWriter();
  writer.unsignedLeb128(value);
  return writer.finish();
}

/** Without a writer: nat64, which times, heights and fields of requests are. */
function shortUnsigned(value: bigint): Uint8Array {
  let low = Number(value & 0xffff_ffffn);
  let high = Number(value >> 32n);
  let size = 0;
  while (high > 0 || low >= 0x80) {
    scratch[size++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  scratch[size++] = low;
  return scratch.slice(0, size);
}

/** Shortest signed LEB128. */
export function encodeSignedLeb128(value: bigint | number): Uint8Array {
  const writer = new ByteWriter();
  writer.signedLeb128(BigInt(value));
  return writer.finish();
}

/** Accepts overlong forms, as the Candid specification does. */
export function decodeUnsignedLeb128(bytes: Uint8Array, offset = 0): Verdict<Leb128> {
  return judge(() => readLeb128(bytes, offset, false));
}

/** Accepts overlong forms, as the Candid specification does. */
export function decodeSignedLeb128(bytes: Uint8Array, offset = 0): Verdict<Leb128> {
  return judge(() => readLeb128(bytes, offset, true));
}

export function readLeb128(bytes: Uint8Array, offset: number, signed: boolean): Leb128 {
  let end = offset;
  // Four groups of seven bits fit a small integer; only longer numbers pay for bigint.
  let low = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[end++] ?? malformed('leb128: truncated');
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (signed && byte & 0x40) low -= 2 ** (shift + 7);
      return { value: BigInt(low), end };
    }
  }
  return readLong(bytes, offset, { low, end, signed });
}

function readLong(
  bytes: Uint8Array,
  offset: number,
  start: { low: number; end: number; signed: boolean },
): Leb128 {
  let value = BigInt(start.low);
  let end = start.end;
  let shift = 28n;
  for (;;) {
    if (end - offset >= LEB128_BYTES_MAX) malformed('leb128: too long');
    const byte = bytes[end++] ?? malformed('leb128: truncated');
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    if (start.signed && byte & 0x40) value -= 1n << shift;
    return { value, end };
  }
}
