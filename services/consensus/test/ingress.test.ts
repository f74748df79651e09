// Blocks that travel with ids, and what becomes of calls that peers bring: missing, forged, doubled, far too many.
import type { Message } from '@internode/contracts';
import { nobleBls } from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { INGRESS, type Ingress, idOfIngress, keyOf, VOTE } from '../src/core/artifact.ts';
import { IngressPool } from '../src/core/ingress-pool.ts';
import { rolesOf } from '../src/core/membership.ts';
import { CONSENSUS_LIMITS, type IngressRules } from '../src/index.ts';
import { authorOf } from '../src/ingress-check.ts';
import { checkAgreement } from './agreement.ts';
import { CANISTER_RANGES, call, otherBytes, secretOf } from './calls.ts';
import { beaconOf, World } from './world.ts';

const lan = (_message: Message, from: number, to: number): number => (from === to ? 0.1 : 5);
const EXPIRY = 1_785_000_200_000_000_000n;

const rules: IngressRules = {
  signatures: nodeSignatures,
  bls: nobleBls,
  rootKey: new Uint8Array(0),
  subnetId: utf8('test subnet'),
  canisterRanges: CANISTER_RANGES,
};

function asks(
  world: World,
  index: number,
): readonly Extract<Message, { kind: 'RequestArtifacts' }>[] {
  return world.node(index).said.filter((message) => message.kind === 'RequestArtifacts');
}

function finalCalls(world: World, index: number): readonly string[] {
  return world
    .batches(index)
    .flatMap(({ ingress }) => ingress.map(({ requestId }) => toHex(requestId)));
}

/** A running four, the next height, its first maker and the others. */
function setting() {
  const world = new World({ n: 4, delay: lan, offersAgainMs: 300 });
  world.start();
  world.run(300);
  const { pool, epochs } = world.node(0).core.view();
  const height = pool.notarized + 1;
  const subnet = epochs.subnetOf(height);
  const member = rolesOf(subnet.n, beaconOf(height - 1)).makers[0] as number;
  const { nodeId } = subnet.member(member);
  const maker = world.nodes.findIndex((node) => toHex(node.nodeId) === toHex(nodeId));
  const [parent] = pool.notarizedBlocks(height - 1);
  if (parent === undefined) throw new Error('no parent');
  return { world, height, maker, parent, others: [0, 1, 2, 3].filter((i) => i !== maker) };
}

describe('the id of a message', () => {
  test('differs whenever any byte differs', () => {
    const ingress = call('a', { expiryNanos: EXPIRY, secret: secretOf('alice') });
    const ids = new Map<string, string>();
    const note = (message: Ingress): void => {
      const bytes = toHex(INGRESS.encode(message));
      const id = toHex(idOfIngress(message));
      expect(ids.get(id) ?? bytes).toBe(bytes);
      ids.set(id, bytes);
    };
    note(ingress);
    for (let place = 0; place < ingress.envelope.length; place += 1) {
      const envelope = Uint8Array.from(ingress.envelope);
      envelope[place] = (envelope[place] as number) ^ (1 + (place % 255));
      note({ ...ingress, envelope });
      note({ ...ingress, envelope: ingress.envelope.subarray(0, place) });
    }
    note({ ...ingress, expiryNanos: EXPIRY + 1n });
    note({ ...ingress, effectiveCanisterId: utf8('x') });
    note({ ...ingress, requestId: sha256(utf8('x')) });
    expect(ids.size).toBe(2 * ingress.envelope.length + 4);
  });
});

