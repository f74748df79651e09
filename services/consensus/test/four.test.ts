import type { Message } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { STRIPPED_PROPOSAL } from '../src/core/artifact.ts';
import { rolesOf } from '../src/core/membership.ts';
import { checkAgreement } from './agreement.ts';
import { beaconOf, World } from './world.ts';

const lan = (_message: Message, from: number, to: number): number => (from === to ? 0.1 : 5);

function callsOf(world: World, index: number): ReadonlySet<string> {
  return new Set(
    world
      .batches(index)
      .flatMap((batch) => batch.ingress.map((message) => toHex(message.requestId))),
  );
}

function submitToAll(world: World, name: string): void {
  for (const node of world.nodes) world.submit(node.index, name);
}

/** Member index of the maker of a rank at a height. The world's nodes are not sorted; members are. */
function makerOf(world: World, height: number, rank: number): number {
  const subnet = world.node(0).core.view().epochs.subnetOf(height);
  const member = subnet.member(rolesOf(subnet.n, beaconOf(height - 1)).makers[rank] as number);
  return world.nodes.findIndex((node) => toHex(node.nodeId) === toHex(member.nodeId));
}

describe('larger subnets', () => {
  test('of 6, 7 and 13 finalise, agree and include every call once', () => {
    for (const n of [6, 7, 13]) {
      const world = new World({ n, delay: lan });
      world.start();
      for (let i = 0; i < 4; i += 1) world.at(i * 50, () => submitToAll(world, `call ${i}`));
      world.run(400);
      expect(checkAgreement(world), `n = ${n}`).toBeGreaterThan(3);
      for (const node of world.nodes) expect(callsOf(world, node.index).size).toBe(4);
    }
  });
});

