// The curves of most runs: declared stand-ins, so that ten thousand lives fit into minutes. A stand-in signature of a node
// or a user is a hash of public key and message. Stand-in BLS is BLS without the curve: a "point" is the number that it
// would hide, so that shares, sums and interpolation hold as they do with points, and a wrong share spoils a sum. Signatures
// stay unique, and wrong ones do not verify; but who knows a public key could forge, so these lives say nothing about
// forgery. Every 50th seed, and `--crypto real`, run the real curves.
import type { BlsEngine, SignatureEngine } from '@internode/crypto';
import { sha256 } from '@internode/encoding';
import {
  bytesEqual,
  concatBytes,
  invalid,
  toHex,
  utf8,
  type Verdict,
  valid,
} from '@internode/prelude';

/** All that a life signs and checks with. */
export interface Crypto {
  readonly bls: BlsEngine;
  readonly signatures: SignatureEngine;
  /** What a dealing of keys may depend on: stand-in keys are dealt once for all lives. */
  readonly dealsEachLife: boolean;
}

type KeyOf = (secret: Uint8Array) => Uint8Array;

const SIGNED = utf8('stand-in signature');
const HASHED = utf8('stand-in point');
const KEYS_MAX = 4_096;
const DOES_NOT_FIT = invalid('the signature does not fit');

export function standIn(real: Omit<Crypto, 'dealsEachLife'>): Crypto {
  return {
    bls: standInBls(real.bls),
    signatures: standInSignatures(real.signatures),
    dealsEachLife: false,
  };
}

function standInSignatures(real: SignatureEngine): SignatureEngine {
  const ed25519PublicKey = remembering((secret) => real.ed25519PublicKey(secret));
  const signatureOf = (key: Uint8Array, message: Uint8Array): Uint8Array => {
    const digest = sha256(concatBytes(SIGNED, key, message));
    return concatBytes(digest, digest);
  };
  return {
    ...real,
    ed25519PublicKey,
    signEd25519: (secret, message) => signatureOf(ed25519PublicKey(secret), message),
    verify: ({ publicKeyDer, message, signature }) =>
      bytesEqual(signature, signatureOf(publicKeyDer, message)) ? valid(undefined) : DOES_NOT_FIT,
  };
}

function remembering(keyOf: KeyOf): KeyOf {
  const keys = new Map<string, Uint8Array>();
  return (secret) => {
    const name = toHex(secret);
    const key = keys.get(name) ?? keyOf(secret);
    if (keys.size > KEYS_MAX) keys.clear();
    keys.set(name, key);
    return key;
  };
}

/** Of the groups of BLS12-381: secrets and shares are dealt modulo it. */
const ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
const SIGNATURE_BYTES = 48;
const KEY_BYTES = 96;
const SCALAR_BYTES = 32;
/** Of a compressed point that is not the identity. */
const COMPRESSED = 0x80;

function standInBls(real: BlsEngine): BlsEngine {
  const sign = (secret: bigint, message: Uint8Array): Uint8Array =>
    pointOf(reduced(secret * hashOf(message)), SIGNATURE_BYTES);
  const sumOf = (points: readonly Uint8Array[], bytes: number): Verdict<Uint8Array> => {
    const sum = reduced(points.reduce((total, point) => total + numberIn(point), 0n));
    return sum === 0n ? invalid('the identity') : valid(pointOf(sum, bytes));
  };
  const combineShares: BlsEngine['combineShares'] = (indices, shares) => {
    const sum = interpolated(indices, shares.map(numberIn));
    return sum === 0n ? invalid('the identity') : valid(pointOf(sum, SIGNATURE_BYTES));
  };
  const check = (point: Uint8Array, bytes: number): Verdict<void> =>
    isPoint(point, bytes) ? valid(undefined) : invalid('not a point');
  return {
    ...real,
    ...commitments,
    name: 'stand-in',
    publicKey: (secret) => pointOf(numberIn(secret), KEY_BYTES),
    sign: (secret, message) => sign(numberIn(secret), message),
    hash: (message) => pointOf(hashOf(message), SIGNATURE_BYTES),
    verify: ({ publicKey, message, signature }) =>
      isPoint(publicKey, KEY_BYTES) && bytesEqual(signature, sign(numberIn(publicKey), message))
        ? valid(undefined)
        : DOES_NOT_FIT,
    checkPublicKey: (key) => check(key, KEY_BYTES),
    checkSignature: (signature) => check(signature, SIGNATURE_BYTES),
    combineShares,
    combineAgreeing: (threshold, indices, shares) => {
      const numbers = shares.map(numberIn);
      const [first, rest] = [indices.slice(0, threshold), indices.slice(threshold)];
      const decisive = numbers.slice(0, threshold);
      const agree = rest.every(
        (index, i) => interpolated(first, decisive, index + 1) === numbers[threshold + i],
      );
      if (!agree) return invalid('shares of more than one polynomial');
      return combineShares(first, shares.slice(0, threshold));
    },
    aggregateSignatures: (signatures) => sumOf(signatures, SIGNATURE_BYTES),
    aggregatePublicKeys: (keys) => sumOf(keys, KEY_BYTES),
  };
}

