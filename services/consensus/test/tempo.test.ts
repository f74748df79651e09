// Delays that follow what is measured: of ranks, and of heights that the state cannot follow.
import type { Message } from '@internode/contracts';
import { describe, expect, test } from 'vitest';
import { AbsentMakers } from '../src/core/absent-makers.ts';
import { Tempo } from '../src/core/tempo.ts';
import { LOCAL_PARAMETERS } from '../src/index.ts';
import { checkAgreement } from './agreement.ts';
import { World } from './world.ts';

const { unitDelayMs, unitDelayMinMs, certifiedGapDelayMs, certifiedGapFree } = LOCAL_PARAMETERS;

function measured(quorumMs: (height: number) => number): Tempo {
  const tempo = new Tempo(LOCAL_PARAMETERS);
  for (let height = 1; height <= 40; height += 1) {
    tempo.voted(height, height * 1_000);
    tempo.notarized(height, height * 1_000 + quorumMs(height));
  }
  return tempo;
}

describe('the unit of ranks', () => {
  test('is the agreed one until quorums are known, then follows the slow ones, within its bounds', () => {
    const fresh = new Tempo(LOCAL_PARAMETERS);
    expect(fresh.unitMs).toBe(unitDelayMs);
    fresh.voted(1, 0);
    fresh.notarized(1, 1);
    fresh.notarized(2, 2);
    expect(fresh.unitMs).toBe(unitDelayMs);
    expect(measured(() => 2).unitMs).toBe(unitDelayMinMs);
    expect(measured(() => 50).unitMs).toBe(300);
    // A few slow ones in a hundred are not what ranks wait for; one in five is.
    expect(measured((height) => (height % 20 === 0 ? 900 : 50)).unitMs).toBe(300);
    expect(measured((height) => (height % 5 === 0 ? 900 : 50)).unitMs).toBe(unitDelayMs);
  });

  test('lets a quick subnet go on soon without its first maker', () => {
    const lan = (_m: Message, from: number, to: number): number => (from === to ? 0.1 : 2);
    const world = new World({ n: 4, delay: lan });
    world.start();
    for (let i = 0; i < 100; i += 1)
      world.at(i * 40, () => {
        for (const { index, up } of world.nodes) if (up) world.submit(index, `call ${i}`);
      });
    world.run(1_500);
    world.crash(3);
    const before = world.batches(0).length;
    world.run(2_500);
    // With a fixed unit of a second these would be about ten.
    expect(world.batches(0).length - before).toBeGreaterThan(20);
    checkAgreement(world);
  });
});

describe('makers that are gone', () => {
  test('are waited for once, and again when they have made a block', () => {
    // Quorums are as slow as a unit may be, so that who waits for one can be told from who does not.
    const slow = (_m: Message, from: number, to: number): number => (from === to ? 0.1 : 80);
    const world = new World({ n: 7, delay: slow });
    world.start();
    for (let i = 0; i < 150; i += 1)
      world.at(i * 400, () => {
        for (const { index, up } of world.nodes) if (up) world.submit(index, `call ${i}`);
      });
    const waits = (): number => {
      const rounds = world.nodes[0]?.events.filter((event) => event.kind === 'HeightNotarized');
      return (rounds ?? []).filter(({ rank, roundMs }) => rank > 0 && roundMs >= unitDelayMs)
        .length;
    };
    world.run(6_000);
    expect(waits()).toBe(0);
    world.crash(5);
    world.crash(6);
    const before = world.batches(0).length;
    world.run(16_000);
    expect(waits()).toBe(2);
    expect(world.batches(0).length - before).toBeGreaterThan(25);
    world.startNode(5);
    world.startNode(6);
    world.run(18_000);
    expect(waits()).toBe(2);
    // They have made blocks again, so they are missed again.
    world.crash(5);
    world.crash(6);
    world.run(18_000);
    expect(waits()).toBe(4);
    checkAgreement(world);
  });

  test('are at most as many as may fail, the last that were missed; a subnet of one knows none', () => {
    const absent = new AbsentMakers();
    const ids = [1, 2, 3].map((n) => Uint8Array.of(n));
    for (const id of ids) absent.missed(id, 2);
    expect(ids.map((id) => absent.has(id))).toEqual([false, true, true]);
    absent.missed(Uint8Array.of(2), 2);
    absent.missed(Uint8Array.of(1), 2);
    expect(ids.map((id) => absent.has(id))).toEqual([true, true, false]);
    absent.heard(Uint8Array.of(2));
    expect(ids.map((id) => absent.has(id))).toEqual([true, false, false]);
    expect(absent.size).toBe(1);
    absent.heard(Uint8Array.of(1));
    absent.linkChanged({ peer: Uint8Array.of(7), up: false }, 2);
    absent.missed(Uint8Array.of(8), 2);
    for (const peer of [7, 8]) absent.linkChanged({ peer: Uint8Array.of(peer), up: true }, 2);
    expect([7, 8].map((n) => absent.has(Uint8Array.of(n)))).toEqual([false, true]);
    // Told again, as now and then.
    absent.linkChanged({ peer: Uint8Array.of(8), up: false }, 2);
    absent.linkChanged({ peer: Uint8Array.of(8), up: true }, 2);
    expect(absent.has(Uint8Array.of(8))).toBe(true);
    const alone = new AbsentMakers();
    alone.missed(Uint8Array.of(1), 0);
    expect(alone.size).toBe(0);
  });
});

describe('the lag of certification', () => {
  test('slows blocks smoothly, as much as the state needs, at most as agreed', () => {
    const tempo = new Tempo(LOCAL_PARAMETERS);
    expect(tempo.lagDelayMs(certifiedGapFree, 0)).toBe(0);
    expect(tempo.lagDelayMs(certifiedGapFree + 1, 0)).toBe(20);
    for (let height = 1; height <= 20; height += 1) tempo.certified(1, 3, height * 100);
    const now = 2_000;
    expect(tempo.lagDelayMs(certifiedGapFree + 1, now)).toBe(100);
    expect(tempo.lagDelayMs(certifiedGapFree + 5, now)).toBe(500);
    // It stands still: nobody knows for how long.
    expect(tempo.lagDelayMs(certifiedGapFree + 1, now + 700)).toBe(700);
    expect(tempo.lagDelayMs(certifiedGapFree + 2, now + 1e6)).toBe(2 * certifiedGapDelayMs);
    // Waiting for work is not being slow.
    tempo.certified(1, 0, 3_000);
    tempo.certified(1, 0, 60_000);
    expect(tempo.lagDelayMs(certifiedGapFree + 1, 60_000)).toBeLessThan(500);
  });
});
