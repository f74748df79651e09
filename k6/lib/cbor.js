// Just enough CBOR to say a request and to read an answer: k6 has no library for it.

/** Maps, arrays, text in ASCII, bytes and unsigned integers (bigint), with the self-describing tag in front. */
export function encode(value) {
  const parts = [Uint8Array.of(0xd9, 0xd9, 0xf7)];
  put(value, parts);
  return joined(parts);
}

export function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function put(value, parts) {
  if (typeof value === 'bigint') return parts.push(head(0, value));
  if (value instanceof Uint8Array) return parts.push(head(2, BigInt(value.length)), value);
  if (typeof value === 'string') {
    const bytes = asciiBytes(value);
    return parts.push(head(3, BigInt(bytes.length)), bytes);
  }
  if (Array.isArray(value)) {
    parts.push(head(4, BigInt(value.length)));
    for (const each of value) put(each, parts);
    return;
  }
  const entries = Object.entries(value);
  parts.push(head(5, BigInt(entries.length)));
  for (const [key, below] of entries) {
    put(key, parts);
    put(below, parts);
  }
}

const SIZES = [
  [24, 0x100n, 1],
  [25, 0x10000n, 2],
  [26, 0x100000000n, 4],
  [27, 0x10000000000000000n, 8],
];

/** Major type and number, in the shortest form. */
function head(major, number) {
  if (number < 24n) return Uint8Array.of((major << 5) | Number(number));
  const [low, , size] = SIZES.find(([, end]) => number < end);
  const bytes = [(major << 5) | low];
  for (let shift = size - 1; shift >= 0; shift--)
    bytes.push(Number((number >> BigInt(8 * shift)) & 0xffn));
  return Uint8Array.from(bytes);
}

export function asciiBytes(text) {
  return Uint8Array.from([...text].map((letter) => letter.charCodeAt(0)));
}

/** What a replica says: of definite length, numbers up to 2^53, text in ASCII. Throws on anything else. */
export function decode(bytes) {
  const reader = { bytes, at: 0 };
  const value = take(reader);
  if (reader.at !== bytes.length) throw new Error('CBOR: something follows');
  return value;
}

function take(reader) {
  const first = byte(reader);
  const major = first >> 5;
  const number = count(reader, first & 31);
  switch (major) {
    case 0:
      return number;
    case 1:
      return -1 - number;
    case 2:
      return slice(reader, number);
    case 3:
      return String.fromCharCode(...slice(reader, number));
    case 4:
      return Array.from({ length: number }, () => take(reader));
    case 5:
      return Object.fromEntries(Array.from({ length: number }, () => [take(reader), take(reader)]));
    case 6:
      return take(reader);
    default:
      return { 20: false, 21: true, 22: null }[first & 31];
  }
}

function count(reader, low) {
  if (low < 24) return low;
  if (low > 27) throw new Error('CBOR: of indefinite length');
  let number = 0;
  for (let left = 2 ** (low - 24); left > 0; left--) number = number * 256 + byte(reader);
  return number;
}

function byte(reader) {
  if (reader.at >= reader.bytes.length) throw new Error('CBOR: it ends too early');
  return reader.bytes[reader.at++];
}

function slice(reader, length) {
  const end = reader.at + length;
  if (end > reader.bytes.length) throw new Error('CBOR: it ends too early');
  const part = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return part;
}
