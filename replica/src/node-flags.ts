import { availableParallelism } from 'node:os';

/**
 * What a process of this room is started with, which cannot be set once it runs: the size of each half of the young generation, and how
 * much may gather before the first full collection, in MiB. V8 has as many helpers as there are cores, four at most: why of all
 * three in scripts/run.mjs.
 */
export function nodeFlags(youngMb: number, firstCollectionMb: number): readonly string[] {
  return [
    `--min-semi-space-size=${youngMb}`,
    `--max-semi-space-size=${youngMb}`,
    `--initial-heap-size=${firstCollectionMb}`,
    `--v8-pool-size=${Math.min(4, availableParallelism())}`,
  ];
}
