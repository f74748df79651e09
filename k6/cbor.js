// Just enough CBOR to say a request: maps, text, bytes, unsigned integers. k6 has no library for it.

/** With the self-describing tag in front. */
export function encode(value) {
  const parts = [Uint8Array.of(0xd9, 0xd9, 0xf7)];
  put(value, parts);
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

function asciiBytes(text) {
  return Uint8Array.from([...text].map((letter) => letter.charCodeAt(0)));
}
