// SHA-224 (FIPS 180-4), which k6 lacks: a principal is the SHA-224 of its public key. Computed once for each identity.

const K = primes(64).map((prime) => fraction(prime ** (1 / 3)));
/** FIPS 180-4 section 5.3.2: the second 32 bits of the fractional parts of the square roots of the 9th to 16th primes. */
const INITIAL = [
  0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4,
];

function primes(count) {
  const found = [];
  for (let n = 2; found.length < count; n++)
    if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

function fraction(value) {
  return Math.floor((value - Math.floor(value)) * 2 ** 32) | 0;
}

const rotate = (word, by) => (word >>> by) | (word << (32 - by));

/** Of bytes: 28 bytes. */
export function sha224(message) {
  const state = INITIAL.map((word) => word | 0);
  const blocks = padded(message);
  const words = new Int32Array(64);
  for (let at = 0; at < blocks.length; at += 64) {
    const view = new DataView(blocks.buffer, at, 64);
    for (let i = 0; i < 16; i++) words[i] = view.getInt32(4 * i);
    for (let i = 16; i < 64; i++) words[i] = mixed(words, i);
    round(state, words);
  }
  const digest = new DataView(new ArrayBuffer(28));
  for (let i = 0; i < 7; i++) digest.setInt32(4 * i, state[i]);
  return new Uint8Array(digest.buffer);
}

function padded(message) {
  const bytes = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  bytes.set(message);
  bytes[message.length] = 0x80;
  new DataView(bytes.buffer).setUint32(bytes.length - 4, message.length * 8);
  return bytes;
}

function mixed(words, i) {
  const before = words[i - 15];
  const last = words[i - 2];
  const small = rotate(before, 7) ^ rotate(before, 18) ^ (before >>> 3);
  const large = rotate(last, 17) ^ rotate(last, 19) ^ (last >>> 10);
  return (words[i - 16] + small + words[i - 7] + large) | 0;
}

function round(state, words) {
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const large = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = (h + large + ((e & f) ^ (~e & g)) + K[i] + words[i]) | 0;
    const small = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const second = (small + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = (state[i] + word) | 0;
  });
}
