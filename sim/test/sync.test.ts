import { CONSENSUS_LIMITS } from '@internode/consensus';
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { World } from '@internode/sim';
import { expect, test } from 'vitest';
import { marksWasm } from '../canisters/marks.ts';
import { agreement, oneRoot } from '../checkers/agreement.ts';
import { certifiedHeight } from '../checkers/certified-height.ts';
import { standIn } from '../crypto.ts';
import { promisesSettled } from '../life.ts';
import { Turns } from '../roles/door.ts';
import { connected, subnetOf } from '../subnet.ts';

setHashEngine(nodeHashEngine);
const crypto = standIn({ bls: await loadFastBls(), signatures: nodeSignatures });
const wasm = await marksWasm();
// Peers forget blocks early, so that no range of blocks leads a lost replica back.
Object.assign(CONSENSUS_LIMITS, { journalHeightsKept: 6, compactHeights: 4, chainKept: 4 });

test('a replica whose disk was lost fetches the state of a package in bad weather, and goes on with the others', async () => {
  const seed = 'c';
  const turns = new Turns();
  const parts = { crypto, wasm, marks: 12, pauseMs: 250, turns, epochLength: 8 };
  const subnet = subnetOf({ seed, nodes: 4, ...parts, faults: new Map() });
  const world = new World({
    seed,
    nodes: subnet.setups.map((setup) => connected(setup)),
    checkers: [agreement(), oneRoot(), certifiedHeight()],
    command: '',
    linesMax: 400_000,
  });
  world.startAll();
  world.at(4_000, () => {
    world.crashNode('n3');
    world.loseDisk('n3');
  });
  world.at(24_900, () => world.storm());
  world.at(25_000, () => world.startNode('n3'));
  world.at(36_000, () => world.calm());
  while (world.nowMs < 44_000 && world.violation === undefined) {
    world.runFor(5);
    if (turns.take()) await promisesSettled();
  }
  expect(world.violation).toBeUndefined();
  const { lines } = world.report();
  const at = (node: string, event: string) =>
    lines.findLast((line) => line.includes(` ${node} `) && line.includes(` ${event}`)) ?? '';
  expect(at('n3', 'SyncDone')).toContain('bytesFetched');
  // The checkpoint of the next epoch has the same content everywhere: the same number of chunks and bytes, and later.
  const made = (node: string) =>
    / (\d+) CheckpointMade chunks=\d+ bytes=\d+/.exec(at(node, 'CheckpointMade'))?.[0];
  expect(made('n3')).toBe(made('n0'));
  expect(made('n3')).toContain(' 32 ');
});
