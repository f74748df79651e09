// Large subnets (protocol 8.3, Mode B): votes are added up by a few. Most tests lower the number of members at which that begins.
import type { Message } from '@internode/contracts';
import { loadFastBls } from '@internode/crypto/fast';
import { sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { CERTIFICATE, VOTE, type VoteCertificate } from '../src/core/artifact.ts';
import { committeeSize, faultsTolerated, quorum } from '../src/core/membership.ts';
import { aggregatorsAt, aggregatorsFirst, bitmapOf, indicesOf } from '../src/core/multi-votes.ts';
import { Tray } from '../src/core/tray.ts';
import { rankDelayMs } from '../src/core/view.ts';
import { CONSENSUS_LIMITS } from '../src/limits.ts';
import { sumVotes } from '../src/multi-solver.ts';
import { checkAgreement } from './agreement.ts';
import { World, type WorldOptions } from './world.ts';

const bls = await loadFastBls();
const lan = (_message: Message, from: number, to: number): number => (from === to ? 0.1 : 5);
const small = { listVotesMax: 5, idleBlockMs: 60, unitDelayMs: 300 };
const wrong = bls.sign(new Uint8Array(32).fill(3), utf8('no'));

function seven(more: Partial<WorldOptions> = {}): World {
  const world = new World({ n: 7, bls, delay: lan, parameters: small, ...more });
  world.start();
  return world;
}

function said(world: World, kind: 'PublishArtifact' | 'SendArtifact') {
  return world.nodes.flatMap((node) =>
    node.said.flatMap((message) =>
      message.kind === kind && message.artifactKind.endsWith('_share') ? [message] : [],
    ),
  );
}

function certificates(world: World, index: number): readonly VoteCertificate[] {
  return world.node(index).said.flatMap((message) => {
    if (message.kind !== 'PublishArtifact') return [];
    if (!['notarization', 'finalization'].includes(message.artifactKind)) return [];
    const decoded = CERTIFICATE.decode(message.body);
    return decoded.kind === 'valid' ? [decoded.value] : [];
  });
}

describe('quorums', () => {
  test('are safe and live for every size up to 600 (protocol 2.1)', () => {
    for (let n = 1; n <= 600; n += 1) {
      const f = faultsTolerated(n);
      const c = committeeSize(n);
      const needed = quorum(n);
      expect(c, `n = ${n}`).toBeLessThanOrEqual(n);
      // No second block can be notarised beside a final one, whatever f members do …
      expect(c - (needed - f), `n = ${n}`).toBeLessThan(needed);
      // … any two quorums share an honest member …
      expect(2 * needed - c, `n = ${n}`).toBeGreaterThan(f);
      // … and those that are honest are a quorum.
      expect(c - f, `n = ${n}`).toBeGreaterThanOrEqual(needed);
    }
  });
});

describe('signers as a bitmap', () => {
  test('come back as they went, and nothing else is one', () => {
    for (const n of [1, 7, 8, 9, 41, 500]) {
      const some = Array.from({ length: n }, (_, i) => i).filter((i) => (i * 7) % 3 !== 1);
      expect(indicesOf(bitmapOf(some, n), n)).toEqual(some);
      expect(indicesOf(new Uint8Array(Math.ceil(n / 8) + 1), n)).toBeUndefined();
    }
    expect(indicesOf(Uint8Array.of(0b1000_0000), 7)).toBeUndefined();
  });
});

describe('votes that are added up', () => {
  test('go to two members, whose certificates everyone believes', () => {
    const world = seven();
    for (let i = 0; i < 5; i += 1) world.at(i * 60, () => world.gossip(i, `call ${i}`));
    world.run(600);
    expect(checkAgreement(world)).toBeGreaterThan(4);
    expect(said(world, 'PublishArtifact')).toEqual([]);
    const sent = said(world, 'SendArtifact');
    expect(sent.length).toBeGreaterThan(40);
    for (const message of sent)
      if (message.kind === 'SendArtifact') expect(message.toNodes.length).toBeLessThanOrEqual(2);
    for (const { signatures, multi } of certificates(world, 0)) {
      expect(signatures).toEqual([]);
      expect(indicesOf(multi?.signers ?? new Uint8Array(0), 7)).toHaveLength(5);
    }
    for (const node of world.nodes) world.checkVotes(node.index);
    // Only those to whom votes were sent have summed, each at most once per kind and height.
    const sums = world.nodes.map((node) => node.tasks.get('sum-votes') ?? 0);
    const heights = world.node(0).core.view().pool.finalized;
    expect(sums.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(4 * (heights + 2));
  });

  test('go to eight at once in a large subnet', () => {
    expect([7, 23, 24, 41, 500].map(aggregatorsFirst)).toEqual([2, 7, 8, 8, 8]);
  });

  test('reach others when the first are down', () => {
    const world = seven();
    world.run(100);
    world.crash(5);
    world.crash(6);
    const before = world.batches(0).length;
    world.run(4_000);
    expect(world.batches(0).length).toBeGreaterThan(before + 4);
    checkAgreement(world);
  });

  test('reach all when nobody adds up', () => {
    const flat = new Set<string>();
    const world: World = seven({
      delay: (message, from, to) => {
        if (message.kind !== 'ArtifactReceived' || !message.artifactKind.endsWith('_share'))
          return lan(message, from, to);
        // The links to those who add up lose everything until a vote is offered to all.
        for (const { said: all } of world.nodes)
          for (const one of all.slice(-40))
            if (one.kind === 'PublishArtifact') flat.add(toHex(one.id));
        return flat.has(toHex(message.id)) ? 5 : undefined;
      },
    });
    world.run(4_000);
    expect(said(world, 'PublishArtifact').length).toBeGreaterThan(10);
    expect(checkAgreement(world)).toBeGreaterThan(1);
  });

  test('that are bad cost one search; their signers are not heard again', () => {
    const world = seven({
      badVote: (index, signature) => (index === 2 || index === 4 ? wrong : signature),
    });
    world.run(1_500);
    expect(checkAgreement(world)).toBeGreaterThan(4);
    // Those two find their own votes bad for ever; an honest member each of them once.
    const found = world.nodes
      .filter(({ index }) => index !== 2 && index !== 4)
      .map(({ events }) => events.filter(({ kind }) => kind === 'VoteBad').length);
    expect(Math.max(...found)).toBeGreaterThan(0);
    expect(Math.max(...found)).toBeLessThanOrEqual(2);
  });

  test('of others and of wrong length are turned away; a wrong certificate counts once', () => {
    const world = new World({ n: 7, bls, delay: lan, parameters: small });
    world.startNode(0);
    world.run(5);
    const blockHash = sha256(utf8('x'));
    const signer = world.node(1).nodeId;
    const vote = { height: 1, blockHash, signer, signature: new Uint8Array(48).fill(1) };
    const long = { ...vote, signature: new Uint8Array(64) };
    world.artifact(0, 2, 'notarization_share', VOTE.encode(vote));
    world.artifact(0, 1, 'notarization_share', VOTE.encode(long));
    const multi = { signers: bitmapOf([0, 1, 2, 3, 4], 7), signature: wrong };
    const certificate = { height: 1, blockHash, signatures: [], multi };
    const send = (value: VoteCertificate): void =>
      world.artifact(0, 1, 'notarization', CERTIFICATE.encode(value));
    send({ height: 1, blockHash, signatures: [] });
    send({ ...certificate, multi: { ...multi, signers: bitmapOf([0, 1], 7) } });
    send({ ...certificate, multi: { ...multi, signers: Uint8Array.of(255) } });
    send({ ...certificate, signatures: [{ signer, signature: new Uint8Array(64) }] });
    world.run(10);
    const reasons = () =>
      world.node(0).events.flatMap((e) => (e.kind === 'ArtifactRejected' ? [e.reason] : []));
    expect(reasons()).toEqual([
      'not from its signer',
      'signature length',
      'a list where votes are added up',
      'not exactly a quorum',
      'not a bitmap of the members',
      'a list where votes are added up',
    ]);
    send(certificate);
    world.run(10);
    expect(reasons().at(-1)).toBe('signature');
    const { length } = reasons();
    send({ ...certificate, blockHash: sha256(utf8('y')) });
    world.run(10);
    expect(reasons()).toHaveLength(length);
    expect(world.node(0).tasks.get('verify-multi')).toBe(1);
    expect(world.node(0).core.view().pool.notarized).toBe(0);
  });

  test('bind over a restart, which sends them again', () => {
    const world = seven();
    world.run(300);
    world.crash(3, world.node(3).durable);
    world.run(50);
    world.startNode(3);
    world.run(2_000);
    expect(checkAgreement(world)).toBeGreaterThan(8);
    world.checkVotes(3);
  });
});

describe('the tray', () => {
  test('is bounded per member, and forgets what is final', () => {
    const tray = new Tray();
    const by = { signer: 1, name: 'one', signature: new Uint8Array(48) };
    const block = (key: string, height = 5) => ({ purpose: 'notarization' as const, height, key });
    const taken = Array.from({ length: 10 }, (_, i) => tray.add(block(`${i}`), by));
    expect(taken.filter((t) => t)).toHaveLength(CONSENSUS_LIMITS.votedBlocksMax);
    expect(tray.add(block('0'), by)).toBe(true);
    expect(tray.add(block('0', 6), by)).toBe(true);
    tray.forgetUpTo(5);
    expect(tray.size).toBe(1);
    tray.convict(1, 'one');
    expect(tray.size).toBe(0);
    expect(tray.add(block('0', 7), by)).toBe(false);
  });
});

describe('a sum', () => {
  test('names exactly those whose votes are bad', () => {
    const message = utf8('vote');
    const world = new World({ n: 12, bls });
    const none = new Uint8Array(0);
    const good = world.nodes.map((_, index) => {
      const { voteKey: key = none, voteKeyProof: proof = none } = world.subnet.members[index] ?? {};
      return { index, key, proof, signature: world.voteOf(index, message) };
    });
    const sum = (shares: typeof good, needed: number) =>
      sumVotes(bls, { kind: 'sum-votes', message, quorum: needed, shares });
    expect(sum(good, 9)).toMatchObject({ culprits: [], signers: [0, 1, 2, 3, 4, 5, 6, 7, 8] });
    // A key without its proof counts for nothing, whatever it signs: else it could cancel the others.
    const shares = good.map((share) => {
      if (share.index === 3) return { ...share, signature: new Uint8Array(48) };
      return share.index === 7 ? { ...share, proof: good[0]?.proof ?? none } : share;
    });
    const found = sum(shares, 9);
    expect([...found.culprits].sort()).toEqual([3, 7]);
    expect(found.signers).toEqual([0, 1, 2, 4, 5, 6, 8, 9, 10]);
    expect(sum(shares, 11).signature).toBeUndefined();
  });
});

describe('forty-three members', () => {
  test('add up by themselves, and finalise', () => {
    const world = new World({ n: 43, bls, delay: lan, parameters: { idleBlockMs: 50 } });
    world.start();
    world.run(170);
    expect(checkAgreement(world)).toBeGreaterThan(1);
    expect(said(world, 'PublishArtifact')).toEqual([]);
    const view = world.node(0).core.view();
    expect(view.epochs.subnetOf(1)).toMatchObject({ scheme: 'multi', quorum: 29, hardGap: 20 });
    const { notarized } = view.pool;
    expect(aggregatorsAt(view, notarized, 'notarization')).toHaveLength(
      CONSENSUS_LIMITS.aggregatorsMax,
    );
    // Ranks beyond the first wait until all of those have failed.
    const unit = view.tempo.unitMs;
    expect(rankDelayMs(view, 25)).toBe(25 * unit);
    expect(rankDelayMs(view, 26)).toBe(28 * unit);
  }, 60_000);
});
