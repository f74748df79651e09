// The reference engine: audited, portable, pure, and 5 to 8 times slower than ./fast.

import type { Verdict } from '@internode/prelude';
import { BoundedMap, invalid, toHex, utf8, valid } from '@internode/prelude';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import type { BlsEngine } from './bls-engine.ts';
import { BLS_SUITE } from './bls-engine.ts';
import { assertSecretKey, checkPublicKeyForm, checkSignatureForm } from './bls-format.ts';
import { agreementWeights, lagrangeCoefficients } from './bls-scalar.ts';
import { checkAgreeing, checkIndices, checkPolynomials } from './share-indices.ts';

type Signature = InstanceType<typeof bls12_381.G1.Point>;
type PublicKey = InstanceType<typeof bls12_381.G2.Point>;

const scheme = bls12_381.shortSignatures;
const suite = utf8(BLS_SUITE);

/** Parsing a key costs as much as a sixth of a verification; honest keys are few. */
const publicKeys = new BoundedMap<string, PublicKey>(256, 'drop-oldest');

export const nobleBls: BlsEngine = {
  name: 'noble',

  publicKey(secretKey) {
    assertSecretKey(secretKey);
    return scheme.getPublicKey(secretKey).toBytes();
  },

  sign(secretKey, message) {
    assertSecretKey(secretKey);
    return scheme.sign(scheme.hash(message, suite), secretKey).toBytes();
  },

  hash(message) {
    return scheme.hash(message, suite).toBytes();
  },

  verify({ publicKey, message, signature }) {
    const key = parsePublicKey(publicKey);
    if (key.kind !== 'valid') return key;
    const point = parseSignature(signature);
    if (point.kind !== 'valid') return point;
    const good = scheme.verify(point.value, scheme.hash(message, suite), key.value);
    return good ? valid() : invalid('bls: signature');
  },

  checkPublicKey(publicKey) {
    const key = parsePublicKey(publicKey);
    return key.kind === 'valid' ? valid() : key;
  },

  checkSignature(signature) {
    const point = parseSignature(signature);
    return point.kind === 'valid' ? valid() : point;
  },

  combineShares(indices, shares) {
    const checked = checkIndices(indices, shares.length);
    if (checked.kind !== 'valid') return checked;
    const sum = weightedSum(shares, lagrangeCoefficients(indices));
    if (sum.kind !== 'valid') return sum;
    return sum.value.is0() ? invalid('bls: identity') : valid(sum.value.toBytes());
  },

  combineAgreeing(threshold, indices, shares) {
    const checked = checkAgreeing(threshold, indices, shares.length);
    if (checked.kind !== 'valid') return checked;
    const sum = weightedSum(shares, agreementWeights(threshold, indices, shares));
    if (sum.kind !== 'valid') return sum;
    if (!sum.value.is0()) return invalid('bls: shares of more than one polynomial');
    return nobleBls.combineShares(indices.slice(0, threshold), shares.slice(0, threshold));
  },

  aggregateSignatures(signatures) {
    let sum = bls12_381.G1.Point.ZERO;
    for (const signature of signatures) {
      const point = parseSignature(signature);
      if (point.kind !== 'valid') return point;
      sum = sum.add(point.value);
    }
    return sum.is0() ? invalid('bls: identity') : valid(sum.toBytes());
  },

  aggregatePublicKeys(keys) {
    let sum = bls12_381.G2.Point.ZERO;
    for (const publicKey of keys) {
      const key = parsePublicKey(publicKey);
      if (key.kind !== 'valid') return key;
      sum = sum.add(key.value);
    }
    return sum.is0() ? invalid('bls: identity') : valid(sum.toBytes());
  },

  checkCommitments(points) {
    const parsed = parsePoints(points);
    return parsed.kind === 'valid' ? valid() : parsed;
  },

  evaluateCommitments(commitments, indices) {
    const points = parsePoints(commitments);
    if (points.kind !== 'valid') return points;
    const values = indices.map((index) =>
      points.value.reduceRight(
        (sum, point) => sum.multiplyUnsafe(BigInt(index) + 1n).add(point),
        bls12_381.G2.Point.ZERO,
      ),
    );
    return toPoints(values);
  },

  combineCommitments(polynomials, indices) {
    const checked = checkPolynomials(polynomials, indices);
    if (checked.kind !== 'valid') return checked;
    const weights = indices === undefined ? undefined : lagrangeCoefficients(indices);
    const sums: PublicKey[] = [];
    for (const [i, commitments] of polynomials.entries()) {
      const points = parsePoints(commitments);
      if (points.kind !== 'valid') return points;
      for (const [j, point] of points.value.entries()) {
        const weighted = weights === undefined ? point : point.multiplyUnsafe(weights[i] as bigint);
        sums[j] = (sums[j] ?? bls12_381.G2.Point.ZERO).add(weighted);
      }
    }
    return toPoints(sums);
  },
};

function weightedSum(
  shares: readonly Uint8Array[],
  weights: readonly bigint[],
): Verdict<Signature> {
  let sum: Signature = bls12_381.G1.Point.ZERO;
  for (const [i, share] of shares.entries()) {
    const point = parseSignature(share);
    if (point.kind !== 'valid') return point;
    sum = sum.add(point.value.multiplyUnsafe(weights[i] as bigint));
  }
  return valid(sum);
}

function parsePoints(points: readonly Uint8Array[]): Verdict<PublicKey[]> {
  const parsed: PublicKey[] = [];
  for (const bytes of points) {
    const point = parsePoint(bytes);
    if (point.kind !== 'valid') return point;
    parsed.push(point.value);
  }
  return valid(parsed);
}

function toPoints(points: readonly PublicKey[]): Verdict<readonly Uint8Array[]> {
  if (points.some((point) => point.is0())) return invalid('bls: identity');
  return valid(points.map((point) => point.toBytes()));
}

// `fromBytes` checks that the point is on the curve and in the subgroup.
function parseSignature(signature: Uint8Array): Verdict<Signature> {
  const form = checkSignatureForm(signature);
  if (form.kind !== 'valid') return form;
  try {
    const point = bls12_381.G1.Point.fromBytes(signature);
    return valid(point);
  } catch {
    return invalid('bls: not a point of the group');
  }
}

function parsePublicKey(publicKey: Uint8Array): Verdict<PublicKey> {
  const name = toHex(publicKey);
  const known = publicKeys.get(name);
  if (known !== undefined) return valid(known);
  const point = parsePoint(publicKey);
  if (point.kind === 'valid') publicKeys.set(name, point.value);
  return point;
}

function parsePoint(bytes: Uint8Array): Verdict<PublicKey> {
  const form = checkPublicKeyForm(bytes);
  if (form.kind !== 'valid') return form;
  try {
    return valid(bls12_381.G2.Point.fromBytes(bytes));
  } catch {
    return invalid('bls: not a point of the group');
  }
}
