import { toHex } from '@internode/prelude';
import { MemoryStore } from '@internode/storage/memory';
import { describe, expect, test } from 'vitest';
import { EngineInPlace } from '../src/adapters/engine-in-place.ts';
import { History } from './history.ts';
import { Rig } from './rig.ts';

function made(engine: EngineInPlace, height: number) {
  const answer = engine.call({ kind: 'checkpoint', height });
  if (answer.kind !== 'checkpoint') throw new Error(`no checkpoint of ${height}`);
  return answer;
}

describe('manifests', () => {
  test('are equal for replicas that took different ways', () => {
    for (let seed = 0; seed < 8; seed++) {
      const batches = new History(seed).batches(40);
      const steady = Rig.started();
      const engine = new EngineInPlace(steady.store);
      const roots: string[] = [];
      for (const each of batches) {
        engine.writing([]);
        steady.tell(each);
        if (each.height % 10 === 0)
          roots.push(toHex(made(new EngineInPlace(steady.store), each.height).manifestRoot));
      }
      const restless = new MemoryStore();
      let rig = Rig.started({ store: restless });
      const others: string[] = [];
      for (const each of batches) {
        if (each.height % 7 === 3) rig = Rig.started({ store: restless });
        rig.tell(each);
        if (each.height % 10 === 0)
          others.push(toHex(made(new EngineInPlace(restless), each.height).manifestRoot));
      }
      expect(others).toEqual(roots);
      expect(new Set(roots).size).toBe(4);
    }
  });
});
