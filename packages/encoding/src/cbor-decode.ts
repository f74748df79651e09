// Strict, bounded CBOR (RFC 8949) for bytes from outside (interface spec, "CBOR rules").
// Own codec rather than a library: none at hand refuses trailing bytes, duplicate keys, invalid
// UTF-8, floats and deep nesting together, and this one is also faster (see bench/).

import type { Verdict } from '@internode/prelude';
import type { CborMap, CborValue } from './cbor-value.ts';
import { judge, malformed } from './malformed.ts';

export type CborLimits = {
  /** Arrays, maps and tags inside one another. */
  readonly depthMax?: number;
  /** Values and keys together; bounds memory, since one byte may cost a hundred once decoded. */
  readonly itemsMax?: number;
  /** COSE keys have integers for keys of maps; they are then named in decimal: `'-1'`. */
  readonly keys?: 'text' | 'integer';
};

const CBOR_DEPTH_MAX = 64;
const CBOR_ITEMS_MAX = 65_536;

const BIGNUM_BYTES_MAX = 64;
const BREAK = 0xff;
const INDEFINITE = -1;

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const SHORT_TEXT_MAX = 24;

/** Short texts as they came last, by length and outer letters: nearly all are names of fields, and a known one needs no new string. */
const lately: string[] = new Array(256).fill('');

/** Undefined when it is not ASCII. */
function shortText(bytes: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start;
  if (length === 0) return '';
  const place = (31 * length + 7 * (bytes[start] as number) + (bytes[end - 1] as number)) & 0xff;
  const known = lately[place] as string;
  let same = known.length === length ? 0 : -1;
  while (same >= 0 && same < length)
    same = known.charCodeAt(same) === bytes[start + same] ? same + 1 : -1;
  if (same === length) return known;
  const codes: number[] = [];
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80) return undefined;
    codes.push(byte);
  }
  const text = String.fromCharCode.apply(null, codes);
  lately[place] = text;
  return text;
}

/**
 * Decodes one value, tagged 55799 or not, that must take all of `bytes`.
 * Refuses duplicate keys, keys that are not text, floats, `undefined`, tags other than bignums,
 * indefinite strings, invalid UTF-8, and whatever exceeds the limits.
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = {}): Verdict<CborValue> {
  return judge(() => new CborReader(bytes, limits).document());
}

/** As `decodeCbor`, for documents that must be maps: envelopes, certificates, delegations. */
export function decodeCborMap(bytes: Uint8Array, limits: CborLimits = {}): Verdict<CborMap> {
  return judge(() => {
    const value = new CborReader(bytes, limits).document();
    if (typeof value !== 'object' || value === null) malformed('cbor: not a map');
    if (Array.isArray(value) || value instanceof Uint8Array) malformed('cbor: not a map');
    return value as CborMap;
  });
}

class CborReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #depthMax: number;
  readonly #integerKeys: boolean;
  #itemsLeft: number;
  #offset = 0;

  constructor(bytes: Uint8Array, limits: CborLimits) {
    // A plain view, so that slices of a Node Buffer are copies and not Buffers.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#depthMax = limits.depthMax ?? CBOR_DEPTH_MAX;
    this.#itemsLeft = limits.itemsMax ?? CBOR_ITEMS_MAX;
    this.#integerKeys = limits.keys === 'integer';
  }

  document(): CborValue {
    const bytes = this.#bytes;
    if (bytes[0] === 0xd9 && bytes[1] === 0xd9 && bytes[2] === 0xf7) this.#offset = 3;
    const value = this.#value(0);
    if (this.#offset !== bytes.length) malformed('cbor: trailing bytes');
    return value;
  }

  #value(depth: number): CborValue {
    if (depth > this.#depthMax) malformed('cbor: too deep');
    this.#countItem();
    const initial = this.#byte();
    const low = initial & 31;
    switch (initial >>> 5) {
      case 0:
        return this.#integer(low);
      case 1:
        return -1n - this.#integer(low);
      case 2:
        return this.#blob(this.#length(low));
      case 3:
        return this.#text(this.#length(low));
      case 4:
        return this.#array(this.#count(low, 1), depth);
      case 5:
        return this.#map(this.#count(low, 2), depth);
      case 6:
        return this.#bignum(low);
      default:
        return this.#simple(initial);
    }
  }

  #array(size: number, depth: number): CborValue[] {
    const items: CborValue[] = [];
    while (size === INDEFINITE ? !this.#takeBreak() : items.length < size) {
      items.push(this.#value(depth + 1));
    }
    return items;
  }

  #map(size: number, depth: number): CborMap {
    const map = Object.create(null) as { [key: string]: CborValue };
    for (let fields = 0; size === INDEFINITE ? !this.#takeBreak() : fields < size; fields++) {
      const key = this.#key();
      if (map[key] !== undefined) malformed('cbor: duplicate key');
      map[key] = this.#value(depth + 1);
    }
    return map;
  }

  #key(): string {
    this.#countItem();
    const initial = this.#byte();
    const major = initial >>> 5;
    if (!this.#integerKeys) {
      if (major !== 3) malformed('cbor: key is not text');
      return this.#text(this.#length(initial & 31));
    }
    if (major > 1) malformed('cbor: key is not an integer');
    const argument = this.#integer(initial & 31);
    return String(major === 0 ? argument : -1n - argument);
  }

  #bignum(low: number): bigint {
    if (low !== 2 && low !== 3) malformed('cbor: unexpected tag');
    const initial = this.#byte();
    if (initial >>> 5 !== 2) malformed('cbor: bignum is not a byte string');
    const length = this.#length(initial & 31);
    if (length > BIGNUM_BYTES_MAX) malformed('cbor: bignum too long');
    let magnitude = 0n;
    for (const byte of this.#blob(length)) magnitude = (magnitude << 8n) | BigInt(byte);
    return low === 2 ? magnitude : -1n - magnitude;
  }

  #simple(initial: number): null | boolean {
    if (initial === 0xf4) return false;
    if (initial === 0xf5) return true;
    if (initial === 0xf6) return null;
    return malformed('cbor: float, undefined or other simple value');
  }

  #integer(low: number): bigint {
    if (low === 27) {
      if (this.#offset + 8 > this.#bytes.length) malformed('cbor: truncated');
      this.#offset += 8;
      return this.#view.getBigUint64(this.#offset - 8);
    }
    return BigInt(this.#small(low));
  }

  #blob(length: number): Uint8Array {
    this.#offset += length;
    return this.#bytes.slice(this.#offset - length, this.#offset);
  }

  #text(length: number): string {
    const start = this.#offset;
    const end = start + length;
    this.#offset = end;
    if (length <= SHORT_TEXT_MAX) {
      const text = shortText(this.#bytes, start, end);
      if (text !== undefined) return text;
    }
    try {
      return textDecoder.decode(this.#bytes.subarray(start, end));
    } catch {
      return malformed('cbor: invalid UTF-8');
    }
  }

  /** The byte length of a string, known to be there. */
  #length(low: number): number {
    const length = low === 27 ? Number(this.#integer(low)) : this.#small(low);
    if (length > this.#bytes.length - this.#offset) malformed('cbor: truncated');
    return length;
  }

  /** The size of an array or map, of which each entry takes `bytesMin` bytes at least. */
  #count(low: number, bytesMin: number): number {
    if (low === 31) return INDEFINITE;
    const size = low === 27 ? Number(this.#integer(low)) : this.#small(low);
    if (size * bytesMin > this.#bytes.length - this.#offset) malformed('cbor: truncated');
    return size;
  }

  /** The argument of an initial byte when it takes four bytes at most. */
  #small(low: number): number {
    if (low < 24) return low;
    if (low > 26) malformed('cbor: bad additional information');
    const width = 1 << (low - 24);
    if (this.#offset + width > this.#bytes.length) malformed('cbor: truncated');
    const start = this.#offset;
    this.#offset += width;
    if (width === 1) return this.#bytes[start] as number;
    return width === 2 ? this.#view.getUint16(start) : this.#view.getUint32(start);
  }

  #byte(): number {
    return this.#bytes[this.#offset++] ?? malformed('cbor: truncated');
  }

  #takeBreak(): boolean {
    if (this.#bytes[this.#offset] !== BREAK) return false;
    this.#offset += 1;
    return true;
  }

  #countItem(): void {
    if (this.#itemsLeft-- <= 0) malformed('cbor: too many items');
  }
}
