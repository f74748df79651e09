import { describe, expect, test } from 'vitest';
import { World } from './world.ts';

function agree(world: World): void {
  const [first, ...others] = world.nodes.map((node) => world.batches(node.index).map((b) => Buffer.from(b.blockHash).toString('hex')));
  for (const other of others) {
    const length = Math.min(first?.length ?? 0, other.length);
    expect(other.slice(0, length)).toEqual(first?.slice(0, length));
  }
}

describe('a subnet of four', () => {
  test('finalises, agrees and includes every call once', () => {
    const world = new World({ n: 4, delay: (_m, from, to) => (from === to ? 0.1 : 5) });
    world.start();
    for (let i = 0; i < 40; i += 1) {
      world.at(i * 50, () => { for (const node of world.nodes) world.submit(node.index, `call ${i}`); });
    }
    world.run(5_000);
    agree(world);
    for (const node of world.nodes) {
      const calls = world.batches(node.index).flatMap((b) => b.ingress.map((m) => Buffer.from(m.requestId).toString('hex')));
      expect(calls).toHaveLength(40);
      expect(new Set(calls).size).toBe(40);
    }
  });
});
