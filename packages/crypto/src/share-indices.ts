import type { Verdict } from '@internode/prelude';
import { invalid, valid } from '@internode/prelude';

/** Far above any subnet's number of nodes. */
export const SHARES_MAX = 1000;

/** What must hold before shares are combined, whoever computes it. */
export function checkIndices(indices: readonly number[], shareCount: number): Verdict<void> {
  if (indices.length === 0 || indices.length > SHARES_MAX) return invalid('bls: number of shares');
  if (indices.length !== shareCount) return invalid('bls: an index for each share');
  if (new Set(indices).size !== indices.length) return invalid('bls: index twice');
  const inRange = indices.every(
    (index) => Number.isInteger(index) && index >= 0 && index < 2 ** 31,
  );
  return inRange ? valid() : invalid('bls: index out of range');
}

/** What must hold before shares are held against each other: more of them than decide the polynomial. */
export function checkAgreeing(
  threshold: number,
  indices: readonly number[],
  shareCount: number,
): Verdict<void> {
  if (!Number.isInteger(threshold) || threshold < 1 || threshold >= indices.length)
    return invalid('bls: number of shares');
  return checkIndices(indices, shareCount);
}

/** What must hold before polynomials are put together. */
export function checkPolynomials(
  polynomials: readonly (readonly Uint8Array[])[],
  indices: readonly number[] | undefined,
): Verdict<void> {
  if (polynomials.length === 0 || polynomials.length > SHARES_MAX) {
    return invalid('bls: number of polynomials');
  }
  const degree = polynomials[0]?.length;
  if (polynomials.some((one) => one.length !== degree)) return invalid('bls: degree');
  return indices === undefined ? valid() : checkIndices(indices, polynomials.length);
}