describe('blocks that travel with ids', () => {
  test('a call that only one node knows is in a block of all, each body asked for when it is missing', () => {
    const world = new World({ n: 4, delay: lan });
    world.start();
    world.run(100);
    for (let i = 0; i < 12; i += 1) world.at(i * 40, () => world.submit(i % 4, `call ${i}`));
    world.run(6_000);
    checkAgreement(world);
    for (const node of world.nodes) {
      expect(new Set(finalCalls(world, node.index)).size).toBe(12);
      expect(asks(world, node.index).length).toBeGreaterThan(0);
    }
  });

  test('what peers pushed before is not asked for, and a block is final after three delays', () => {
    const world = new World({ n: 4, delay: lan });
    world.start();
    world.run(300);
    const before = world.batches(0).length;
    world.gossip(0, 'a');
    world.run(31);
    for (const node of world.nodes) {
      expect(world.batches(node.index).length).toBe(before + 1);
      expect(asks(world, node.index)).toEqual([]);
    }
  });

  test('a block naming messages that nobody has costs a few questions and blocks no other', () => {
    const { world, height, maker, parent, others } = setting();
    world.crash(maker);
    const ghost = world.proposal(maker, parent, ['x', 'y']);
    world.node(maker).bodies.clear();
    for (const index of others) world.artifact(index, maker, 'block_proposal', ghost);
    world.run(4_000);
    for (const index of others) {
      expect(world.node(index).core.view().pool.finalized).toBeGreaterThan(height);
      expect(finalCalls(world, index)).toEqual([]);
      expect(asks(world, index).length).toBeGreaterThan(1);
      expect(asks(world, index).length).toBeLessThan(8);
      expect(world.node(index).core.view().gathering.all.size).toBe(0);
    }
  });

  test('a block with a forged call is never voted for', () => {
    const { world, height, maker, parent, others } = setting();
    const forged = { ...call('x', { expiryNanos: EXPIRY, secret: secretOf('alice') }) };
    const { envelope } = forged;
    forged.envelope = Uint8Array.from(envelope).fill(1, envelope.length - 20);
    world.crash(maker);
    const block = world.proposalOf(maker, parent, [forged]);
    for (const index of others) world.artifact(index, maker, 'block_proposal', block.body);
    world.run(4_000);
    for (const index of others) {
      expect(world.node(index).core.view().pool.finalized).toBeGreaterThan(height);
      expect(finalCalls(world, index)).toEqual([]);
      for (const message of world.node(index).said) {
        if (message.kind !== 'PublishArtifact' || message.artifactKind !== 'notarization_share')
          continue;
        const vote = VOTE.decode(message.body);
        if (vote.kind === 'valid') expect(toHex(vote.value.blockHash)).not.toBe(block.key);
      }
    }
  });

  test('two byte-different messages of one request: either may be final, the request is so once', () => {
    const world = new World({ n: 4, delay: lan, offersAgainMs: 300 });
    world.start();
    world.run(100);
    for (let i = 0; i < 10; i += 1) {
      const one = world.ingress(`call ${i}`);
      const other = otherBytes(one, i);
      expect(authorOf(rules, other)).toEqual(authorOf(rules, one));
      for (const { index } of world.nodes)
        world.bring(index, (index + i) % 4, index % 2 === 0 ? one : other);
    }
    world.run(6_000);
    checkAgreement(world);
    for (const { index } of world.nodes) {
      expect(finalCalls(world, index).length).toBe(10);
      expect(new Set(finalCalls(world, index)).size).toBe(10);
      expect(world.node(index).core.view().ingress.size).toBe(0);
      expect(world.node(index).core.view().ingress.bytes).toBe(0);
    }
  });
});

