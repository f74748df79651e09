// Calls after a pause: the round began long ago, so every rank's wait would be over if it were counted from there.
import type { Message } from '@internode/contracts';
import { describe, expect, test } from 'vitest';
import { STRIPPED_PROPOSAL, VOTE } from '../src/core/artifact.ts';
import { LOCAL_PARAMETERS } from '../src/index.ts';
import { checkAgreement } from './agreement.ts';
import { World } from './world.ts';

const PAUSE_MS = 700;
const CALLS = 12;
/** Far less than a unit, and than the pause between idle blocks. */
const FINAL_MS_MAX = 90;

const near = (from: number, to: number): number => (from === to ? 0.1 : 5);

/** Makers by height, of all that was proposed. */
function proposals(world: World): ReadonlyMap<number, number> {
  const makers = new Map<number, Set<number>>();
  for (const node of world.nodes) {
    for (const message of node.said) {
      if (message.kind !== 'PublishArtifact' || message.artifactKind !== 'block_proposal') continue;
      const decoded = STRIPPED_PROPOSAL.decode(message.body);
      if (decoded.kind !== 'valid') continue;
      const { height, rank } = decoded.value.block;
      makers.set(height, (makers.get(height) ?? new Set()).add(rank));
    }
  }
  return new Map([...makers].map(([height, ranks]) => [height, ranks.size]));
}

function finalCalls(world: World): number {
  return world.batches(0).reduce((sum, { ingress }) => sum + ingress.length, 0);
}

function heightOfFinalization(message: Message): number | undefined {
  if (message.kind !== 'ArtifactReceived') return undefined;
  if (message.artifactKind !== 'finalization_share') return undefined;
  const decoded = VOTE.decode(message.body);
  return decoded.kind === 'valid' ? decoded.value.height : undefined;
}

describe('a call after a pause', () => {
  test('is proposed by one maker, and final at once', () => {
    const world = new World({ n: 4, delay: (_, from, to) => near(from, to) });
    world.start();
    for (let i = 0; i < CALLS; i += 1) {
      world.run(PAUSE_MS);
      world.gossip(i % 4, `call ${i}`);
      world.run(FINAL_MS_MAX);
      expect(finalCalls(world), `call ${i}`).toBe(i + 1);
    }
    checkAgreement(world);
    // The first blocks after a start are made without waiting for work.
    const doubled = [...proposals(world)].filter(([height, ranks]) => height > 1 && ranks > 1);
    expect(doubled).toEqual([]);
  });

  test('is proposed by the next rank a unit later, when the first is down', () => {
    const world = new World({ n: 4, delay: (_, from, to) => near(from, to) });
    world.start();
    world.run(2_000);
    world.crash(1);
    for (let i = 0; i < CALLS; i += 1) {
      world.run(PAUSE_MS);
      world.gossip(0, `call ${i}`);
      world.run(1_000 + FINAL_MS_MAX);
      expect(finalCalls(world), `call ${i}`).toBe(i + 1);
    }
    checkAgreement(world);
  });

  test('in a block that is notarised and does not become final is final with the next, a unit later', () => {
    let lost: number | undefined;
    const world = new World({
      n: 4,
      parameters: { idleBlockOfSeveralMs: 2_500 },
      delay: (message, from, to) =>
        from !== to && lost !== undefined && heightOfFinalization(message) === lost
          ? undefined
          : near(from, to),
    });
    world.start();
    world.run(2_000);
    const { pool } = world.node(0).core.view();
    lost = pool.notarized + 1;
    world.gossip(0, 'call');
    world.run(60);
    const now = world.node(0).core.view().pool;
    expect([now.notarized, now.finalized]).toEqual([lost, lost - 1]);
    // A unit is a second at first; an idle block would take two and a half.
    world.run(1_000 + FINAL_MS_MAX);
    expect(finalCalls(world)).toBe(1);
    checkAgreement(world);
  });
});

describe('under load', () => {
  const CALLERS = 32;

  /** Callers who each wait for their answer and call again a little later, at different nodes. */
  function load(world: World, rounds: number): void {
    const answered = new Map<number, number>();
    let count = 0;
    const call = (caller: number): void => {
      if ((answered.get(caller) ?? 0) >= rounds) return;
      count += 1;
      world.gossip(caller % 4, `call ${count} of ${caller}`);
    };
    let seen = 0;
    const answer = (): void => {
      for (const { height, ingress } of world.batches(0).slice(seen)) {
        if (height > world.node(0).core.view().certified) break;
        seen += 1;
        for (const { envelope } of ingress) {
          const caller = Number(new TextDecoder().decode(envelope).split(' of ')[1]);
          answered.set(caller, (answered.get(caller) ?? 0) + 1);
          world.at(2 + (caller % 5), () => call(caller));
        }
      }
      world.at(1, answer);
    };
    // Not together at first.
    for (let caller = 0; caller < CALLERS; caller += 1) world.at(caller * 4, () => call(caller));
    answer();
  }

  test('calls that come while a block is on its way meet in one block', () => {
    const world = new World({ n: 4, delay: (_, from, to) => near(from, to) });
    world.start();
    world.run(2_000);
    load(world, 12);
    world.run(10_000);
    expect(finalCalls(world)).toBe(12 * CALLERS);
    const sizes = world.batches(0).flatMap(({ ingress }) => ingress.length || []);
    // Most blocks hold the calls of all.
    const whole = sizes.filter((size) => size >= CALLERS * 0.9);
    expect(whole.length, sizes.join(' ')).toBeGreaterThan(7);
    checkAgreement(world);
  });

  test('a block that is not certified holds the next one up for a moment only', () => {
    let lost = false;
    const world = new World({
      n: 4,
      delay: ({ kind }, from, to) =>
        lost && kind === 'StateCertified' ? undefined : near(from, to),
    });
    world.start();
    world.run(2_000);
    lost = true;
    for (const name of ['a', 'b', 'c']) world.gossip(0, name);
    world.run(2 * FINAL_MS_MAX);
    expect(finalCalls(world)).toBe(3);
    world.gossip(1, 'd');
    world.run(100);
    expect(finalCalls(world)).toBe(3);
    world.run(LOCAL_PARAMETERS.certifiedWaitMaxMs + FINAL_MS_MAX);
    expect(finalCalls(world)).toBe(4);
  });
});
