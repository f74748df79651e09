// Threshold BLS: a secret dealt as values of a polynomial, and signatures put together from
// shares. Nodes are counted from 0; node `i` holds the value at `i + 1`.

import { assert } from '@internode/prelude';
import type { BlsEngine } from './bls-engine.ts';
import { evaluate, scalarFromEntropy, scalarToBytes } from './bls-scalar.ts';
import { SHARES_MAX } from './share-indices.ts';

export type NodeShare = {
  readonly index: number;
  readonly secretKey: Uint8Array;
  /** Verifies the node's signature shares. */
  readonly publicKey: Uint8Array;
};

export type Dealing = {
  /** The group's secret; whoever deals should forget it. */
  readonly secretKey: Uint8Array;
  readonly groupPublicKey: Uint8Array;
  readonly shares: readonly NodeShare[];
};

/**
 * Deals a secret so that any `threshold` of `count` nodes sign for the group and fewer cannot.
 * `entropy` is at least 32 unpredictable bytes; the dealing is a function of it.
 */
export function dealShares(
  engine: BlsEngine,
  options: {
    readonly threshold: number;
    readonly count: number;
    readonly entropy: Uint8Array;
  },
): Dealing {
  const { threshold, count, entropy } = options;
  assert(threshold >= 1 && threshold <= count && count <= SHARES_MAX, 'dealShares: threshold');
  assert(entropy.length >= 32, 'dealShares: entropy');
  const coefficients = Array.from({ length: threshold }, (_, i) => scalarFromEntropy(entropy, i));
  const secretKey = scalarToBytes(coefficients[0] as bigint);
  const shares = Array.from({ length: count }, (_, index): NodeShare => {
    const share = scalarToBytes(evaluate(coefficients, BigInt(index) + 1n));
    return { index, secretKey: share, publicKey: engine.publicKey(share) };
  });
  return { secretKey, groupPublicKey: engine.publicKey(secretKey), shares };
}

/** A key pair from at least 32 unpredictable bytes. */
export function generateBlsKey(
  engine: BlsEngine,
  entropy: Uint8Array,
): { readonly secretKey: Uint8Array; readonly publicKey: Uint8Array } {
  assert(entropy.length >= 32, 'generateBlsKey: entropy');
  const secretKey = scalarToBytes(scalarFromEntropy(entropy, 0));
  return { secretKey, publicKey: engine.publicKey(secretKey) };
}

export type SignatureShare = {
  readonly index: number;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
};

/**
 * `culprits` are the indexes of nodes whose shares are bad, as far as that had to be found out; `agreed` says that nothing had
 * to be checked.
 */
export type Combination =
  | {
      readonly kind: 'combined';
      readonly signature: Uint8Array;
      readonly agreed: boolean;
      readonly culprits: readonly number[];
    }
  | { readonly kind: 'insufficient'; readonly culprits: readonly number[] };

/**
 * Puts a group signature together from shares of distinct nodes. Optimistic: when there are `sufficient` shares, of which
 * `threshold` must be from honest nodes, and they agree, it is right. Else combines first and verifies once; only when that
 * fails are shares verified one by one and bad ones left out.
 */
export function combineSignature(
  engine: BlsEngine,
  request: {
    readonly groupPublicKey: Uint8Array;
    readonly threshold: number;
    readonly message: Uint8Array;
    readonly shares: readonly SignatureShare[];
    /** More than `threshold`; absent when nothing but the group key can prove a signature. */
    readonly sufficient?: number | undefined;
  },
): Combination {
  const { groupPublicKey, threshold, message, shares, sufficient } = request;
  const isGood = ({ publicKey, signature }: SignatureShare): boolean =>
    engine.verify({ publicKey, message, signature }).kind === 'valid';
  const held =
    sufficient === undefined || shares.length < sufficient ? [] : shares.slice(0, sufficient);
  const proven = held.length === 0 ? undefined : combineAgreeing(engine, threshold, held);
  if (proven !== undefined)
    return { kind: 'combined', signature: proven, agreed: true, culprits: [] };
  const chosen = shares.slice(0, threshold);
  if (chosen.length < threshold) return { kind: 'insufficient', culprits: [] };
  const optimistic = combineAndVerify(engine, groupPublicKey, message, chosen);
  if (optimistic !== undefined) {
    // Whoever spoils the agreement with a share that is not needed is named, too: it could at each height.
    const bad = held.slice(threshold).filter((share) => !isGood(share));
    const culprits = bad.map(({ index }) => index);
    return { kind: 'combined', signature: optimistic, agreed: false, culprits };
  }

  const good: SignatureShare[] = [];
  const culprits: number[] = [];
  for (const share of shares) {
    if (good.length === threshold) break;
    if (isGood(share)) good.push(share);
    else culprits.push(share.index);
  }
  if (good.length < threshold) return { kind: 'insufficient', culprits };
  const signature = combineAndVerify(engine, groupPublicKey, message, good);
  assert(signature !== undefined, 'combineSignature: node keys do not belong to the group key');
  return { kind: 'combined', signature, agreed: false, culprits };
}

function combineAgreeing(
  engine: BlsEngine,
  threshold: number,
  shares: readonly SignatureShare[],
): Uint8Array | undefined {
  // In one order, for which weights are remembered.
  const sorted = shares.toSorted((left, right) => left.index - right.index);
  const combined = engine.combineAgreeing(
    threshold,
    sorted.map((share) => share.index),
    sorted.map((share) => share.signature),
  );
  return combined.kind === 'valid' ? combined.value : undefined;
}

function combineAndVerify(
  engine: BlsEngine,
  publicKey: Uint8Array,
  message: Uint8Array,
  shares: readonly SignatureShare[],
): Uint8Array | undefined {
  const combined = engine.combineShares(
    shares.map((share) => share.index),
    shares.map((share) => share.signature),
  );
  if (combined.kind !== 'valid') return undefined;
  const verdict = engine.verify({ publicKey, message, signature: combined.value });
  return verdict.kind === 'valid' ? combined.value : undefined;
}
