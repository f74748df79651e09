// Delays that follow what is measured: of ranks, and of heights that the state cannot follow.
import type { Message } from '@internode/contracts';
import { describe, expect, test } from 'vitest';
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