describe('a subnet of four', () => {
  test('finalises, agrees and includes every call once', () => {
    const world = new World({ n: 4, delay: lan });
    world.start();
    for (let i = 0; i < 40; i += 1) world.at(i * 50, () => submitToAll(world, `call ${i}`));
    world.run(5_000);
    expect(checkAgreement(world)).toBeGreaterThan(40);
    for (const node of world.nodes) expect(callsOf(world, node.index).size).toBe(40);
  });

  test('a call is final after three message delays', () => {
    const world = new World({ n: 4, delay: lan });
    world.start();
    world.run(300);
    const before = world.batches(0).length;
    submitToAll(world, 'a');
    // Block, votes, finality: 3 x 5 ms, and what signing and the disk take.
    world.run(25);
    expect(world.batches(0).length).toBe(before + 1);
    expect(callsOf(world, 0).size).toBe(1);
  });

  test('goes on when one node is down, a unit delay later where it should have led', () => {
    const world = new World({ n: 4, delay: lan });
    world.start();
    world.run(100);
    world.crash(2);
    for (let i = 0; i < 10; i += 1) world.at(i * 100, () => submitToAll(world, `call ${i}`));
    world.run(30_000);
    for (const index of [0, 1, 3]) expect(callsOf(world, index).size).toBe(10);
    checkAgreement(world);
    const ranks = world
      .node(0)
      .events.flatMap((event) => (event.kind === 'HeightNotarized' ? [event.rank] : []));
    expect(ranks).toContain(1);
  });

  test('stands still without a quorum and goes on when it is back', () => {
    const world = new World({ n: 4, delay: lan, offersAgainMs: 200 });
    world.start();
    world.run(100);
    world.crash(1);
    world.crash(2);
    world.run(100);
    const height = world.batches(0).length;
    submitToAll(world, 'a');
    world.run(10_000);
    expect(world.batches(0).length).toBeLessThanOrEqual(height + 1);
    world.startNode(1);
    submitToAll(world, 'a');
    world.run(5_000);
    for (const index of [0, 1, 3]) expect(callsOf(world, index).size).toBe(1);
    checkAgreement(world);
  });

  test('a late block of rank 0 does not split the chain', () => {
    // The leader's blocks come after the second rank's time: both may be notarised, one chain is final.
    const world = new World({
      n: 4,
      offersAgainMs: 500,
      delay: (message, from, to) => {
        if (from === to) return 0.1;
        const late =
          message.kind === 'ArtifactReceived' && message.artifactKind === 'block_proposal';
        if (!late) return 5;
        const decoded = STRIPPED_PROPOSAL.decode(message.body);
        return decoded.kind === 'valid' && decoded.value.block.rank === 0 && (from + to) % 2 === 0
          ? 1_200
          : 5;
      },
    });
    world.start();
    for (let i = 0; i < 20; i += 1) world.at(i * 200, () => submitToAll(world, `call ${i}`));
    world.run(40_000);
    expect(checkAgreement(world)).toBeGreaterThan(10);
    for (const node of world.nodes) expect(callsOf(world, node.index).size).toBe(20);
  });

  test('a maker of two blocks is caught, and one chain is final', () => {
    const world = new World({ n: 4, delay: lan, offersAgainMs: 300 });
    world.start();
    world.run(200);
    const height = world.node(0).core.view().pool.notarized + 1;
    const evil = makerOf(world, height, 0);
    const honest = world.nodes.filter((node) => node.index !== evil);
    const [parent] = world
      .node(0)
      .core.view()
      .pool.notarizedBlocks(height - 1);
    if (parent === undefined) throw new Error('no parent');
    world.crash(evil);
    const first = world.proposal(evil, parent, ['x']);
    const second = world.proposal(evil, parent, ['y']);
    for (const [i, node] of honest.entries()) {
      world.artifact(node.index, evil, 'block_proposal', i === 0 ? first : second);
      world.at(3, () =>
        world.artifact(node.index, evil, 'block_proposal', i === 0 ? second : first),
      );
    }
    world.run(20_000);
    const caught = honest.filter((node) =>
      node.events.some((event) => event.kind === 'MakerEquivocated'),
    );
    expect(caught.length).toBe(honest.length);
    checkAgreement(world);
    for (const node of honest) expect(world.batches(node.index).length).toBeGreaterThan(height + 3);
  });

  test('lost, repeated and reordered messages cost time only', () => {
    for (const seed of [1, 2]) {
      let state = seed;
      const random = (): number => {
        state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
        return state / 2 ** 31;
      };
      const world: World = new World({
        n: 4,
        offersAgainMs: 400,
        delay: (message, from, to) => {
          if (random() < 0.2) return undefined;
          if (random() < 0.1) world.at(1 + random() * 30, () => world.deliver(to, message));
          return (from === to ? 0.1 : 2) + random() * 20;
        },
      });
      world.start();
      for (let i = 0; i < 100; i += 1)
        world.at(i * 100, () => submitToAll(world, `call ${i % 20}`));
      world.run(20_000);
      expect(checkAgreement(world), `seed ${seed}`).toBeGreaterThan(15);
      for (const node of world.nodes)
        expect(callsOf(world, node.index).size, `seed ${seed}`).toBe(20);
    }
  });

  test('crashes that lose the unsynced tail of the journal contradict nothing', () => {
    for (const seed of [11, 14]) {
      let state = seed;
      const random = (): number => {
        state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
        return state / 2 ** 31;
      };
      const world = new World({
        n: 4,
        offersAgainMs: 400,
        delay: (_m, from, to) => (from === to ? 0.1 : 1 + random() * 10),
      });
      world.start();
      for (let i = 0; i < 60; i += 1) world.at(i * 100, () => submitToAll(world, `call ${i % 20}`));
      for (let i = 0; i < 30; i += 1) {
        world.at(50 + i * 130 + random() * 40, () => {
          const node = world.node(Math.floor(random() * 4));
          if (!node.up) return;
          const survive =
            node.durable + Math.floor(random() * (node.journal.length - node.durable + 1));
          world.crash(node.index, survive);
          world.at(random() * 100, () => {
            if (!node.up) world.startNode(node.index);
          });
        });
      }
      world.run(20_000);
      expect(checkAgreement(world), `seed ${seed}`).toBeGreaterThan(15);
      for (const node of world.nodes) {
        world.checkVotes(node.index);
        expect(callsOf(world, node.index).size, `seed ${seed}`).toBe(20);
      }
    }
  });
});
