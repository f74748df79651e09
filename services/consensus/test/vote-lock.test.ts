// The vote lock (protocol 8.3): what this node signed in an earlier life binds it in the next, whatever else the crash took.
import { sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { ENTRY, VOTE } from '../src/core/artifact.ts';
import { encode } from '../src/core/ledger.ts';
import { World } from './world.ts';

/** A network in which node 0 has voted at some height that is not final anywhere; answers that height and block. */
function voted(purpose: 'notarization' | 'finalization') {
  const world = new World({ n: 4, delay: (_m, from, to) => (from === to ? 0.1 : 5) });
  world.start();
  world.run(200);
  const node = world.node(0);
  const height = node.core.view().pool.notarized + 1;
  const blockHash = sha256(utf8('a block that only the crashed life knew'));
  const vote = { height, blockHash, signer: node.nodeId, signature: new Uint8Array(64).fill(1) };
  world.crash(0);
  node.journal.push(encode({ kind: 'ownVote', ownVote: { purpose, vote } }));
  node.said = [];
  world.startNode(0);
  for (let i = 0; i < 20; i += 1) {
    world.at(i * 20, () => {
      for (const other of world.nodes) world.submit(other.index, `call ${i}`);
    });
  }
  world.run(5_000);
  const votes = (kind: string): readonly string[] =>
    node.said.flatMap((message) => {
      if (message.kind !== 'PublishArtifact' || message.artifactKind !== kind) return [];
      const decoded = VOTE.decode(message.body);
      return decoded.kind === 'valid' && decoded.value.height === height
        ? [toHex(decoded.value.blockHash)]
        : [];
    });
  return { world, node, height, blockHash: toHex(blockHash), votes };
}

describe('the vote lock', () => {
  test('after a notarisation vote, no finalisation vote for another block of that height', () => {
    const { node, height, votes } = voted('notarization');
    expect(node.core.view().pool.finalized).toBeGreaterThan(height);
    expect(votes('finalization_share')).toEqual([]);
  });

  test('after a finalisation vote, no vote at all for another block of that height', () => {
    const { node, height, blockHash, votes } = voted('finalization');
    expect(node.core.view().pool.finalized).toBeGreaterThan(height);
    const all = [...votes('notarization_share'), ...votes('finalization_share')];
    expect(all.filter((hash) => hash !== blockHash)).toEqual([]);
  });

  test('a proposal of an earlier life is the only one at its height', () => {
    const world = new World({ n: 1, executes: false });
    const node = world.node(0);
    const vote = {
      height: 1,
      blockHash: sha256(utf8('x')),
      signer: node.nodeId,
      signature: new Uint8Array(64),
    };
    node.journal.push(encode({ kind: 'ownVote', ownVote: { purpose: 'proposal', vote } }));
    world.start();
    world.run(3_000);
    expect(world.batches(0)).toEqual([]);
  });

  test('votes are durable before they are shown', () => {
    const world = new World({ n: 4, delay: (_m, from, to) => (from === to ? 0.1 : 5) });
    world.start();
    for (let step = 0; step < 400; step += 1) {
      // p2p asks at any moment for everything that is on offer.
      for (const { index } of world.nodes) world.deliver(index, { kind: 'RequestOffers' });
      world.run(0.5);
      for (const { said, journal, durable } of world.nodes) {
        const survive = journal.slice(0, durable).flatMap((entry) => {
          const decoded = ENTRY.decode(entry);
          return decoded.kind === 'valid' && decoded.value.fact.kind === 'ownVote'
            ? [toHex(decoded.value.fact.ownVote.vote.signature)]
            : [];
        });
        const known = new Set(survive);
        for (const message of said) {
          if (message.kind !== 'PublishArtifact' || !message.artifactKind.endsWith('_share'))
            continue;
          const vote = VOTE.decode(message.body);
          if (vote.kind === 'valid') expect(known.has(toHex(vote.value.signature))).toBe(true);
        }
      }
    }
  });
});