/** What key generation does with hidden polynomials. */
const commitments = {
  checkCommitments: (points: readonly Uint8Array[]): Verdict<void> =>
    points.every((point) => isPoint(point, KEY_BYTES)) ? valid(undefined) : invalid('not a point'),
  evaluateCommitments: (
    points: readonly Uint8Array[],
    indices: readonly number[],
  ): Verdict<readonly Uint8Array[]> => {
    const numbers = points.map(numberIn);
    return valid(
      indices.map((index) => {
        const x = BigInt(index) + 1n;
        const value = numbers.reduceRight((sum, number) => reduced(sum * x + number), 0n);
        return pointOf(value, KEY_BYTES);
      }),
    );
  },
  combineCommitments: (
    polynomials: readonly (readonly Uint8Array[])[],
    indices?: readonly number[],
  ): Verdict<readonly Uint8Array[]> => {
    const [first = []] = polynomials;
    return valid(
      first.map((_, at) => {
        const numbers = polynomials.map((points) => numberIn(points[at] ?? new Uint8Array()));
        const sum = reduced(numbers.reduce((total, number) => total + number, 0n));
        return pointOf(indices === undefined ? sum : interpolated(indices, numbers), KEY_BYTES);
      }),
    );
  },
};

function reduced(value: bigint): bigint {
  const rest = value % ORDER;
  return rest < 0n ? rest + ORDER : rest;
}

/** The last 32 bytes, big endian. */
function numberIn(bytes: Uint8Array): bigint {
  if (bytes.length < SCALAR_BYTES) return 0n;
  const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - SCALAR_BYTES);
  let value = 0n;
  for (let offset = 0; offset < SCALAR_BYTES; offset += 8) {
    value = (value << 64n) | view.getBigUint64(offset);
  }
  return value;
}

function pointOf(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes[0] = COMPRESSED;
  let rest = value;
  for (let offset = length - 8; offset >= length - SCALAR_BYTES; offset -= 8) {
    view.setBigUint64(offset, rest & 0xffff_ffff_ffff_ffffn);
    rest >>= 64n;
  }
  return bytes;
}

function isPoint(bytes: Uint8Array, length: number): boolean {
  if (bytes.length !== length || bytes[0] !== COMPRESSED) return false;
  const value = numberIn(bytes);
  return value > 0n && value < ORDER && bytesEqual(bytes, pointOf(value, length));
}

function hashOf(message: Uint8Array): bigint {
  return reduced(numberIn(sha256(concatBytes(HASHED, message))));
}

const weightsByIndices = new Map<string, readonly bigint[]>();

/** The value at `at` of the polynomial that takes `values` at `index + 1`. */
function interpolated(indices: readonly number[], values: readonly bigint[], at = 0): bigint {
  const name = `${indices.join()} ${at}`;
  const weights = weightsByIndices.get(name) ?? weightsOf(indices, BigInt(at));
  if (weightsByIndices.size > KEYS_MAX) weightsByIndices.clear();
  weightsByIndices.set(name, weights);
  let sum = 0n;
  for (const [i, value] of values.entries()) sum += value * (weights[i] ?? 0n);
  return reduced(sum);
}

function weightsOf(indices: readonly number[], at: bigint): readonly bigint[] {
  const points = indices.map((index) => BigInt(index) + 1n);
  return points.map((point) => {
    const others = points.filter((other) => other !== point);
    const numerator = others.reduce((product, other) => reduced(product * (other - at)), 1n);
    const denominator = others.reduce((product, other) => reduced(product * (other - point)), 1n);
    return reduced(numerator * inverse(denominator));
  });
}

function inverse(value: bigint): bigint {
  let [low, high] = [reduced(value), ORDER];
  let [x, y] = [1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high - quotient * low, low];
    [x, y] = [y - quotient * x, x];
  }
  return reduced(x);
}
