import { CONSENSUS_LIMITS } from '@internode/consensus';
import type { Message } from '@internode/contracts';
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { type Checker, World } from '@internode/sim';
import { expect, test } from 'vitest';
import { corrupted } from '../adversaries/behaviour.ts';
import type { Faults } from '../adversaries/index.ts';
import { marksWasm } from '../canisters/marks.ts';
import { agreement, oneCheckpoint, oneRoot } from '../checkers/agreement.ts';
import { exactlyOnce } from '../checkers/calls.ts';
import { certifiedHeight } from '../checkers/certified-height.ts';
import { onePrefix } from '../checkers/chain.ts';
import { among } from '../checkers/honest.ts';
import { standIn } from '../crypto.ts';
import { promisesSettled } from '../life.ts';
import { Turns } from '../roles/door.ts';
import { connected, nameOf, subnetOf } from '../subnet.ts';

setHashEngine(nodeHashEngine);
const crypto = standIn({ bls: await loadFastBls(), signatures: nodeSignatures });
const wasm = await marksWasm();
const MARKS = 12;
const PATIENCE_MS = 300_000;
// Peers forget blocks early, so that nothing but a package leads a late node to the chain.
Object.assign(CONSENSUS_LIMITS, { journalHeightsKept: 3, compactHeights: 2, chainKept: 4 });

interface Growth {
  readonly founders: number;
  readonly nodes: number;
  /** Long enough for all dealings. They begin with the first summary; keys are known at the second, and in force at the third. */
  readonly epochLength: number;
  readonly faults?: Faults;
  /** What a joiner's beacon does not get to say. */
  readonly mute?: (message: Message) => boolean;
}

interface Seen {
  /** By node: what it certified last. */
  readonly certified: ReadonlyMap<string, number>;
  /** By node: the summaries whose dealings it has shares of. */
  readonly shares: ReadonlyMap<string, readonly number[]>;
  readonly missing: readonly string[];
}

/** Nodes that are added at genesis start when their keys have been dealt: late, in the epoch before they are members. */
async function grow(growth: Growth, forMs: number): Promise<Seen> {
  const { founders, nodes, epochLength, faults = new Map(), mute = () => false } = growth;
  const turns = new Turns();
  const parts = { crypto, wasm, marks: MARKS, pauseMs: 250, turns, epochLength };
  const subnet = subnetOf({ seed: 'growth', nodes, founders, ...parts, faults });
  const certified = new Map<string, number>();
  const shares = new Map<string, number[]>();
  const missing: string[] = [];
  const watch: Checker = {
    name: 'watch',
    onEvent: ({ node, event }) => {
      const { kind, height, summaryHeight } = event as unknown as {
        kind: string;
        height: number;
        summaryHeight: number;
      };
      if (kind === 'CertifiedShown') certified.set(node, height);
      if (kind === 'ShareMissing') missing.push(node);
      if (kind === 'ShareKept') shares.set(node, [...(shares.get(node) ?? []), summaryHeight]);
      return undefined;
    },
    atEnd: () => undefined,
  };
  const joiners = Array.from({ length: nodes - founders }, (_, i) => nameOf(founders + i));
  const checkers = [agreement(), oneRoot(), oneCheckpoint(), onePrefix(), certifiedHeight()];
  const world = new World({
    seed: 'growth',
    nodes: subnet.setups.map((setup) => {
      const isJoiner = joiners.includes(setup.place.node);
      const said = (message: Message) => (mute(message) ? [] : [message]);
      return connected(isJoiner ? corrupted(setup, [{ service: 'beacon', said }]) : setup);
    }),
    checkers: [
      ...[...checkers, exactlyOnce(MARKS)].map((checker) => among(subnet.honest, checker)),
      watch,
    ],
    command: '',
  });
  const until = async (isReached: () => boolean, endMs: number): Promise<void> => {
    while (!isReached() && world.nowMs < endMs && world.violation === undefined) {
      world.runFor(5);
      if (turns.take()) await promisesSettled();
    }
  };
  const honest = [...subnet.honest];
  for (let number = 0; number < founders; number += 1) world.startNode(nameOf(number));
  const first = honest[0] as string;
  await until(() => (certified.get(first) ?? 0) > 2 * epochLength + 1, 240_000);
  expect(world.violation).toBeUndefined();
  for (const node of honest.filter((name) => !joiners.includes(name)))
    expect(shares.get(node)).toContain(epochLength);
  for (const joiner of joiners) world.startNode(joiner);
  const isThere = (node: string) => (certified.get(node) ?? 0) > 4 * epochLength;
  await until(() => honest.every(isThere), world.nowMs + forMs);
  expect(world.violation).toBeUndefined();
  return { certified, shares, missing };
}

/** Of the keys that were dealt before a node was there, low and high, it has its shares; the fourth epoch has begun. */
function expectMembers({ certified, shares }: Seen, nodes: readonly string[], epochLength: number) {
  for (const node of nodes) {
    expect(certified.get(node)).toBeGreaterThan(4 * epochLength);
    expect(shares.get(node)?.filter((height) => height === epochLength)).toHaveLength(2);
  }
}

test(
  '1 → 4: three that come late are members with shares, and the chain goes on',
  async () => {
    const seen = await grow({ founders: 1, nodes: 4, epochLength: 12 }, 120_000);
    expectMembers(seen, ['n1', 'n2', 'n3'], 12);
    for (const node of ['n1', 'n2', 'n3']) expect(seen.missing).toContain(node);
  },
  PATIENCE_MS,
);

test(
  '4 → 7: late joiners find their shares although a member lies about what was dealt',
  async () => {
    const faults: Faults = new Map([[1, { kind: 'tempted', by: ['lyingKeyServer'] }]]);
    const seen = await grow({ founders: 4, nodes: 7, epochLength: 16, faults }, 120_000);
    expectMembers(seen, ['n4', 'n5', 'n6'], 16);
  },
  PATIENCE_MS,
);

test(
  'planted: joiners that ask nobody for what was dealt end the subnet at the height that makes them members',
  async () => {
    const mute = (message: Message) => message.kind === 'AskPeer' && message.topic === 'key_shares';
    const { certified } = await grow({ founders: 1, nodes: 4, epochLength: 12, mute }, 60_000);
    const highest = Math.max(...certified.values());
    expect(highest).toBeGreaterThanOrEqual(35);
    expect(highest).toBeLessThan(37);
  },
  PATIENCE_MS,
);
