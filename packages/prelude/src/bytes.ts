import { assert } from './assert.ts';

const encoder = new TextEncoder();

const HEX_OF_BYTE: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

/** Arrays up to this size live in V8's own heap, and cost a tenth of what the encoder makes. */
const SHORT_TEXT = 64;

/** UTF-8 bytes of `text`; lone surrogates become U+FFFD. */
export function utf8(text: string): Uint8Array {
  if (text.length > SHORT_TEXT) return encoder.encode(text);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return encoder.encode(text);
    bytes[i] = code;
  }
  return bytes;
}

/** Equality of content. Not constant time: not for comparing secrets. */
export function bytesEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

/** Lexicographic order by unsigned bytes, shorter first: negative, zero or positive. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

const HIGH_DIGIT = Uint8Array.from(HEX_OF_BYTE, (digits) => digits.charCodeAt(0));
const LOW_DIGIT = Uint8Array.from(HEX_OF_BYTE, (digits) => digits.charCodeAt(1));
const PIECE = 32;
const digits: number[] = new Array(2 * PIECE).fill(0);

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  // Ids, which most are, in one piece: a string put together byte by byte is half garbage, and hashed as a key only once flat.
  for (; at + PIECE <= bytes.length; at += PIECE) {
    for (let i = 0; i < PIECE; i++) {
      const byte = bytes[at + i] as number;
      digits[2 * i] = HIGH_DIGIT[byte] as number;
      digits[2 * i + 1] = LOW_DIGIT[byte] as number;
    }
    text += String.fromCharCode.apply(null, digits);
  }
  for (; at < bytes.length; at++) text += HEX_OF_BYTE[bytes[at] as number];
  return text;
}

const KEY_BYTES = 32;
const codes: number[] = new Array(KEY_BYTES).fill(0);

/**
 * Bytes as the key of a map: a text with one code unit (< 256) for each byte, whose `<` is the bytewise order. It takes half of what
 * hexadecimal takes, of memory and of time; not for people to read.
 */
export function toKey(bytes: Uint8Array): string {
  if (bytes.length !== KEY_BYTES) return inPieces(bytes);
  // Most are ids: for them the array stands ready.
  for (let i = 0; i < KEY_BYTES; i++) codes[i] = bytes[i] as number;
  return String.fromCharCode.apply(null, codes);
}

/** The bytes of a text that `toKey` made. */
export function fromKey(key: string): Uint8Array {
  const bytes = new Uint8Array(key.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = key.charCodeAt(i);
  return bytes;
}

/** So many arguments a function takes. */
const PIECES_MAX = 4096;

function inPieces(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(at + PIECES_MAX, bytes.length);
    const piece: number[] = [];
    for (; at < end; at++) piece.push(bytes[at] as number);
    text += String.fromCharCode.apply(null, piece);
  }
  return text;
}

/**
 * Bytes of trusted hexadecimal text, either case.
 * Throws `InvariantBroken` on anything else; check text from outside with `isHex` first.
 */
export function fromHex(text: string): Uint8Array {
  assert(isHex(text), 'fromHex: not an even number of hexadecimal digits');
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

export function isHex(text: string): boolean {
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text);
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return joinBytes(parts);
}

/** As `concatBytes`, for lists of any length. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  placeBytes(bytes, parts);
  return bytes;
}

/** The same into memory that is there, from `start` on. */
export function placeBytes(target: Uint8Array, parts: readonly Uint8Array[], start = 0): void {
  let at = start;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
}
