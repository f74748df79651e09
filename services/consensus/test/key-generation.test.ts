// What byzantine makers and peers may try with summaries, dealings and complaints. Real key generation.
import type { Complaint, Dealing } from '@internode/contracts';
import { dealingsEnd } from '@internode/crypto';
import { fromHex, toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { type Payload, payloadOf, STRIPPED_PROPOSAL } from '../src/core/artifact.ts';
import { strippedRecordOf } from '../src/core/intake.ts';
import { DEALING } from '../src/core/key-generation.ts';
import { rolesOf } from '../src/core/membership.ts';
import { judgeContent } from '../src/core/rules/epoch-content.ts';
import { summaryAfter } from '../src/core/summary.ts';
import { CONSENSUS_LIMITS } from '../src/index.ts';
import { checkAgreement } from './agreement.ts';
import { EpochWorld } from './epoch-world.ts';
import { beaconOf } from './world.ts';

const LENGTH = 20;
const lan = (_message: unknown, from: number, to: number): number => (from === to ? 0.1 : 3);
const QUICK = { parameters: { idleBlockMs: 10 }, delay: lan, epochLength: LENGTH };

/** A world in its second epoch, in which keys are dealt, stopped before `height`. */
function worldAt(height: number): EpochWorld {
  const epochs = new EpochWorld({ ...QUICK, members: 4 });
  const { world } = epochs;
  world.start();
  for (let turn = 0; world.node(0).core.view().pool.notarized < height - 1; turn += 1) {
    if (turn > 20_000) throw new Error('never got there');
    world.run(1);
  }
  return epochs;
}

/** What the others find wrong with a block that the maker of rank 0 proposes next. */
function faultOf(epochs: EpochWorld, payload: Partial<Payload>): string | undefined {
  const { world } = epochs;
  const { pool, epochs: known } = world.node(0).core.view();
  const [parent] = pool.notarizedBlocks(pool.notarized);
  if (parent === undefined) throw new Error('no parent');
  const height = parent.block.height + 1;
  const subnet = known.subnetOf(height);
  const maker = subnet.member(rolesOf(subnet.n, beaconOf(height - 1)).makers[0] as number);
  const index = world.nodes.findIndex(({ nodeId }) => toHex(nodeId) === toHex(maker.nodeId));
  world.crash(index);
  const before = world.nodes.map(({ events }) => events.length);
  const { body } = world.proposalWith(index, parent, { ...payloadOf([]), ...payload });
  for (const { index: to } of world.nodes)
    if (to !== index) world.artifact(to, index, 'block_proposal', body);
  world.run(60);
  const reasons = world.nodes.flatMap(({ events, index: at }) =>
    events
      .slice(before[at])
      .flatMap((event) =>
        event.kind === 'ArtifactRejected' && event.artifact === 'block_proposal'
          ? [event.reason]
          : [],
      ),
  );
  world.startNode(index);
  return reasons[0];
}

/** What judges find wrong with such a block on the newest notarised one; 'pending' when proofs have to be examined first. */
function judge(epochs: EpochWorld, payload: Partial<Payload>): string {
  const view = epochs.world.node(0).core.view();
  const [parent] = view.pool.notarizedBlocks(view.pool.notarized);
  if (parent === undefined) throw new Error('no parent');
  const { body, key } = epochs.world.proposalWith(0, parent, { ...payloadOf([]), ...payload });
  const stripped = STRIPPED_PROPOSAL.decode(body);
  if (stripped.kind !== 'valid') throw new Error(stripped.reason);
  const subnet = view.epochs.subnetOf(parent.block.height + 1);
  const record = strippedRecordOf(subnet, stripped.value, fromHex(key));
  const judged = judgeContent(view, record, parent);
  return judged.kind === 'wrong' ? judged.reason : judged.kind;
}

function recorded(epochs: EpochWorld): readonly Dealing[] {
  return epochs.world
    .node(0)
    .core.view()
    .epochLog.recorded.flatMap(({ dealings }) => dealings);
}

describe('a block', () => {
  test('within an epoch carries no summary, and no dealing that does not belong there', () => {
    const epochs = worldAt(LENGTH + 8);
    const [dealing] = recorded(epochs);
    if (dealing === undefined) throw new Error('nothing was dealt');
    const summary = epochs.epoch(0);
    expect(judge(epochs, { summary })).toBe('a summary within an epoch');
    expect(judge(epochs, { dealings: [dealing] })).toBe('second dealing of a dealer');
    const stranger = { ...dealing, dealer: Uint8Array.of(1, 2, 3) };
    expect(judge(epochs, { dealings: [stranger] })).toBe('not a dealer');
    const other = { ...dealing, target: { summaryHeight: 7, key: 'low' } as const };
    expect(judge(epochs, { dealings: [other] })).toBe('dealing of no key of this epoch');
    expect(judge(epochs, { dealings: [dealing, other] })).toBe('too many dealings');
    const complaint: Complaint = {
      target: dealing.target,
      dealer: dealing.dealer,
      receiver: epochs.world.node(1).nodeId,
      sharedPoint: new Uint8Array(32),
      proof: new Uint8Array(64),
      signature: new Uint8Array(64),
    };
    expect(judge(epochs, { complaints: [complaint] })).toBe('pending');
    expect(judge(epochs, { complaints: [complaint, complaint] })).toBe(
      'second complaint about a dealer',
    );
    const early = { ...complaint, dealer: Uint8Array.of(9) };
    expect(judge(epochs, { complaints: [early] })).toBe(
      'complaint about a dealing that is not in the chain',
    );
    expect(judge(epochs, {})).toBe('right');
    // False: it convicts nobody.
    expect(faultOf(epochs, { complaints: [complaint] })).toBe('complaint does not hold');
    epochs.world.run(2_000);
    checkAgreement(epochs.world);
    expect(epochs.height(0)).toBeGreaterThan(3 * LENGTH);
  });

  test('with a dealing that is not proven is refused', () => {
    const epochs = new EpochWorld({ ...QUICK, members: 4 });
    const { world } = epochs;
    let kept: Dealing | undefined;
    epochs.silent.add(2);
    world.start();
    for (let turn = 0; turn < 20_000 && epochs.epoch(0).height < LENGTH; turn += 1) world.run(1);
    for (const dealing of recorded(epochs)) kept = dealing;
    for (let turn = 0; turn < 2_000 && kept === undefined; turn += 1) {
      world.run(1);
      kept = recorded(epochs)[0];
    }
    if (kept === undefined) throw new Error('nothing was dealt');
    const forged = { ...kept, dealer: world.node(2).nodeId };
    expect(faultOf(epochs, { dealings: [forged] })).toBe('dealing does not hold');
  });

  test('that opens an epoch carries the summary that follows, and nothing else', () => {
    const epochs = worldAt(2 * LENGTH);
    const { world } = epochs;
    const summary = epochs.epoch(0);
    const facts = { height: 2 * LENGTH, generated: new Map(), seed: new Uint8Array(32) };
    const wrong = summaryAfter(summary, { ...facts, record: { ...summary.record, version: 2 } });
    expect(judge(epochs, {})).toBe('no summary at the first height of an epoch');
    expect(judge(epochs, { summary: wrong })).toBe('another summary than follows');
    const [dealing] = recorded(epochs);
    if (dealing === undefined) throw new Error('nothing was dealt');
    expect(judge(epochs, { summary: wrong, dealings: [dealing] })).toBe('more than a summary');
    expect(faultOf(epochs, { summary: wrong })).toBe('another summary than follows');
    world.run(1_000);
    expect(epochs.epoch(0).height).toBeGreaterThanOrEqual(2 * LENGTH);
    checkAgreement(world);
  });

  test('late in an epoch carries no dealing, so that complaints have time', () => {
    const epochs = worldAt(LENGTH + 2);
    const { world } = epochs;
    const end = dealingsEnd(epochs.epoch(0));
    expect(end).toBe(2 * LENGTH - LENGTH / 2);
    epochs.silent.add(3);
    const [dealing] = recorded(epochs);
    for (let turn = 0; turn < 20_000 && world.node(0).core.view().pool.notarized < end; turn += 1)
      world.run(1);
    const late = { ...(dealing ?? recorded(epochs)[0]), dealer: world.node(3).nodeId } as Dealing;
    expect(faultOf(epochs, { dealings: [late] })).toBe('dealing too late in the epoch');
  });
});

describe('dealings of peers', () => {
  test('are bounded per peer; what does not hold is forgotten and who sent it named', () => {
    const epochs = worldAt(LENGTH + 6);
    const { world } = epochs;
    const [dealing] = recorded(epochs);
    if (dealing === undefined) throw new Error('nothing was dealt');
    world.artifact(0, 1, 'dealing', Uint8Array.of(255, 255));
    world.artifact(0, 1, 'dealing', new Uint8Array(CONSENSUS_LIMITS.keyPartBytesMax + 1));
    const complainers = world.nodes.map(({ nodeId }) => nodeId);
    // Complaints about dealings that never come wait, but not many of them.
    for (let i = 0; i < 3 * CONSENSUS_LIMITS.keyPartsPerPeerMax; i += 1) {
      const complaint: Complaint = {
        target: dealing.target,
        dealer: Uint8Array.of(i, 1),
        receiver: complainers[1] as Uint8Array,
        sharedPoint: new Uint8Array(32),
        proof: new Uint8Array(64),
        signature: new Uint8Array(64),
      };
      epochs.publishComplaintOf(1, complaint);
    }
    const forged = { ...dealing, ephemeralKey: new Uint8Array(32) };
    world.artifact(0, 2, 'dealing', DEALING.encode(forged));
    world.run(20);
    const { items } = world.node(0).core.view().keyDesk;
    expect(items.size).toBeLessThanOrEqual(CONSENSUS_LIMITS.keyPartsPerPeerMax + 8);
    const events = world
      .node(0)
      .events.flatMap((event) =>
        event.kind === 'ArtifactRejected' || event.kind === 'ArtifactDropped' ? [event.reason] : [],
      );
    expect(events).toContain('too large');
    expect(events).toContain('peer over its limit');
    world.run(1_500);
    expect(epochs.height(0)).toBeGreaterThan(3 * LENGTH);
    // Another epoch: nothing of the old one is left.
    expect(world.node(0).core.view().keyDesk.items.size).toBeLessThan(9);
    checkAgreement(world);
  });
});
