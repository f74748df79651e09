// The vote lock (protocol 8.3): what this node signed in an earlier life binds it in the next, whatever else the crash took.
import type { Message } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import {
  type BlockProposal,
  type ConsensusEntry,
  ENTRY,
  hashOfBlock,
  hashOfPayload,
  payloadOf,
  STRIPPED_PROPOSAL,
  VOTE,
  type VotePurpose,
} from '../src/core/artifact.ts';
import { encode } from '../src/core/ledger.ts';
import { VoteLock } from '../src/core/vote-lock.ts';
import { CONSENSUS_LIMITS } from '../src/limits.ts';
import { checkAgreement } from './agreement.ts';
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

  test('a journal with a notarisation whose block it does not hold waits for the block', () => {
    const node = new World({ n: 4 }).node(0);
    const { pool, epochs } = node.core.view();
    const [base] = pool.notarizedBlocks(0);
    if (base === undefined) throw new Error('no base');
    const maker = epochs.subnetOf(1).member(0).nodeId;
    const signature = new Uint8Array(64);
    const made = (height: number, parent: Uint8Array, rank: number): BlockProposal => ({
      block: {
        height,
        parent,
        rank,
        registryVersion: 1,
        certifiedHeight: 0,
        timeNanos: BigInt(height),
        payloadHash: hashOfPayload(payloadOf([])),
      },
      payload: payloadOf([]),
      maker,
      signature,
    });
    const facts: ConsensusEntry['fact'][] = [];
    const voted = (proposal: BlockProposal): void => {
      const vote = {
        height: proposal.block.height,
        blockHash: hashOfBlock(proposal.block),
        signer: node.nodeId,
        signature,
      };
      const ownVote = { purpose: 'notarization' as const, vote, proposal };
      facts.push({ kind: 'ownVote', ownVote });
    };
    const certified = (proposal: BlockProposal, purpose: VotePurpose): void => {
      const { block } = proposal;
      const certificate = { height: block.height, blockHash: hashOfBlock(block), signatures: [] };
      facts.push({ kind: 'keptCertificate', keptCertificate: { purpose, certificate } });
    };
    // Two blocks of height 1 are notarised; this node voted for one, and then for a child of the other.
    const own = made(1, base.hash, 1);
    const other = made(1, base.hash, 0);
    const child = made(2, hashOfBlock(other.block), 0);
    voted(own);
    certified(own, 'notarization');
    certified(other, 'notarization');
    voted(child);
    certified(child, 'notarization');
    certified(child, 'finalization');
    const world = new World({ n: 4 });
    world.node(0).journal = facts.map(encode);
    world.startNode(0);
    const restored = world.node(0).core.view().pool;
    expect(restored.finalized).toBe(0);
    expect(restored.notarized).toBe(1);
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

/** Heights of everything that a node has signed and shown, proposals too; `from`: not counting what it has said before. */
function signedHeights(world: World, index: number, from = 0): readonly number[] {
  const { said, nodeId } = world.node(index);
  const shown = (messages: readonly Message[]) =>
    messages.flatMap((message) => (message.kind === 'PublishArtifact' ? [message] : []));
  const old = new Set(shown(said.slice(0, from)).map(({ id }) => toHex(id)));
  return shown(said.slice(from)).flatMap(({ id, artifactKind, body }) => {
    if (old.has(toHex(id))) return [];
    if (artifactKind === 'block_proposal') {
      const made = STRIPPED_PROPOSAL.decode(body);
      const own = made.kind === 'valid' && toHex(made.value.maker) === toHex(nodeId);
      return own ? [made.value.block.height] : [];
    }
    const vote = artifactKind.endsWith('_share') ? VOTE.decode(body) : undefined;
    return vote?.kind === 'valid' ? [vote.value.height] : [];
  });
}

const fast = { unitDelayMs: 50, idleBlockMs: 20 };
const lan = (_m: unknown, from: number, to: number): number => (from === to ? 0.1 : 5);

describe('a member whose vote log is lost', () => {
  test('signs nothing that it may have signed before, and takes part again soon when all others answer', () => {
    for (let life = 0; life < 3; life += 1) {
      const world = new World({ n: 4, delay: lan, strictValues: true, parameters: fast });
      world.start();
      world.run(200 + life * 7);
      const before = Math.max(...signedHeights(world, 0));
      world.loseDisk(0);
      const said = world.node(0).said.length;
      world.run(life % 2 === 0 ? 0 : 200);
      world.startNode(0);
      world.run(1_500);
      const after = signedHeights(world, 0, said);
      expect(after.length).toBeGreaterThan(10);
      expect(Math.min(...after)).toBeGreaterThan(before);
      checkAgreement(world);
    }
  });

  test('waits for the chain while one of the others is silent, over restarts', () => {
    const world = new World({
      n: 4,
      delay: lan,
      strictValues: true,
      parameters: { unitDelayMs: 50 },
    });
    world.start();
    for (let i = 0; i < 40; i += 1) world.at(i * 20, () => world.gossip(i % 4, `call ${i}`));
    world.run(900);
    const before = Math.max(...signedHeights(world, 0));
    expect(before).toBeGreaterThan(20);
    // Its word and that of the others are all that could tell; one of them says nothing, but votes.
    world.options.silent = 1;
    world.loseDisk(0);
    const said = world.node(0).said.length;
    world.startNode(0);
    world.run(30_000);
    world.crash(0);
    world.startNode(0);
    world.run(90_000);
    expect(signedHeights(world, 0, said)).toEqual([]);
    expect(world.batches(0).length).toBeGreaterThan(100);
    world.run(60_000);
    const after = signedHeights(world, 0, said);
    expect(after.length).toBeGreaterThan(5);
    expect(Math.min(...after)).toBeGreaterThan(before + CONSENSUS_LIMITS.hardGap);
  }, 60_000);

  test('a first start needs 2f others who also know nothing; one who boasts or is silent delays nobody', () => {
    for (const silent of [undefined, 3]) {
      const world = new World({ n: 4, delay: lan, firstLife: 'ask', parameters: fast });
      if (silent === undefined) world.start();
      else for (const index of [0, 1, 2]) world.startNode(index);
      world.run(600);
      for (const index of [0, 1, 2]) expect(world.batches(index).length).toBeGreaterThan(5);
    }
    // Two were quick: the others hear of their votes at height 1, which nothing notarises without them.
    const staggered = new World({
      n: 4,
      delay: lan,
      firstLife: 'ask',
      parameters: fast,
      offersAgainMs: 100,
    });
    staggered.start();
    // They have answered, and are gone before they hear answers.
    staggered.run(8);
    for (const index of [2, 3]) staggered.crash(index, 0);
    staggered.run(200);
    expect(signedHeights(staggered, 0)).not.toEqual([]);
    staggered.startNode(2);
    staggered.startNode(3);
    staggered.run(1_000);
    for (const { index } of staggered.nodes)
      expect(staggered.batches(index).length).toBeGreaterThan(5);
    const lone = new World({ n: 4, delay: lan, firstLife: 'ask', parameters: fast });
    for (const index of [0, 1]) lone.startNode(index);
    lone.run(2_000);
    expect([...signedHeights(lone, 0), ...signedHeights(lone, 1)]).toEqual([]);
  });

  test('when configuration says that all logs are lost, the subnet stands still rather than fork', () => {
    const world = new World({ n: 4, delay: lan, firstLife: false, parameters: fast });
    for (const { index } of world.nodes) world.loseDisk(index);
    world.start();
    world.run(10_000);
    for (const { index } of world.nodes) expect(signedHeights(world, index)).toEqual([]);
  });

  test('R1 needs n - f others and their memory; R2 a block made after the start', () => {
    const subnet = new World({ n: 4 }).node(0).core.view().epochs.subnetOf(1);
    const others = [0, 1, 2, 3].filter((index) => index !== subnet.self);
    const names = others.map((index) => subnet.name(index));
    const lock = new VoteLock();
    lock.begin(1_000n);
    const judged = (): number => {
      lock.judge(subnet, undefined);
      return lock.from;
    };
    expect(judged()).toBe(Number.POSITIVE_INFINITY);
    lock.hear(names[0] as string, { seen: 7, remembers: true });
    lock.hear(names[1] as string, { seen: 9, remembers: true });
    lock.hear(names[2] as string, { seen: 90, remembers: false });
    lock.hear('a stranger', { seen: 0, remembers: true });
    expect(judged()).toBe(Number.POSITIVE_INFINITY);
    const { clockSkewNanos, hardGap } = CONSENSUS_LIMITS;
    lock.sawFinal(100, 1_000n + clockSkewNanos - 1n);
    expect(judged()).toBe(Number.POSITIVE_INFINITY);
    lock.sawFinal(101, 1_000n + clockSkewNanos);
    expect(judged()).toBe(101 + hardGap + 2);
    const quick = new VoteLock();
    quick.begin(1_000n);
    for (const [index, name] of names.entries())
      quick.hear(name, { seen: 3 + index, remembers: true });
    quick.judge(subnet, undefined);
    expect(quick.from).toBe(7);
    quick.sawFinal(1, 1n << 62n);
    expect(quick.from).toBe(7);
  });
});
