/**
 * SHA-256 (FIPS 180-4) on 32-bit words, for the many short messages of a hash tree: a fork is
 * hashed from the words of its children's digests without going through bytes. The general
 * purpose hash of the crypto door allocates per call and is several times slower here.
 */

/** A digest as eight words: 88 bytes of heap where a Uint8Array takes 248. */
export class Digest {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
  readonly g: number;
  readonly h: number;

  /** Takes over the words of the running state. */
  constructor(words: Int32Array) {
    this.a = words[0] as number;
    this.b = words[1] as number;
    this.c = words[2] as number;
    this.d = words[3] as number;
    this.e = words[4] as number;
    this.f = words[5] as number;
    this.g = words[6] as number;
    this.h = words[7] as number;
  }
}

const PRIMES = firstPrimes(64);
const ROUND_CONSTANTS = Int32Array.from(PRIMES, (prime) => fractionBits(Math.cbrt(prime)));
const INITIAL_STATE = Int32Array.from(PRIMES.slice(0, 8), (prime) =>
  fractionBits(Math.sqrt(prime)),
);

const schedule = new Int32Array(64);
const state = new Int32Array(8);
const buffer = new Uint8Array(64);
let buffered = 0;
let total = 0;

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  }
  return primes;
}

function fractionBits(value: number): number {
  return ((value - Math.floor(value)) * 0x1_0000_0000) | 0;
}

function compress(): void {
  const w = schedule;
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number;
    const y = w[i - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
  }
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = g ^ (e & (f ^ g));
    const t1 = (h + s1 + choice + (ROUND_CONSTANTS[i] as number) + (w[i] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) | (c & (a | b));
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + s0 + majority) | 0;
  }
  state[0] = ((state[0] as number) + a) | 0;
  state[1] = ((state[1] as number) + b) | 0;
  state[2] = ((state[2] as number) + c) | 0;
  state[3] = ((state[3] as number) + d) | 0;
  state[4] = ((state[4] as number) + e) | 0;
  state[5] = ((state[5] as number) + f) | 0;
  state[6] = ((state[6] as number) + g) | 0;
  state[7] = ((state[7] as number) + h) | 0;
}

function compressBuffer(): void {
  for (let i = 0, at = 0; i < 16; i++, at += 4) {
    schedule[i] =
      ((buffer[at] as number) << 24) |
      ((buffer[at + 1] as number) << 16) |
      ((buffer[at + 2] as number) << 8) |
      (buffer[at + 3] as number);
  }
  compress();
  buffered = 0;
}

function pushByte(byte: number): void {
  buffer[buffered++] = byte;
  if (buffered === 64) compressBuffer();
}

function pushWord(word: number): void {
  pushByte(word >>> 24);
  pushByte(word >>> 16);
  pushByte(word >>> 8);
  pushByte(word);
}

/** Starts a message. One message at a time: the state belongs to the module. */
export function begin(): void {
  state.set(INITIAL_STATE);
  buffered = 0;
  total = 0;
}

export function pushBytes(bytes: Uint8Array): void {
  total += bytes.length;
  for (let i = 0; i < bytes.length; i++) pushByte(bytes[i] as number);
}

/** Adds the bytes of a binary string: one byte per code unit, all below 256. */
export function pushBinary(text: string): void {
  total += text.length;
  for (let i = 0; i < text.length; i++) pushByte(text.charCodeAt(i));
}

export function pushDigest(digest: Digest): void {
  total += 32;
  pushWord(digest.a);
  pushWord(digest.b);
  pushWord(digest.c);
  pushWord(digest.d);
  pushWord(digest.e);
  pushWord(digest.f);
  pushWord(digest.g);
  pushWord(digest.h);
}

export function finish(): Digest {
  const bits = total * 8;
  pushByte(0x80);
  while (buffered !== 56) pushByte(0);
  pushWord(Math.floor(bits / 0x1_0000_0000));
  pushWord(bits | 0);
  return new Digest(state);
}

/** 0x10 · "ic-hashtree-fork" is four words and the letter k: all that follows is off by a byte. */
const FORK_PREFIX = [0x10_69_63_2d, 0x68_61_73_68, 0x74_72_65_65, 0x2d_66_6f_72] as const;
const FORK_LAST_LETTER = 0x6b << 24;
const FORK_MESSAGE_BITS = (17 + 64) * 8;

/** Hash of a fork from the digests of its two sides, interface spec "Certification: hash tree". */
export function forkDigest(left: Digest, right: Digest): Digest {
  const w = schedule;
  state.set(INITIAL_STATE);
  w[0] = FORK_PREFIX[0];
  w[1] = FORK_PREFIX[1];
  w[2] = FORK_PREFIX[2];
  w[3] = FORK_PREFIX[3];
  w[4] = FORK_LAST_LETTER | (left.a >>> 8);
  w[5] = (left.a << 24) | (left.b >>> 8);
  w[6] = (left.b << 24) | (left.c >>> 8);
  w[7] = (left.c << 24) | (left.d >>> 8);
  w[8] = (left.d << 24) | (left.e >>> 8);
  w[9] = (left.e << 24) | (left.f >>> 8);
  w[10] = (left.f << 24) | (left.g >>> 8);
  w[11] = (left.g << 24) | (left.h >>> 8);
  w[12] = (left.h << 24) | (right.a >>> 8);
  w[13] = (right.a << 24) | (right.b >>> 8);
  w[14] = (right.b << 24) | (right.c >>> 8);
  w[15] = (right.c << 24) | (right.d >>> 8);
  compress();
  w[0] = (right.d << 24) | (right.e >>> 8);
  w[1] = (right.e << 24) | (right.f >>> 8);
  w[2] = (right.f << 24) | (right.g >>> 8);
  w[3] = (right.g << 24) | (right.h >>> 8);
  w[4] = (right.h << 24) | 0x80_00_00;
  w.fill(0, 5, 15);
  w[15] = FORK_MESSAGE_BITS;
  compress();
  return new Digest(state);
}

const words = new Int32Array(8);

/** Digest from the first 32 bytes of a binary string. */
export function digestFromBinary(text: string): Digest {
  for (let i = 0, at = 0; i < 8; i++, at += 4) {
    words[i] =
      (text.charCodeAt(at) << 24) |
      (text.charCodeAt(at + 1) << 16) |
      (text.charCodeAt(at + 2) << 8) |
      text.charCodeAt(at + 3);
  }
  return new Digest(words);
}

/** Digest from the first 32 bytes. */
export function digestFromBytes(bytes: Uint8Array): Digest {
  for (let i = 0, at = 0; i < 8; i++, at += 4) {
    words[i] =
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number);
  }
  return new Digest(words);
}

/** The 32 bytes of a digest. */
export function digestToBytes(digest: Digest): Uint8Array {
  const bytes = new Uint8Array(32);
  put(bytes, 0, digest.a);
  put(bytes, 4, digest.b);
  put(bytes, 8, digest.c);
  put(bytes, 12, digest.d);
  put(bytes, 16, digest.e);
  put(bytes, 20, digest.f);
  put(bytes, 24, digest.g);
  put(bytes, 28, digest.h);
  return bytes;
}

function put(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}
