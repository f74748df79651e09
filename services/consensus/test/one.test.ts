import { describe, expect, test } from 'vitest';
import { World } from './world.ts';

describe('a subnet of one', () => {
  test('makes the first block at once, and one with ingress as soon as it comes', () => {
    const world = new World({ n: 1 });
    world.start();
    world.run(10);
    expect(world.batches(0).map((batch) => batch.height)).toEqual([1]);
    world.submit(0, 'a');
    world.run(5);
    expect(world.batches(0).map((batch) => batch.ingress.length)).toEqual([0, 1]);
  });

  test('makes a block a second when there is nothing to do', () => {
    const world = new World({ n: 1 });
    world.start();
    world.run(10_500);
    const { length } = world.batches(0);
    expect(length).toBeGreaterThanOrEqual(10);
    expect(length).toBeLessThanOrEqual(12);
  });

  test('starts again from a journal that holds more heights than the pool may', () => {
    const world = new World({ n: 1 });
    world.start();
    world.run(240_000);
    const before = world.finals(0).at(-1)?.height ?? 0;
    expect(before).toBeGreaterThan(200);
    world.crash(0);
    world.startNode(0);
    world.run(5_000);
    expect(world.finals(0).at(-1)?.height).toBeGreaterThan(before);
  });
});
