// Catching up by ranges of final blocks: after a while away, from nothing, from liars, with blocks larger than an answer.
import type { Message } from '@internode/contracts';
import { utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { ANSWER, type ChainLink, QUESTION } from '../src/core/artifact.ts';
import { CONSENSUS_LIMITS } from '../src/limits.ts';
import { checkAgreement } from './agreement.ts';
import { World, type WorldOptions } from './world.ts';

const lan = (_message: Message, from: number, to: number): number => (from === to ? 0.1 : 5);
const AWAY = 3;

/** Four of which one is away for so many heights, a call in each. */
function away(heights: number, more: Partial<WorldOptions> = {}): World {
  const world = new World({
    n: 4,
    delay: lan,
    strictValues: true,
    // One of four is away: its turns to lead should not take all of the test's time.
    parameters: { unitDelayMs: 20, idleBlockMs: 60 },
    ...more,
  });
  world.start();
  world.run(100);
  world.loseDisk(AWAY);
  for (let i = 0; finalized(world, 0) < heights; i += 1) {
    world.gossip(0, `call ${i}`);
    world.run(20);
  }
  return world;
}

function finalized(world: World, index: number): number {
  return world.node(index).core.view().pool.finalized;
}

function questions(world: World) {
  return world.node(AWAY).said.filter((message) => message.kind === 'AskPeer');
}

/** Heights pass quickly, and beacon and tape are what a beacon would take. */
function quickWorld(): World {
  return new World({
    n: 4,
    delay: lan,
    strictValues: true,
    parameters: { unitDelayMs: 20, idleBlockMs: 5 },
  });
}

describe('catching up by range', () => {
  test('a node whose beacon has lost the end of its journal leads it up again by its own blocks', () => {
    const world = quickWorld();
    world.start();
    world.run(1_000);
    world.crash(AWAY);
    world.forgetBeacons(AWAY, finalized(world, AWAY) - 2 * CONSENSUS_LIMITS.valuesAhead);
    const left = finalized(world, AWAY);
    world.run(4_000);
    expect(finalized(world, 0)).toBeGreaterThan(left + 2 * CONSENSUS_LIMITS.hardGap);
    world.startNode(AWAY);
    world.run(3_000);
    expect(finalized(world, AWAY)).toBeGreaterThan(finalized(world, 0) - 5);
    const lies = world.node(AWAY).events.filter(({ kind }) => kind === 'ArtifactRejected');
    expect(lies).toEqual([]);
    checkAgreement(world);
  });

  test('a node that was away, its disk intact, asks for what it missed', () => {
    const world = quickWorld();
    world.start();
    world.run(500);
    world.crash(AWAY);
    const left = finalized(world, 0);
    world.run(4_000);
    expect(finalized(world, 0)).toBeGreaterThan(left + 2 * CONSENSUS_LIMITS.hardGap);
    world.startNode(AWAY);
    world.run(3_000);
    expect(finalized(world, AWAY)).toBeGreaterThan(finalized(world, 0) - 5);
    expect(world.node(AWAY).executed).toBeGreaterThan(finalized(world, 0) - 8);
    checkAgreement(world);
    world.checkVotes(AWAY);
    expect(questions(world).length).toBeLessThan(20);
  });

  test('a node with an empty disk starts from genesis and takes part again', () => {
    const world = away(150);
    world.startNode(AWAY);
    world.run(3_000);
    checkAgreement(world);
    const height = finalized(world, 0);
    expect(finalized(world, AWAY)).toBeGreaterThan(height - 5);
    expect(world.batches(AWAY).length).toBeGreaterThan(height - 8);
    // Its pool stayed within its bounds on the way, and it is level now, without more questions.
    const asked = questions(world).length;
    expect(asked).toBeLessThan(40);
    world.run(1_000);
    expect(questions(world).length).toBeLessThanOrEqual(asked + 1);
    expect(finalized(world, 0)).toBeGreaterThan(height);
  });

  test('does not ask faster than its execution follows', () => {
    const world = away(450);
    world.options.executes = false;
    world.startNode(AWAY);
    world.run(4_000);
    const { pool, delivered } = world.node(AWAY).core.view();
    expect(delivered).toBeGreaterThan(100);
    expect(pool.finalized).toBeLessThanOrEqual(
      CONSENSUS_LIMITS.executionLagMax + CONSENSUS_LIMITS.rangeHeightsMax,
    );
  });

  test('a tape that no beacon makes any more comes from the blocks of peers', () => {
    const world: World = new World({
      n: 4,
      parameters: { idleBlockMs: 30 },
      delay: (message, from, to) => {
        const lost = message.kind === 'TapeValue' && message.height === 5 && to === 0;
        if (lost && !world.node(0).values.has('tape/5')) return undefined;
        return lan(message, from, to);
      },
    });
    world.start();
    world.run(3_000);
    expect(world.node(0).values.has('tape/5')).toBe(true);
    expect(world.node(0).core.view().delivered).toBeGreaterThan(20);
    expect(checkAgreement(world)).toBeGreaterThan(20);
  });

  test('liars cost time only', () => {
    let turn = 0;
    const world = away(80, {
      liar: (from, body) => {
        turn += 1;
        if (from === 0) return from === 0 && turn % 2 === 0 ? utf8('garbage') : lie(body, turn);
        return from === 1 ? lie(body, turn) : undefined;
      },
    });
    world.startNode(AWAY);
    world.run(9_000);
    checkAgreement(world);
    expect(finalized(world, AWAY)).toBeGreaterThan(finalized(world, 0) - 5);
    expect(world.node(AWAY).events.some(({ kind }) => kind === 'ArtifactRejected')).toBe(true);
  });

  test('values that the own beacon does not take, since it is slow or gone, make nobody a liar', () => {
    let isDumb = true;
    const world = away(80, {
      delay: (message, from, to) => {
        const isValue = message.kind === 'BeaconValue' || message.kind === 'TapeValue';
        return isDumb && isValue && to === AWAY ? undefined : lan(message, from, to);
      },
    });
    world.startNode(AWAY);
    world.run(6_000);
    expect(questions(world).length).toBeGreaterThan(0);
    isDumb = false;
    world.run(40_000);
    checkAgreement(world);
    expect(finalized(world, AWAY)).toBeGreaterThan(finalized(world, 0) - 5);
    const lies = world.node(AWAY).events.filter(({ kind }) => kind === 'ArtifactRejected');
    expect(lies).toEqual([]);
  });

  test('a block whose bodies no advert leads to, and one larger than an answer, are asked for by themselves', () => {
    const world = away(30);
    const big = 600_000;
    for (let i = 0; i < 5; i += 1) {
      const ingress = world.ingress(`big ${i}`, 240_000, big);
      for (const { index } of world.nodes) if (index !== AWAY) world.bring(index, index, ingress);
    }
    world.run(2_000);
    // Nobody's p2p has them any more.
    for (const node of world.nodes) node.bodies.clear();
    world.startNode(AWAY);
    world.run(6_000);
    checkAgreement(world);
    expect(finalized(world, AWAY)).toBeGreaterThan(finalized(world, 0) - 5);
    const kinds = questions(world).map((message) => {
      const decoded = message.kind === 'AskPeer' ? QUESTION.decode(message.body) : undefined;
      return decoded?.kind === 'valid' ? decoded.value.question.kind : '';
    });
    expect(kinds).toContain('bodies');
    expect(kinds).toContain('range');
  });

  test('answers are bounded in bytes, heights and number', () => {
    const world = away(200);
    const node = world.node(0);
    node.said = [];
    const question = { kind: 'range', range: { fromHeight: 1, toHeight: 1_000_000 } } as const;
    const body = QUESTION.encode({ question });
    for (let i = 0; i < 100; i += 1) {
      const askId = new Uint8Array(16).fill(i);
      const peer = world.node(AWAY).nodeId;
      world.deliver(0, { kind: 'PeerAsked', askId, topic: 'catch_up_range', peer, body });
    }
    const answers = node.said.filter((message) => message.kind === 'AnswerPeer');
    expect(answers).toHaveLength(CONSENSUS_LIMITS.answersAtOnceMax);
    for (const message of answers) {
      if (message.kind !== 'AnswerPeer') continue;
      expect(message.body.length).toBeLessThan(CONSENSUS_LIMITS.answerBytesMax * 1.2);
      const decoded = ANSWER.decode(message.body);
      if (decoded.kind !== 'valid' || decoded.value.answer.kind !== 'range')
        throw new Error('answer');
      expect(decoded.value.answer.range.links).toHaveLength(CONSENSUS_LIMITS.rangeHeightsMax);
    }
    world.deliver(0, {
      kind: 'PeerAsked',
      askId: new Uint8Array(16),
      topic: 'catch_up_range',
      peer: world.node(1).nodeId,
      body: utf8('garbage'),
    });
    expect(node.said.filter((message) => message.kind === 'AnswerPeer').length).toBe(
      answers.length,
    );
  });
});

/** An answer with something wrong in it, another thing each time. */
function lie(body: Uint8Array, turn: number): Uint8Array {
  const decoded = ANSWER.decode(body);
  if (decoded.kind !== 'valid' || decoded.value.answer.kind !== 'range') return body;
  const { range } = decoded.value.answer;
  const change = (link: ChainLink): ChainLink => {
    const { proposal, notarization } = link;
    switch (turn % 5) {
      case 0:
        return { ...link, beacon: new Uint8Array(48).fill(1), tape: new Uint8Array(48).fill(1) };
      case 1:
        return { ...link, proposal: { ...proposal, signature: new Uint8Array(64) } };
      case 2:
        return {
          ...link,
          notarization: {
            ...notarization,
            signatures: notarization.signatures.map(({ signer }) => ({
              signer,
              signature: new Uint8Array(64),
            })),
          },
        };
      case 3:
        return { ...link, proposal: { ...proposal, block: { ...proposal.block, height: 1 } } };
      default:
        return { ...link, ingress: link.ingress.map((m) => ({ ...m, envelope: utf8('x') })) };
    }
  };
  return ANSWER.encode({
    answer: { kind: 'range', range: { ...range, links: range.links.map(change) } },
  });
}
