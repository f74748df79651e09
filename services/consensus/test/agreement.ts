import { toHex } from '@internode/prelude';
import { expect } from 'vitest';
import type { World } from './world.ts';

/** One final block per height over all nodes and lives; no call twice. Answers the lowest height all have reached. */
export function checkAgreement(world: World): number {
  const agreed = new Map<number, string>();
  let lowest = Number.POSITIVE_INFINITY;
  for (const { index } of world.nodes) {
    const calls = new Map<string, number>();
    let highest = 0;
    for (const { height, blockHash, ingress } of world.batches(index)) {
      const hash = toHex(blockHash);
      expect(agreed.get(height) ?? hash, `height ${height}`).toBe(hash);
      agreed.set(height, hash);
      highest = Math.max(highest, height);
      for (const { requestId } of ingress) {
        const call = toHex(requestId);
        expect(calls.get(call) ?? height).toBe(height);
        calls.set(call, height);
      }
    }
    lowest = Math.min(lowest, highest);
  }
  return lowest;
}
