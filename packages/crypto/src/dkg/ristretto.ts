// Diffie-Hellman in ristretto255 (prime order, so there are no small subgroups to think of), and proofs that two points
// hide the same secret.

import { separator } from '@internode/encoding';
import type { Verdict } from '@internode/prelude';
import {
  assert,
  BoundedMap,
  concatBytes,
  invalid,
  joinBytes,
  toHex,
  valid,
} from '@internode/prelude';
import { ristretto255 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';

const { Point } = ristretto255;
type RistrettoPoint = InstanceType<typeof Point>;

export const ORDER = Point.Fn.ORDER;
export const RISTRETTO_BYTES = 32;
export const DLEQ_PROOF_BYTES = 64;

/** Reading a point costs as much as a fifth of a multiplication, and receivers' keys are few. */
const pointsByBytes = new BoundedMap<string, RistrettoPoint>(1024, 'drop-oldest');

/** Answers nothing for bytes that are no canonical point, and for the identity. */
function parse(bytes: Uint8Array): RistrettoPoint | undefined {
  if (bytes.length !== RISTRETTO_BYTES) return undefined;
  const name = toHex(bytes);
  const known = pointsByBytes.get(name);
  if (known !== undefined) return known;
  try {
    const point = Point.fromBytes(bytes);
    if (point.is0()) return undefined;
    pointsByBytes.set(name, point);
    return point;
  } catch {
    return undefined;
  }
}

/** Keys that shares of dealings are encrypted to: 32 bytes, canonical, not the identity. */
export function checkReceiverKey(key: Uint8Array): Verdict<void> {
  return parse(key) === undefined ? invalid('dkg: not a ristretto255 key') : valid();
}

/** A receiver's key pair, as a function of at least 32 unpredictable bytes. */
export function generateReceiverKey(entropy: Uint8Array): {
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
} {
  assert(entropy.length >= 32, 'generateReceiverKey: entropy');
  const secret = scalarOf('internode-receiver-key', [entropy]);
  return { secretKey: littleEndian(secret), publicKey: Point.BASE.multiply(secret).toBytes() };
}

export function receiverPublicKey(secretKey: Uint8Array): Uint8Array {
  return Point.BASE.multiply(readScalar(secretKey)).toBytes();
}

/** The point that only the holders of either secret know. */
export function sharedPoint(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  return parse(publicKey)?.multiply(readScalar(secretKey)).toBytes();
}

interface Equality {
  /** `key = secret · G` and `product = secret · base`. */
  readonly key: Uint8Array;
  readonly base: Uint8Array;
  readonly product: Uint8Array;
  /** What the proof is for. */
  readonly context: Uint8Array;
}

/** Chaum and Pedersen: the secret of `key` takes `base` to `product`. 64 bytes: challenge and response. */
export function proveEquality(
  statement: Equality,
  secretKey: Uint8Array,
  entropy: Uint8Array,
): Uint8Array {
  assert(entropy.length >= 32, 'proveEquality: entropy');
  const secret = readScalar(secretKey);
  const base = parse(statement.base);
  assert(base !== undefined, 'proveEquality: base');
  const parts = [statement.key, statement.base, statement.product, statement.context];
  // Hashed with secret and statement: a weak source of randomness alone never gives the secret away.
  const nonce = scalarOf('internode-dleq-nonce', [entropy, secretKey, ...parts]);
  const commitments = [Point.BASE.multiply(nonce), base.multiply(nonce)];
  const challenge = challengeOf(statement, commitments);
  const response = (nonce + challenge * secret) % ORDER;
  return concatBytes(littleEndian(challenge), littleEndian(response));
}

export function verifyEquality(statement: Equality, proof: Uint8Array): Verdict<void> {
  if (proof.length !== DLEQ_PROOF_BYTES) return invalid('dkg: length of equality proof');
  const [key, base, product] = [
    parse(statement.key),
    parse(statement.base),
    parse(statement.product),
  ];
  if (key === undefined || base === undefined || product === undefined) {
    return invalid('dkg: not a ristretto255 point');
  }
  const challenge = fromLittleEndian(proof.subarray(0, 32));
  const response = fromLittleEndian(proof.subarray(32));
  if (challenge >= ORDER || response >= ORDER) return invalid('dkg: equality proof not canonical');
  const commitments = [
    times(Point.BASE, response).subtract(times(key, challenge)),
    times(base, response).subtract(times(product, challenge)),
  ];
  const good = challengeOf(statement, commitments) === challenge;
  return good ? valid() : invalid('dkg: equality proof');
}

function challengeOf(statement: Equality, commitments: readonly RistrettoPoint[]): bigint {
  const { context, key, base, product } = statement;
  const points = commitments.map((point) => point.toBytes());
  return scalarOf('internode-dleq', [key, base, product, ...points, context]);
}

/** 512 bits reduced modulo the order; all parts but the last have fixed lengths. */
function scalarOf(domain: string, parts: readonly Uint8Array[]): bigint {
  const scalar = fromLittleEndian(sha512(joinBytes([separator(domain), ...parts]))) % ORDER;
  return scalar === 0n ? 1n : scalar;
}

function times(point: RistrettoPoint, scalar: bigint): RistrettoPoint {
  return scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar);
}

function readScalar(secretKey: Uint8Array): bigint {
  const scalar = fromLittleEndian(secretKey);
  assert(secretKey.length === 32 && scalar > 0n && scalar < ORDER, 'dkg: receiver secret');
  return scalar;
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}

function littleEndian(scalar: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let i = 0, rest = scalar; i < 32; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}
