export { assert, InvariantBroken, unreachable } from './assert.ts';
export type { WhenFull } from './bounded-map.ts';
export { BoundedMap, BoundedSet } from './bounded-map.ts';
export { BoundedQueue } from './bounded-queue.ts';
export type { Amount, Count, Id } from './brand.ts';
export { amount, count, id } from './brand.ts';
export {
  bytesEqual,
  compareBytes,
  concatBytes,
  fromHex,
  fromKey,
  isHex,
  joinBytes,
  placeBytes,
  toHex,
  toKey,
  utf8,
} from './bytes.ts';
export { free, give } from './given.ts';
export { Pool } from './pool.ts';
export type { Invalid, Undecided, Valid, Verdict } from './verdict.ts';
export { invalid, undecided, valid } from './verdict.ts';
