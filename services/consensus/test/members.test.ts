// Members that come and go at epoch boundaries while calls go on; halting and upgrades. Real key generation.
import type { Ingress } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { VOTE } from '../src/core/artifact.ts';
import { checkAgreement } from './agreement.ts';
import { call as signedCall } from './calls.ts';
import { EpochWorld } from './epoch-world.ts';

const LENGTH = 24;
const lan = (_message: unknown, from: number, to: number): number => (from === to ? 0.1 : 3);
const QUICK = { parameters: { idleBlockMs: 10 }, delay: lan, epochLength: LENGTH };

function call(epochs: EpochWorld, everyMs: number, count: number): void {
  const { world } = epochs;
  for (let i = 0; i < count; i += 1) world.at(i * everyMs, () => world.gossip(0, `call ${i}`));
}

function callsAt(epochs: EpochWorld, index: number): number {
  const batches = epochs.world.batches(index);
  return new Set(batches.flatMap(({ ingress }) => ingress.map((one) => toHex(one.requestId)))).size;
}

function ofManagement(name: string, nowNanos: bigint): Ingress {
  return signedCall(name, {
    expiryNanos: nowNanos + 240_000_000_000n,
    canisterId: new Uint8Array(0),
    methodName: 'internode_set_subnet_record',
  });
}

/** Runs until a node's epoch has these many members, or gives up. */
function runUntil(epochs: EpochWorld, members: number, index = 0): void {
  for (let turn = 0; turn < 40; turn += 1) {
    if (epochs.epoch(index).current.record.nodes.length === members) return;
    epochs.world.run(200);
  }
  throw new Error(`no epoch of ${members} members`);
}

describe('members', () => {
  test('4 → 7 → 5 under load: one permanent key, new members take over, those removed vote no more', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4, nodes: 7 });
    const { world } = epochs;
    world.start();
    call(epochs, 100, 60);
    world.run(300);
    epochs.setRecord({ nodes: epochs.nodesOf(0, 1, 2, 3, 4, 5, 6) });
    runUntil(epochs, 7);
    const seven = epochs.epoch(0);
    expect(seven.current.high.groupKey).toEqual(epochs.genesis.current.high.groupKey);
    expect(seven.current.high.shareKeys).toHaveLength(7);
    expect(seven.current.high.threshold).toBe(5);
    for (const { index } of world.nodes) expect(epochs.holds(index, seven.current.high)).toBe(true);
    // Three of the old members are not a quorum any more: the new ones have to vote.
    world.crash(1);
    const before = epochs.height(0);
    world.run(400);
    expect(epochs.height(0)).toBeGreaterThan(before + 3);
    world.startNode(1);

    epochs.setRecord({ nodes: epochs.nodesOf(0, 1, 2, 3, 4) });
    runUntil(epochs, 5);
    const five = epochs.epoch(0);
    expect(five.current.high.groupKey).toEqual(epochs.genesis.current.high.groupKey);
    world.run(400);
    // What a removed node still says has no effect, and what it says for heights after its time is not a vote.
    const lastVotes = world.node(6).said.flatMap((message) => {
      if (message.kind !== 'PublishArtifact' || !message.artifactKind.endsWith('_share')) return [];
      const vote = VOTE.decode(message.body);
      return vote.kind === 'valid' ? [vote.value.height] : [];
    });
    expect(Math.max(...lastVotes)).toBeLessThan(five.height);
    expect(Math.max(...lastVotes)).toBeGreaterThan(seven.height);
    expect(epochs.height(6)).toBeGreaterThan(five.height);
    checkAgreement(world);
    expect(callsAt(epochs, 0)).toBeGreaterThan(20);
    for (const { index } of world.nodes) world.checkVotes(index);
  });

  test('a vote of a removed node is refused', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4 });
    const { world } = epochs;
    world.start();
    world.run(200);
    epochs.setRecord({ nodes: epochs.nodesOf(0, 1, 2) });
    runUntil(epochs, 3);
    world.run(100);
    const { pool } = world.node(0).core.view();
    const height = pool.notarized + 1;
    const vote = {
      height,
      blockHash: new Uint8Array(32),
      signer: world.node(3).nodeId,
      signature: new Uint8Array(64),
    };
    world.artifact(0, 3, 'notarization_share', VOTE.encode(vote));
    world.run(5);
    expect(world.node(0).events).toContainEqual({
      kind: 'ArtifactRejected',
      artifact: 'notarization_share',
      peer: toHex(world.node(3).nodeId),
      reason: 'signer is not a member',
    });
  });

  test('one grows to four, and the newcomers have every call', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 1, nodes: 4 });
    const { world } = epochs;
    world.startNode(0);
    call(epochs, 50, 30);
    world.run(100);
    epochs.setRecord({ nodes: epochs.nodesOf(0, 1, 2, 3) });
    for (const index of [1, 2, 3]) world.startNode(index);
    runUntil(epochs, 4);
    const { height } = epochs.epoch(0);
    world.run(400);
    expect(epochs.epoch(0).current.high.groupKey).toEqual(epochs.genesis.current.high.groupKey);
    expect(checkAgreement(world)).toBeGreaterThan(height + 3);
    for (const { index } of world.nodes) expect(callsAt(epochs, index)).toBe(callsAt(epochs, 0));
  });
});

