// BLS signatures as the Internet Computer uses them: suite
// BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_, signatures in G1 (48 bytes compressed), public keys
// in G2 (96 bytes compressed), secret keys 32 bytes big endian (interface spec, "Certificate").

import type { Verdict } from '@internode/prelude';

export const BLS_SUITE = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
export const BLS_SECRET_KEY_BYTES = 32;
export const BLS_PUBLIC_KEY_BYTES = 96;
export const BLS_SIGNATURE_BYTES = 48;

/**
 * The curve. All engines answer identical bytes and verdicts. Points from outside are judged:
 * wrong length, non-canonical form, the identity, not on the curve and outside the prime-order
 * subgroup are all invalid. Secret keys are our own: a bad one is a broken invariant.
 */
export interface BlsEngine {
  readonly name: string;
  publicKey(secretKey: Uint8Array): Uint8Array;
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
  /** The point of G1 that a signature multiplies. */
  hash(message: Uint8Array): Uint8Array;
  verify(signed: {
    readonly publicKey: Uint8Array;
    readonly message: Uint8Array;
    readonly signature: Uint8Array;
  }): Verdict<void>;
  checkPublicKey(publicKey: Uint8Array): Verdict<void>;
  checkSignature(signature: Uint8Array): Verdict<void>;
  /**
   * Lagrange interpolation at zero of signature shares; share `i` belongs to the node with index
   * `indices[i]`, which holds the polynomial's value at `indices[i] + 1`. Shares are not verified:
   * the result verifies under the group key when all of them were good. Nor need they be in the group, if the
   * result is: an engine may leave that check to the sum, from which it cannot be told what came of such shares.
   */
  combineShares(indices: readonly number[], shares: readonly Uint8Array[]): Verdict<Uint8Array>;
  /**
   * As `combineShares` of the first `threshold` shares, if all of them, more than that, lie on one polynomial of degree
   * `threshold - 1`. When `threshold` of them are from honest nodes, whichever they are, the polynomial is the group's and the
   * result needs no check; a bad share among them makes it invalid, unless the result is right all the same (see above). A quarter
   * of the cost of `verify` for a few shares.
   */
  combineAgreeing(
    threshold: number,
    indices: readonly number[],
    shares: readonly Uint8Array[],
  ): Verdict<Uint8Array>;
  /** The sum of the points, as in `combineShares`; signatures of one message become a multi-signature. */
  aggregateSignatures(signatures: readonly Uint8Array[]): Verdict<Uint8Array>;
  /** The sum of the points. Only for keys whose possession has been proven (rogue keys). */
  aggregatePublicKeys(publicKeys: readonly Uint8Array[]): Verdict<Uint8Array>;
  /** Whether all are points of G2's group, and none the identity. Unlike `checkPublicKey` remembers none of them. */
  checkCommitments(points: readonly Uint8Array[]): Verdict<void>;
  /** Of the polynomial whose coefficients these points hide, lowest first: its values at `index + 1`, hidden likewise. */
  evaluateCommitments(
    commitments: readonly Uint8Array[],
    indices: readonly number[],
  ): Verdict<readonly Uint8Array[]>;
  /**
   * Polynomials of one degree put together, coefficient by coefficient: their sum, or with `indices` Lagrange
   * interpolation at zero, as in `combineShares`. The points have passed `checkCommitments`.
   */
  combineCommitments(
    polynomials: readonly (readonly Uint8Array[])[],
    indices?: readonly number[],
  ): Verdict<readonly Uint8Array[]>;
}
