import { fromKey, toKey, utf8 } from '@internode/prelude';

/** A label of the tree: its bytes, or text that stands for its UTF-8 bytes. */
export type Label = Uint8Array | string;

/**
 * Bytes as a string with one code unit (< 256) per byte: a 32-byte label takes 48 bytes of heap
 * where a Uint8Array takes 248, and `<` is the bytewise order.
 */
export type Binary = string & { readonly binary: true };

// biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range, controls included.
const ASCII = /^[\x00-\x7f]*$/;

export function toBinary(bytes: Uint8Array): Binary {
  return toKey(bytes) as Binary;
}

export function fromBinary(binary: Binary): Uint8Array {
  return fromKey(binary);
}

export function labelToBinary(label: Label): Binary {
  if (typeof label !== 'string') return toBinary(label);
  return ASCII.test(label) ? (label as Binary) : toBinary(utf8(label));
}

export function labelToBytes(label: Label): Uint8Array {
  return typeof label === 'string' ? utf8(label) : label;
}

/**
 * Every byte of a label is seen as nine bits: a presence bit (1), then the byte from its highest
 * bit; past the end all bits are 0. So a label sorts before every longer label that it begins,
 * and any two labels differ in some bit. Bits are numbered `16 · byte + (0 … 8)`.
 */
export function bitAt(label: Binary, bit: number): 0 | 1 {
  const index = bit >>> 4;
  if (index >= label.length) return 0;
  const place = bit & 15;
  if (place === 0) return 1;
  return ((label.charCodeAt(index) >>> (8 - place)) & 1) as 0 | 1;
}

/** Number of the first bit in which the labels differ; -1 when they are equal. */
export function firstDifference(left: Binary, right: Binary): number {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const difference = left.charCodeAt(i) ^ right.charCodeAt(i);
    if (difference !== 0) return (i << 4) | (Math.clz32(difference) - 23);
  }
  return left.length === right.length ? -1 : length << 4;
}