describe('halting', () => {
  test('a halted subnet makes blocks for the management canister alone, and goes on when it is told to', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4 });
    const { world } = epochs;
    world.start();
    world.run(200);
    epochs.setRecord({ halted: true });
    while (!epochs.epoch(0).current.record.halted) world.run(100);
    const { height } = epochs.epoch(0);
    for (let i = 0; i < 5; i += 1) world.gossip(0, `call ${i}`);
    const managing = ofManagement('change of the record', world.now().unixNanos);
    for (const { index } of world.nodes) world.bring(index, 0, managing);
    world.run(300);
    const halted = world.batches(0).filter((batch) => batch.height >= height);
    const ids = halted.flatMap(({ ingress }) => ingress.map(({ requestId }) => toHex(requestId)));
    expect(ids).toEqual([toHex(managing.requestId)]);
    epochs.setRecord({ halted: false });
    while (epochs.epoch(0).current.record.halted) world.run(100);
    world.run(200);
    expect(callsAt(epochs, 0)).toBe(6);
    checkAgreement(world);
  });

  test('a call in a halted subnet makes a block invalid', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4 });
    const { world } = epochs;
    world.start();
    world.run(200);
    epochs.setRecord({ halted: true });
    while (!epochs.epoch(0).current.record.halted) world.run(50);
    world.run(20);
    const view = world.node(0).core.view();
    const [parent] = view.pool.notarizedBlocks(view.pool.notarized);
    if (parent === undefined) throw new Error('no parent');
    // Whoever is a maker and not honest.
    for (const { index } of world.nodes) {
      const body = world.proposal(index, parent, ['a call']);
      for (const to of [0, 1, 2, 3])
        if (to !== index) world.artifact(to, index, 'block_proposal', body);
    }
    world.run(100);
    const reasons = world.nodes.flatMap(({ events }) =>
      events.flatMap((event) => (event.kind === 'ArtifactRejected' ? [event.reason] : [])),
    );
    expect(reasons).toContain('a call in a halted subnet');
    expect(callsAt(epochs, 0)).toBe(0);
  });

  test('for an upgrade blocks are empty until a package of the new epoch exists, then stop; the new version goes on', () => {
    const versions = ['1', '1', '1', '1'];
    const epochs = new EpochWorld({
      ...QUICK,
      members: 4,
      replicaVersion: (index) => versions[index],
    });
    const { world } = epochs;
    epochs.makesPackages = false;
    world.start();
    world.run(200);
    epochs.setRecord({ replicaVersion: '2' });
    while (epochs.epoch(0).current.record.replicaVersion !== '2') world.run(100);
    const { height } = epochs.epoch(0);
    for (let i = 0; i < 5; i += 1) world.gossip(0, `call ${i}`);
    world.run(200);
    // No package, as if the state were slow: empty blocks go on.
    expect(epochs.height(0)).toBeGreaterThan(height + 3);
    expect(callsAt(epochs, 0)).toBe(0);
    epochs.makesPackages = true;
    while (world.node(0).core.view().packages.height < height) world.run(100);
    world.run(200);
    const stopped = epochs.height(0);
    world.run(500);
    expect(epochs.height(0)).toBe(stopped);
    for (const { index } of world.nodes) world.crash(index);
    versions.fill('2');
    for (const { index } of world.nodes) world.startNode(index);
    for (let i = 0; i < 5; i += 1) world.gossip(0, `call ${i}`);
    world.run(500);
    expect(epochs.height(0)).toBeGreaterThan(stopped + 3);
    expect(callsAt(epochs, 0)).toBe(5);
    checkAgreement(world);
  });
});
