// Catch-up packages: kept, offered, refused, adopted; restarts wherever they hurt. Real key generation.
import type { CatchUpPackage, Message } from '@internode/contracts';
import { utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { hashOfBlock, hashOfPayload, payloadOf } from '../src/core/artifact.ts';
import { checkAgreement } from './agreement.ts';
import { bls, EpochWorld } from './epoch-world.ts';

const LENGTH = 16;
const lan = (_message: unknown, from: number, to: number): number => (from === to ? 0.1 : 3);
const QUICK = { parameters: { idleBlockMs: 10 }, delay: lan, epochLength: LENGTH };

function packageOf(epochs: EpochWorld, index: number): CatchUpPackage {
  const { newest } = epochs.world.node(index).core.view().packages;
  if (newest === undefined) throw new Error('no package');
  return newest;
}

function rejections(epochs: EpochWorld, index: number): readonly string[] {
  return epochs.world
    .node(index)
    .events.flatMap((event) =>
      event.kind === 'ArtifactRejected' && event.artifact === 'catch_up' ? [event.reason] : [],
    );
}

/** A node whose disk is gone, journal and state. */
function forget(epochs: EpochWorld, index: number): void {
  epochs.world.crash(index, 0);
  epochs.world.node(index).lost = true;
  epochs.world.node(index).executed = 0;
}

function adopted(epochs: EpochWorld, index: number): readonly number[] {
  return epochs.world
    .node(index)
    .events.flatMap((event) => (event.kind === 'PackageAdopted' ? [event.height] : []));
}

describe('a catch-up package', () => {
  test('is kept when it is newer, offered, and again after a restart; the one before is withdrawn', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4 });
    const { world } = epochs;
    world.start();
    world.run(900);
    const { height } = packageOf(epochs, 0).summary;
    expect(height).toBeGreaterThanOrEqual(2 * LENGTH);
    const offered = () =>
      [...world.node(0).slots.values()].filter(({ artifactKind }) => artifactKind === 'catch_up');
    expect(offered()).toHaveLength(1);
    world.crash(0);
    world.startNode(0);
    expect(packageOf(epochs, 0).summary.height).toBe(height);
    expect(offered()).toHaveLength(1);
    world.run(900);
    expect(packageOf(epochs, 0).summary.height).toBeGreaterThan(height);
    expect(offered()).toHaveLength(1);
    checkAgreement(world);
  });

  test('that is forged, foreign, old or of another summary is refused', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4 });
    const { world } = epochs;
    world.start();
    world.run(700);
    const good = packageOf(epochs, 0);
    const { content, summary } = good;
    const { height } = summary;
    const ahead = { ...content.block, height: height + 10 * LENGTH };
    const otherSummary = { ...summary, height: ahead.height };
    const forgeries: readonly [CatchUpPackage, string][] = [
      [{ ...good, summary: otherSummary, content: { ...content, block: ahead } }, 'summary is not'],
      [{ ...good, content: { ...content, block: ahead } }, 'height of the summary'],
      [
        {
          ...good,
          content: { ...content, block: ahead, summaryHash: new Uint8Array(32) },
          summary: otherSummary,
        },
        'summary hash',
      ],
    ];
    for (const [forged, reason] of forgeries) {
      epochs.offerPackage(1, 2, forged);
      world.run(10);
      expect(rejections(epochs, 1).at(-1)).toContain(reason);
    }
    // Well made, but signed by somebody else, or for another subnet.
    const payloadHash = hashOfPayload({ ...payloadOf([]), summary: otherSummary });
    const made = epochs.package(otherSummary, { ...ahead, payloadHash });
    const { groupSecret } = epochs;
    for (const [peer, secret] of [
      [2, new Uint8Array(32).fill(3)],
      [3, groupSecret],
    ] as const) {
      const signature = bls.sign(secret, utf8('a package of another subnet'));
      epochs.offerPackage(1, peer, { ...made, signature });
    }
    world.run(10);
    expect(rejections(epochs, 1).filter((reason) => reason === 'signature')).toHaveLength(2);
    expect(packageOf(epochs, 1).summary.height).toBeLessThan(ahead.height);
    // Who has lied is not listened to for a while: its lies cost nothing more.
    const checked = world.node(1).tasks.get('check-package');
    for (let i = 0; i < 20; i += 1)
      epochs.offerPackage(1, 2, { ...made, signature: bls.sign(groupSecret, utf8(`${i}`)) });
    world.run(10);
    expect(world.node(1).tasks.get('check-package')).toBe(checked);
    // Old ones change nothing.
    world.run(1_500);
    const newer = packageOf(epochs, 0).summary.height;
    const count = world.node(0).events.length;
    epochs.offerPackage(0, 2, good);
    world.run(3);
    expect(packageOf(epochs, 0).summary.height).toBe(newer);
    expect(
      world
        .node(0)
        .events.slice(count)
        .filter(({ kind }) => kind === 'PackageKept'),
    ).toEqual([]);
  });

  test('of another block than the final one stops the service', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 1 });
    const { world } = epochs;
    epochs.makesPackages = false;
    world.start();
    world.run(600);
    const { summary, block } = world.node(0).core.view().epochLog.opening;
    if (block === undefined) throw new Error('no summary block');
    const other = { ...block, timeNanos: block.timeNanos + 1n };
    expect(hashOfBlock(other)).not.toEqual(hashOfBlock(block));
    const made: Message = { kind: 'CatchUpPackageMade', package: epochs.package(summary, other) };
    expect(() => world.deliver(0, made)).toThrow('another block');
  });

  test('brings back a node that lost everything, and one whose peers have forgotten what it lacks', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4 });
    const { world } = epochs;
    world.start();
    for (let i = 0; i < 30; i += 1) world.at(i * 40, () => world.gossip(0, `call ${i}`));
    world.run(300);
    forget(epochs, 3);
    // Long enough away that nobody answers for the heights between.
    world.run(900);
    world.options.forgottenBelow = packageOf(epochs, 0).summary.height;
    world.startNode(3);
    world.run(7_000);
    expect(adopted(epochs, 3)).toHaveLength(1);
    const from = adopted(epochs, 3)[0] as number;
    expect(epochs.height(3)).toBeGreaterThan(from + 3);
    expect(world.node(3).executed).toBe(epochs.height(3));
    expect(world.batches(3).filter(({ height }) => height <= from).length).toBeLessThan(from);
    checkAgreement(world);
    for (const { index } of world.nodes) world.checkVotes(index);
  });

  test('adopted: a crash before or after changes nothing, the state is asked for until it is there', () => {
    for (const diesAfterMs of [0, 1, 200]) {
      const epochs = new EpochWorld({ ...QUICK, members: 4 });
      const { world } = epochs;
      world.start();
      world.run(600);
      forget(epochs, 3);
      world.run(600);
      world.options.forgottenBelow = packageOf(epochs, 0).summary.height;
      world.startNode(3);
      for (let turn = 0; adopted(epochs, 3).length === 0; turn += 1) {
        if (turn > 2_000) throw new Error('never adopted');
        world.run(5);
      }
      world.run(diesAfterMs);
      // What was not on the disk is lost.
      world.crash(3, world.node(3).durable);
      world.run(50);
      world.startNode(3);
      world.run(7_000);
      const asked = world.node(3).said.filter((message) => message.kind === 'SyncState');
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.every(({ peers }) => peers.length === 3)).toBe(true);
      expect(epochs.height(3)).toBeGreaterThan(epochs.height(0) - 5);
      expect(world.node(3).executed).toBeGreaterThan(epochs.height(0) - 5);
      checkAgreement(world);
      world.checkVotes(3);
    }
  });
});
