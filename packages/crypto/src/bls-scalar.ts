// Arithmetic modulo the order of the groups: polynomials and Lagrange coefficients.

import { separator, sha256 } from '@internode/encoding';
import { assert, BoundedMap, concatBytes, joinBytes, utf8 } from '@internode/prelude';

export const GROUP_ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;

/** Of 13 members there are 1,287 sets of five; each set's weights are half a kilobyte. */
const INDEX_SETS_MAX = 2_048;

export function reduce(value: bigint): bigint {
  const rest = value % GROUP_ORDER;
  return rest < 0n ? rest + GROUP_ORDER : rest;
}

/** Unsigned big endian, not reduced. */
export function scalarFromBytes(bytes: Uint8Array): bigint {
  let value = 0n;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = 0;
  for (; offset + 8 <= bytes.length; offset += 8) {
    value = (value << 64n) | view.getBigUint64(offset);
  }
  for (; offset < bytes.length; offset++) value = (value << 8n) | BigInt(view.getUint8(offset));
  return value;
}

/** 32 bytes big endian. */
export function scalarToBytes(scalar: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  let rest = scalar;
  for (let offset = 24; offset >= 0; offset -= 8) {
    view.setBigUint64(offset, rest & 0xffff_ffff_ffff_ffffn);
    rest >>= 64n;
  }
  return bytes;
}

export function inverse(value: bigint): bigint {
  let [low, high] = [reduce(value), GROUP_ORDER];
  let [x, y] = [1n, 0n];
  assert(low !== 0n, 'bls: inverse of zero');
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high - quotient * low, low];
    [x, y] = [y - quotient * x, x];
  }
  return reduce(x);
}

/** The value at `x` of the polynomial with these coefficients, lowest first. */
export function evaluate(coefficients: readonly bigint[], x: bigint): bigint {
  return coefficients.reduceRight((sum, coefficient) => reduce(sum * x + coefficient), 0n);
}

/** Weights that take values at `index + 1` to the value at zero. Indices are distinct. */
export const lagrangeCoefficients = rememberedByIndices((indices) => {
  const points = indices.map((index) => BigInt(index) + 1n);
  return points.map((point) => {
    let numerator = 1n;
    let denominator = 1n;
    for (const other of points) {
      if (other === point) continue;
      numerator = reduce(numerator * other);
      denominator = reduce(denominator * (other - point));
    }
    return reduce(numerator * inverse(denominator));
  });
});

/** For each index the inverse of the product of its distances to the others. */
const inverseDistances = rememberedByIndices((indices) =>
  indices.map((index) => {
    const others = indices.filter((other) => other !== index);
    return inverse(others.reduce((all, other) => reduce(all * BigInt(index - other)), 1n));
  }),
);

/**
 * Weights under which the shares at `index + 1` of every polynomial of degree below `threshold` add up to zero, and others do with
 * a probability of 1 in the order (the dual code of Reed and Solomon's: a random polynomial of the degree that is left, over the
 * products of the distances). The random one is drawn from the shares, so that nobody can choose them for it (Fiat and Shamir). There
 * are more shares than `threshold`.
 */
export function agreementWeights(
  threshold: number,
  indices: readonly number[],
  shares: readonly Uint8Array[],
): readonly bigint[] {
  const spare = indices.length - threshold;
  assert(spare > 0, 'agreementWeights: as many shares as decide a polynomial');
  const distances = inverseDistances(indices);
  // A polynomial of degree 0 is left: nothing to draw.
  if (spare === 1) return distances;
  const entropy = sha256(joinBytes(shares));
  const random = Array.from({ length: spare - 1 }, (_, i) => scalarFromEntropy(entropy, i));
  const coefficients = [...random, 1n];
  return distances.map((weight, i) =>
    reduce(evaluate(coefficients, BigInt(indices[i] as number) + 1n) * weight),
  );
}

/** In order of the indices: members' sets come back at each height. */
function rememberedByIndices(
  compute: (indices: readonly number[]) => readonly bigint[],
): (indices: readonly number[]) => readonly bigint[] {
  const known = new BoundedMap<string, readonly bigint[]>(INDEX_SETS_MAX, 'drop-oldest');
  return (indices) => {
    const key = indices.join();
    let values = known.get(key);
    if (values === undefined) {
      values = compute(indices);
      known.set(key, values);
    }
    return values;
  };
}

/** The scalar at a position of a sequence drawn from entropy. 512 bits modulo the 255-bit order: the bias is negligible. */
export function scalarFromEntropy(entropy: Uint8Array, position: number): bigint {
  const domain = separator('internode-bls-scalar');
  const half = (side: string) => sha256(concatBytes(domain, utf8(`${position}${side}`), entropy));
  const scalar = reduce(scalarFromBytes(concatBytes(half('a'), half('b'))));
  assert(scalar !== 0n, 'scalarFromEntropy: zero');
  return scalar;
}
