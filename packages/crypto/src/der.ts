// The little of DER (X.690) that keys and signatures use, strictly: definite and shortest lengths,
// one-byte tags, nothing after the end.

import type { Verdict } from '@internode/prelude';
import { bytesEqual, invalid, valid } from '@internode/prelude';

const DER_INTEGER = 0x02;
const DER_BIT_STRING = 0x03;
const DER_SEQUENCE = 0x30;

/** An element's content and what follows the element; undefined when malformed. */
type Element = { readonly content: Uint8Array; readonly rest: Uint8Array };

function readElement(bytes: Uint8Array, tag: number): Element | undefined {
  if (bytes[0] !== tag) return undefined;
  let length = bytes[1] ?? 0x80;
  let start = 2;
  if (length >= 0x80) {
    const width = length & 0x7f;
    if (width < 1 || width > 2 || bytes.length < 2 + width) return undefined;
    length = 0;
    for (; start < 2 + width; start++) length = length * 256 + (bytes[start] as number);
    // The shortest form is the only one.
    if (length < (width === 1 ? 0x80 : 0x100)) return undefined;
  }
  const end = start + length;
  if (end > bytes.length) return undefined;
  return { content: bytes.subarray(start, end), rest: bytes.subarray(end) };
}

/** An element with nothing after it. */
function readOnly(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  const element = readElement(bytes, tag);
  return element !== undefined && element.rest.length === 0 ? element.content : undefined;
}

/**
 * The bits of a SubjectPublicKeyInfo whose algorithm identifier has exactly these bytes;
 * undefined for other algorithms and for malformed keys.
 */
export function readSpki(der: Uint8Array, algorithm: Uint8Array): Uint8Array | undefined {
  const body = readOnly(der, DER_SEQUENCE);
  if (body === undefined) return undefined;
  if (!bytesEqual(body.subarray(0, algorithm.length), algorithm)) return undefined;
  const bits = readOnly(body.subarray(algorithm.length), DER_BIT_STRING);
  if (bits === undefined || bits[0] !== 0) return undefined;
  return bits.subarray(1);
}

/** `SEQUENCE { INTEGER r, INTEGER s }` as `r‖s`, 32 bytes each. */
export function ecdsaSignatureFromDer(der: Uint8Array): Verdict<Uint8Array> {
  const refused = invalid('signature: DER of an ECDSA signature');
  const body = readOnly(der, DER_SEQUENCE);
  const r = body && readElement(body, DER_INTEGER);
  const s = r && readOnly(r.rest, DER_INTEGER);
  if (r === undefined || s === undefined) return refused;
  const signature = new Uint8Array(64);
  for (const [integer, end] of [[r.content, 32] as const, [s, 64] as const]) {
    const magnitude = positive(integer);
    if (magnitude === undefined || magnitude.length > 32) return refused;
    signature.set(magnitude, end - magnitude.length);
  }
  return valid(signature);
}

/** The bytes of a non-negative integer in shortest form, without its sign byte. */
function positive(integer: Uint8Array): Uint8Array | undefined {
  const [first, second] = integer;
  if (first === undefined || first >= 0x80) return undefined;
  if (first !== 0 || integer.length === 1) return integer;
  return second !== undefined && second >= 0x80 ? integer.subarray(1) : undefined;
}
