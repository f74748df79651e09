import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { MemoryStore } from '@internode/storage/memory';
import { describe, expect, test } from 'vitest';
import { EngineInPlace } from '../src/adapters/engine-in-place.ts';
import { History } from './history.ts';
import { Rig } from './rig.ts';
import { epochBegan, replica } from './subnet.ts';

setHashEngine(nodeHashEngine);

/** From all rows, whatever was known before. */
function manifestRoot(store: MemoryStore, height: number): string {
  const answer = new EngineInPlace(store).call({ kind: 'checkpoint', height });
  if (answer.kind !== 'checkpoint') throw new Error(`no checkpoint of ${height}`);
  return toHex(answer.manifestRoot);
}

describe('manifests', () => {
  test('are equal for replicas that took different ways, and made from all rows or from what changed', () => {
    for (let seed = 0; seed < 5; seed++) {
      const batches = new History(seed).batches(40);
      const steady = replica();
      steady.tell(epochBegan(0, 10));
      const all: string[] = [];
      for (const each of batches) {
        steady.tell(each);
        if (each.height % 10 !== 0) continue;
        all.push(manifestRoot(steady.store, each.height));
        steady.tell(epochBegan(each.height, each.height + 10));
      }
      const changed = steady.allSaid('CheckpointMade').map((made) => toHex(made.manifestRoot));
      expect([...new Set(changed)]).toEqual(all);
      expect(new Set(all).size).toBe(4);

      const store = new MemoryStore();
      let rig = Rig.started({ store });
      const restless: string[] = [];
      for (const each of batches) {
        if (each.height % 7 === 3) rig = Rig.started({ store });
        rig.tell(each);
        if (each.height % 10 === 0) restless.push(manifestRoot(store, each.height));
      }
      expect(restless).toEqual(all);
    }
  });

  test('hash again only what was written since the last one', () => {
    const donor = replica();
    donor.tell(epochBegan(0, 20));
    const batches = new History(3).batches(60);
    for (const each of batches.slice(0, 20)) donor.tell(each);
    const [first] = donor.event('CheckpointMade');
    expect(first?.hashedBytes).toBe(first?.bytes);
    donor.tell(epochBegan(20, 21));
    donor.tell({
      ...(batches[20] as (typeof batches)[0]),
      canisters: [],
      requests: [],
      modules: [],
    });
    const second = donor.event('CheckpointMade').at(-1);
    expect(second?.height).toBe(21);
    expect(second?.hashedBytes).toBeLessThan((second?.bytes ?? 0) / 20);
  });
});
