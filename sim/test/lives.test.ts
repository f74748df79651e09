import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import type { NodeSetup, Report, Swarm } from '@internode/sim';
import { describe, expect, test } from 'vitest';
import { marksWasm } from '../canisters/marks.ts';
import { standIn } from '../crypto.ts';
import { live } from '../life.ts';
import { liveTogether } from '../network.ts';
import { HandedOver } from './handed-over.ts';
import {
  consensusTrustsItsDisk,
  executionAnswersOldQueries,
  executionAppliesTwice,
  p2pForgets,
  stateGoesBack,
  stateKeepsTidy,
} from './planted.ts';

setHashEngine(nodeHashEngine);
const crypto = standIn({ bls: await loadFastBls(), signatures: nodeSignatures });
const wasm = await marksWasm();

type Disturb = (setup: NodeSetup) => NodeSetup;

function lifeOf(seed: string, disturb?: Disturb, swarm?: Partial<Swarm>): Promise<Report> {
  const bad = { ...(disturb && { disturb }), ...(swarm && { swarm }) };
  return live({ seed, crypto, wasm, command: '', ...bad });
}

/** The violation of the first life that has one. */
async function caught(disturb: Disturb, seedsMax: number, swarm?: Partial<Swarm>): Promise<string> {
  for (let i = 0; i < seedsMax; i++) {
    const { violation } = await lifeOf(`planted/${i}`, disturb, swarm);
    if (violation !== undefined) return violation;
  }
  return 'none';
}

describe('the same seed', () => {
  test.each(['one', 'two'])(
    '%s gives the same trace twice, and another gives another',
    async (seed) => {
      const first = await lifeOf(seed);
      const second = await lifeOf(seed);
      expect(first.violation).toBeUndefined();
      expect(second.traceHash).toBe(first.traceHash);
      expect(second.events).toBe(first.events);
      expect(second.lines).toEqual(first.lines);
      expect((await lifeOf(`${seed}, not`)).traceHash).not.toBe(first.traceHash);
    },
  );
});

describe('services that hear messages as they were said', () => {
  test.each(['one', 'two', 'three'])('%s: live the same life', async (seed) => {
    const over = new HandedOver();
    const life = await lifeOf(seed, over.disturb);
    over.check();
    expect(over.heard).toBeGreaterThan(500);
    expect(life.violation).toBeUndefined();
    const { traceHash, events } = await lifeOf(seed);
    expect([life.events, life.traceHash]).toEqual([events, traceHash]);
  });

  test.each(['one', 'two'])('%s: so do four members', async (seed) => {
    const over = new HandedOver();
    const options = { seed, nodes: 4, crypto, wasm, command: '' };
    const life = await liveTogether({ ...options, disturb: over.disturb });
    over.check();
    expect(over.heard).toBeGreaterThan(2_000);
    expect(life.violation).toBeUndefined();
    const { traceHash, events } = await liveTogether(options);
    expect([life.events, life.traceHash]).toEqual([events, traceHash]);
  });

  test('are found out when they change one', async () => {
    const over = new HandedOver();
    await lifeOf('one', (setup) => over.disturb(stateKeepsTidy(setup)));
    expect(() => over.check()).toThrow('BatchExecuted: changed after it was said');
  });
});

describe('a planted bug is caught:', () => {
  const powerCuts = { nodeCrashEveryMs: 300, downForMs: 50, syncDelayMsMean: 60 };

  test('an execution that applies a call twice', async () => {
    expect(await caught(executionAppliesTwice, 2)).toMatch(/exactly once: .*(total|marks|marked)/);
  });

  test('a consensus that tells what its disk does not have yet', async () => {
    expect(await caught(consensusTrustsItsDisk, 10, powerCuts)).toMatch(
      /agreement|one root|ahead of the journal/,
    );
  });

  test('a state that shows an older certified height after a power cut', async () => {
    expect(await caught(stateGoesBack, 20, powerCuts)).toMatch(/certified height: n0 went back/);
  });

  test('a p2p that forgets a call that it took', async () => {
    expect(await caught(p2pForgets, 2)).toMatch(/after calm, only \d+ of 20 marks/);
  });

  test('an execution that answers queries from an old state', async () => {
    expect(await caught(executionAnswersOldQueries, 2)).toMatch(/a query sees \d+ marks when/);
  });
});