describe('ingress of peers', () => {
  test('is verified in batches and once; the own gateway’s is not verified at all', () => {
    const alone = new World({ n: 1 });
    alone.start();
    for (let i = 0; i < 50; i += 1) alone.submit(0, `call ${i}`);
    alone.run(100);
    expect(finalCalls(alone, 0)).toHaveLength(50);
    expect(alone.node(0).tasks.get('authenticate')).toBeUndefined();

    const world = new World({ n: 4, delay: lan });
    world.startNode(0);
    for (let i = 0; i < 1_000; i += 1) world.bring(0, 1, world.ingress(`call ${i}`));
    world.run(50);
    expect(world.node(0).core.view().ingress.size).toBe(1_000);
    const tasks = world.node(0).tasks.get('authenticate') ?? 0;
    expect(tasks).toBeLessThanOrEqual(1 + Math.ceil(999 / CONSENSUS_LIMITS.inspectedAtOnceMax));
    for (let i = 0; i < 1_000; i += 1) world.bring(0, 2, world.ingress(`call ${i}`));
    world.run(50);
    expect(world.node(0).tasks.get('authenticate')).toBe(tasks);
  });

  test('forged, expired or of the far future never enters the pool', () => {
    const world = new World({ n: 4, delay: lan });
    world.startNode(0);
    const good = world.ingress('good');
    const envelope = Uint8Array.from(good.envelope);
    envelope[envelope.length - 1] = (envelope[envelope.length - 1] as number) ^ 1;
    world.bring(0, 1, { ...good, envelope });
    world.bring(0, 1, { ...good, requestId: sha256(utf8('other')) });
    world.bring(0, 1, { ...good, expiryNanos: good.expiryNanos + 1n });
    world.bring(0, 1, world.ingress('late', -1));
    world.bring(0, 1, world.ingress('early', 1_000_000));
    world.artifact(0, 1, 'ingress', Uint8Array.from([...INGRESS.encode(good), 0x78, 0x01]));
    world.run(50);
    expect(world.node(0).core.view().ingress.size).toBe(0);
    world.bring(0, 1, good);
    world.run(50);
    expect(world.node(0).core.view().ingress.size).toBe(1);
  });

  test('is judged alike by all, whatever their clocks say', () => {
    const alice = secretOf('alice');
    const session = (expirationNanos: bigint) => ({ secret: secretOf('session'), expirationNanos });
    const author = (options: Parameters<typeof call>[1]) => authorOf(rules, call('a', options));
    expect(author({ expiryNanos: EXPIRY })).toEqual(Uint8Array.of(4));
    expect(author({ expiryNanos: EXPIRY, secret: alice })).toHaveLength(29);
    const ends = (before: bigint) =>
      author({ expiryNanos: EXPIRY, secret: alice, session: session(EXPIRY - before) });
    expect(ends(-1_000_000_000n)).toHaveLength(29);
    // Some gateway may have admitted it just before the session ended.
    expect(ends(300_000_000_000n)).toHaveLength(29);
    expect(ends(331_000_000_000n)).toBeUndefined();
    expect(author({ expiryNanos: EXPIRY, canisterId: utf8('far away') })).toBeUndefined();
    const signed = call('a', { expiryNanos: EXPIRY, secret: alice });
    expect(authorOf(rules, { ...signed, effectiveCanisterId: utf8('x') })).toBeUndefined();
    expect(authorOf(rules, { ...signed, envelope: utf8('garbage') })).toBeUndefined();
  });

  test('of one author, or of one peer, leaves room for the others', () => {
    const pool = new IngressPool(
      () => 1,
      () => 0,
    );
    const ingress = (name: string): Ingress => ({
      requestId: sha256(utf8(name)),
      envelope: utf8(name),
      expiryNanos: EXPIRY,
      effectiveCanisterId: utf8('c'),
    });
    const { ingressPerAuthorMax, ingressMessagesMax } = CONSENSUS_LIMITS;
    for (let i = 0; i < ingressPerAuthorMax; i += 1)
      expect(pool.offer(ingress(`a${i}`), { author: 'mallory', peer: 'p' })).toBe('held');
    expect(pool.offer(ingress('more'), { author: 'mallory', peer: 'q' })).toBe(
      'author over its limit',
    );
    expect(pool.offer(ingress('bob'), { author: 'bob', peer: 'q' })).toBe('held');
    let taken = 0;
    for (let i = 0; i < ingressMessagesMax; i += 1)
      if (pool.offer(ingress(`b${i}`), { author: `sybil ${i}`, peer: 'p' }) === 'held') taken += 1;
    expect(taken).toBe(ingressMessagesMax / 2 - ingressPerAuthorMax);
    expect(pool.offer(ingress('carol'), { author: 'carol', peer: 'q' })).toBe('held');
    expect(pool.offer(ingress('own'))).toBe('held');
    const versions = Array.from({ length: 9 }, (_, i) => ({
      ...ingress('v'),
      envelope: utf8(`${i}`),
    }));
    const held = versions.filter(
      (version) => pool.offer(version, { author: 'eve', peer: 'q' }) === 'held',
    );
    expect(held).toHaveLength(CONSENSUS_LIMITS.ingressVersionsMax);
    const chosen = pool.select(EXPIRY - 1n, new Set()).map((item) => keyOf(item.ingress.requestId));
    expect(new Set(chosen).size).toBe(chosen.length);
  });
});
