// Epochs: summaries, keys of the next epochs, members that change, halting. Real key generation.
import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { hashOfBlock } from '../src/core/artifact.ts';
import { SUMMARY } from '../src/core/summary.ts';
import { checkAgreement } from './agreement.ts';
import { EpochWorld } from './epoch-world.ts';

const lan = (_message: unknown, from: number, to: number): number => (from === to ? 0.1 : 5);
const LENGTH = 16;
const QUICK = { parameters: { idleBlockMs: 20 }, delay: lan };

function summaries(of: EpochWorld, index: number) {
  return of.world.node(index).said.filter((message) => message.kind === 'EpochBegan');
}

describe('an epoch', () => {
  test('begins with a summary at its height on every member, with fresh low keys and the same permanent key', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4, epochLength: LENGTH });
    const { world } = epochs;
    world.start();
    for (let i = 0; i < 20; i += 1) world.at(i * 100, () => world.gossip(0, `call ${i}`));
    world.run(2_500);
    expect(checkAgreement(world)).toBeGreaterThan(3 * LENGTH);
    for (const { index } of world.nodes) {
      const began = summaries(epochs, index);
      expect(began.map(({ height }) => height).slice(0, 4)).toEqual([0, 16, 32, 48]);
      const [genesis, first, second, third] = began.map(({ summary }) => summary);
      // Nothing was dealt in the first epoch: its keys stay for the one after next.
      expect(first?.next.low).toEqual(genesis?.next.low);
      expect(first?.configs.map(({ target }) => target)).toEqual([
        { summaryHeight: 16, key: 'low' },
      ]);
      expect(second?.next.low.target).toEqual({ summaryHeight: 16, key: 'low' });
      expect(third?.current.low).toEqual(second?.next.low);
      expect(third?.next.low.groupKey).not.toEqual(third?.current.low.groupKey);
      expect(third?.current.high).toEqual(genesis?.current.high);
      expect(epochs.holds(index, third?.next.low as never)).toBe(true);
    }
    expect(
      new Set(
        world.batches(0).flatMap(({ ingress }) => ingress.map(({ requestId }) => toHex(requestId))),
      ).size,
    ).toBe(20);
    // Summary blocks carry nothing else.
    const opening = world.batches(0).filter(({ height }) => height % LENGTH === 0);
    expect(opening.every(({ ingress }) => ingress.length === 0)).toBe(true);
  });

  test('of a subnet of one changes nothing and costs nothing', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 1, epochLength: LENGTH });
    const { world } = epochs;
    world.start();
    for (let i = 0; i < 40; i += 1) world.at(i * 50, () => world.submit(0, `call ${i}`));
    world.run(2_500);
    expect(epochs.height(0)).toBeGreaterThan(2 * LENGTH);
    expect(summaries(epochs, 0).at(-1)?.summary).toEqual(epochs.epoch(0));
    expect(epochs.epoch(0).configs).toEqual([]);
    expect(epochs.epoch(0).current.low).toEqual(epochs.genesis.current.low);
    expect(world.node(0).slots.size).toBe(0);
    expect([...world.node(0).tasks.keys()]).toEqual(['sign']);
  });

  test('with too few dealings keeps its keys, and the next one tries again', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4, epochLength: LENGTH });
    const { world } = epochs;
    for (const index of [0, 1, 2, 3]) epochs.silent.add(index);
    world.start();
    world.run(1_200);
    expect(epochs.height(0)).toBeGreaterThan(2 * LENGTH);
    expect(epochs.epoch(0).next.low).toEqual(epochs.genesis.next.low);
    expect(world.node(0).events).toContainEqual({ kind: 'KeyGenerated', succeeded: false });
    epochs.silent.clear();
    world.run(1_500);
    expect(epochs.epoch(0).next.low).not.toEqual(epochs.genesis.next.low);
    checkAgreement(world);
  });

  test('survives crashes of its members at any moment, also those that lose the tail of the journal', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4, epochLength: LENGTH });
    const { world } = epochs;
    world.start();
    world.run(200);
    for (let turn = 0; turn < 24; turn += 1) {
      const index = turn % 4;
      world.crash(index, world.node(index).durable);
      world.run(30 + 7 * turn);
      world.startNode(index);
      world.run(60 + 11 * (turn % 5));
    }
    world.run(2_000);
    expect(checkAgreement(world)).toBeGreaterThan(3 * LENGTH);
    // Everybody tells the same of every epoch, in all its lives.
    const told = new Map<number, string>();
    for (const { index } of world.nodes) {
      world.checkVotes(index);
      for (const { height, summary, block } of summaries(epochs, index)) {
        const hash = block === undefined ? '' : toHex(hashOfBlock(block));
        const text = `${hash} ${toHex(SUMMARY.encode(summary))}`;
        expect(told.get(height) ?? text).toBe(text);
        told.set(height, text);
      }
    }
    expect(epochs.epoch(0).current.low.target.summaryHeight).toBeGreaterThan(0);
  });
});
