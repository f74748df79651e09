// When in an epoch dealings are taken, and when only complaints about them: makers, validators and receivers agree on it.

/** Blocks in which a complaint may come to the chain: makers that are not honest have all of them once in 3^40 (docs/spec/dkg.md, L2). */
const COMPLAINT_BLOCKS_MAX = 40;

/**
 * First height of an epoch at which no dealing is taken any more. Short epochs give complaints half of their heights: the blocks just
 * above the last dealing are made before its receivers have opened it.
 */
export function dealingsEnd(epoch: {
  readonly height: number;
  readonly nextHeight: number;
}): number {
  const { height, nextHeight } = epoch;
  return nextHeight - Math.min(COMPLAINT_BLOCKS_MAX, Math.ceil((nextHeight - height) / 2));
}
