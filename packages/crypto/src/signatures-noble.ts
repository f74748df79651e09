// The reference engine for signatures, pure and 5 to 25 times slower than the one of ./fast.

import { sha256 } from '@internode/encoding';
import { bytesEqual, concatBytes, fromHex } from '@internode/prelude';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { scalarFromBytes } from './bls-scalar.ts';
import { ed25519KeyToDer } from './public-key.ts';
import type { SignatureArithmetic, SignatureEngine } from './signature-engine.ts';
import { verifyWith } from './signature-engine.ts';

/** `DigestInfo` of SHA-256 up to the hash (RFC 8017, 9.2). */
const SHA256_DIGEST_INFO = fromHex('3031300d060960864801650304020105000420');

const arithmetic: SignatureArithmetic = {
  // RFC 8032 without the cofactor, as OpenSSL has it: noble's own `verify` multiplies by eight
  // and would accept signatures that other engines refuse.
  ed25519(key, message, signature) {
    try {
      const r = signature.subarray(0, 32);
      const s = littleEndian(signature.subarray(32));
      if (s >= ed25519.Point.Fn.ORDER) return false;
      const a = ed25519.Point.fromBytes(key);
      const k = littleEndian(sha512(concatBytes(r, key, message))) % ed25519.Point.Fn.ORDER;
      const sum = times(ed25519.Point.BASE, s).subtract(times(a, k));
      return bytesEqual(sum.toBytes(), r);
    } catch {
      return false;
    }
  },

  ecdsa(curve, { key, message, signature }) {
    try {
      const scheme = curve === 'p256' ? p256 : secp256k1;
      return scheme.verify(signature, message, key, { lowS: false });
    } catch {
      return false;
    }
  },

  rsa({ modulus, exponent }, message, signature) {
    const n = scalarFromBytes(modulus);
    const s = scalarFromBytes(signature);
    if (s >= n) return false;
    const hash = sha256(message);
    const padding = modulus.length - 3 - SHA256_DIGEST_INFO.length - hash.length;
    const expected = concatBytes(
      new Uint8Array([0, 1]),
      new Uint8Array(padding).fill(0xff),
      new Uint8Array([0]),
      SHA256_DIGEST_INFO,
      hash,
    );
    return power(s, scalarFromBytes(exponent), n) === scalarFromBytes(expected);
  },
};

export const nobleSignatures: SignatureEngine = {
  name: 'noble',
  verify: (signed) => verifyWith(arithmetic, signed),
  ed25519PublicKey: (secret) => ed25519KeyToDer(ed25519.getPublicKey(secret)),
  signEd25519: (secret, message) => ed25519.sign(message, secret),
};

type EdwardsPoint = typeof ed25519.Point.BASE;

function times(point: EdwardsPoint, scalar: bigint): EdwardsPoint {
  return scalar === 0n ? ed25519.Point.ZERO : point.multiplyUnsafe(scalar);
}

function littleEndian(bytes: Uint8Array): bigint {
  return scalarFromBytes(bytes.slice().reverse());
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
