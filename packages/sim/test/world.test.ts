import type { MemoryStore } from '@internode/storage/memory';
import { describe, expect, test } from 'vitest';
import { Agenda } from '../src/agenda.ts';
import { CALM, Random, type Role, reportText, type Swarm, World, weatherOf } from '../src/index.ts';
import { Links } from '../src/links.ts';
import { Agreement, ledgerNode } from './ledger.ts';

const PLACE = { subnet: 's', node: 'n1' };
const PHASES = { safetyMs: 20_000, livenessMs: 20_000 };

function runLedger(
  seed: string,
  options: { eager?: boolean; swarm?: Partial<Swarm>; drawsMax?: number } = {},
) {
  const { eager = false, ...rest } = options;
  const checker = new Agreement(100);
  const world = new World({
    seed,
    nodes: [ledgerNode({ eager })],
    checkers: [checker],
    command: `npm run sim -- --seed ${seed}`,
    ...rest,
  });
  return { ...world.run(PHASES), checker };
}

describe('World', () => {
  test('the same seed gives the same trace, another seed another', () => {
    const hashes = ['a', 'b', 'c'].map((seed) => runLedger(seed).traceHash);
    expect(['a', 'b', 'c'].map((seed) => runLedger(seed).traceHash)).toEqual(hashes);
    expect(new Set(hashes).size).toBe(3);
  });

  test('a sound service survives every weather of 300 seeds', () => {
    for (let seed = 0; seed < 300; seed++) {
      const report = runLedger(`sound ${seed}`);
      expect(report.violation, reportText(report)).toBeUndefined();
    }
  });

  test('publishing before durability is found, and the report repeats it', () => {
    const seeds = Array.from({ length: 100 }, (_, i) => `eager ${i}`);
    const reports = seeds.map((seed) => runLedger(seed, { eager: true }));
    const failed = reports.find(({ violation }) => violation?.startsWith('agreement: height'));
    if (failed === undefined) throw new Error('no seed found the bug');
    const text = reportText(failed);
    expect(text).toContain(`repeat     npm run sim -- --seed ${failed.seed}\n`);
    expect(text).toContain(`seed       ${failed.seed}\n`);
    expect(text).toContain('serviceCrashEveryMs=');
    expect(text).toMatch(/ n1 {3}client +\d+ Answered request=\d+/);
    expect(failed.lines.length).toBeLessThanOrEqual(200);
    expect(runLedger(failed.seed, { eager: true }).traceHash).toBe(failed.traceHash);
  });

  test('a broker that is away and services that stand still are drawn, and a sound service survives them', () => {
    const drawn = Array.from({ length: 60 }, (_, seed) => weatherOf(`${seed}`, { several: false }));
    for (const kind of ['busOutEveryMs', 'stallEveryMs'] as const) {
      expect(drawn.some((swarm) => swarm[kind] > 0)).toBe(true);
      expect(drawn.some((swarm) => swarm[kind] === 0)).toBe(true);
    }
    const swarm = { busOutEveryMs: 400, busOutForMs: 300, stallEveryMs: 200, stallForMs: 500 };
    for (let seed = 0; seed < 30; seed++) {
      const report = runLedger(`bus ${seed}`, { swarm: { ...CALM, ...swarm } });
      expect(report.violation, reportText(report)).toBeUndefined();
    }
  });

  test.each([false, true])(
    'who stands still hears in order what was said meanwhile, or, cut off (%s), nothing of it',
    (loses) => {
      const agenda = new Agenda();
      let nowMs = 0;
      const links = new Links(
        new Random('stall'),
        () => nowMs,
        (atMs, run) => agenda.put(atMs, run),
      );
      const heard: string[] = [];
      const say = (from: string, to: string, text: string): void =>
        links.send(from, to, () => heard.push(`${text} at ${Math.floor(nowMs / 100)}`));
      const pass = (untilMs: number): void => {
        while (agenda.nextMs <= untilMs) {
          const next = agenda.take();
          nowMs = Math.max(nowMs, next?.atMs ?? 0);
          next?.run?.();
        }
      };
      links.stall('slow', 500, loses);
      for (const text of ['one', 'two']) say('a', 'slow', text);
      say('slow', 'a', 'late');
      say('a', 'b', 'now');
      pass(400);
      expect(heard).toEqual(['now at 0']);
      pass(900);
      say('a', 'slow', 'after');
      pass(2_000);
      const held = loses ? [] : ['one at 5', 'two at 5'];
      expect(heard.filter((text) => /one|two/.test(text))).toEqual(held);
      expect(heard).toContain('late at 5');
      expect(heard.at(-1)).toMatch(/^after/);
      // Calm lets it go on at once.
      links.stall('slow', 60_000, false);
      say('a', 'slow', 'healed');
      links.heal();
      pass(nowMs + 100);
      expect(heard.at(-1)).toMatch(/^healed/);
    },
  );

  test('what never happens is reported after the liveness phase', () => {
    const checker = new Agreement(101);
    const world = new World({ seed: 'x', nodes: [ledgerNode()], checkers: [checker] });
    expect(world.run(PHASES).violation).toBe('agreement: 1 requests never answered');
  });

  test('with its randomness used up a world becomes calm', () => {
    const storm = { ...CALM, serviceCrashEveryMs: 50, nodeCrashEveryMs: 50, downForMs: 5 };
    const starts = (drawsMax: number): number => {
      let count = 0;
      const world = new World({
        seed: 'finite',
        nodes: [ledgerNode()],
        swarm: storm,
        drawsMax,
        checkers: [
          {
            name: 'starts',
            onEvent: ({ event }) => {
              if (event.kind === 'ShellStarted') count += 1;
              return undefined;
            },
            atEnd: () => undefined,
          },
        ],
      });
      expect(world.run(PHASES).violation).toBeUndefined();
      return count;
    };
    expect(starts(20)).toBeGreaterThan(2);
    expect(starts(20)).toBeLessThan(30);
    expect(starts(1e9)).toBeGreaterThan(300);
  });

  test('a thrown error in a step is a violation that names the service', () => {
    const node = ledgerNode();
    const world = new World({ seed: 'broken', nodes: [node], swarm: CALM });
    world.startAll();
    world.runFor(1);
    // The client reads four bytes of every value.
    world.say(node.place, { kind: 'BeaconValue', height: 1, value: new Uint8Array(1) });
    world.runFor(10);
    expect(world.violation).toMatch(/^n1\/client failed: RangeError/);
  });

  test('with its disks a machine loses what was under way on its bus', () => {
    const violationAfter = (trouble: (world: World) => void): string | undefined => {
      const node = ledgerNode();
      const world = new World({ seed: 'b', nodes: [node], swarm: { ...CALM, busDelayMsMin: 50 } });
      world.startAll();
      world.runFor(1);
      // The client fails when it hears this.
      world.say(node.place, { kind: 'BeaconValue', height: 1, value: new Uint8Array(1) });
      trouble(world);
      world.startAll();
      world.runFor(100);
      return world.violation;
    };
    const { node } = ledgerNode().place;
    expect(violationAfter((world) => world.crashNode(node))).toMatch(/RangeError/);
    const lost = (world: World) => {
      world.crashNode(node);
      world.loseDisk(node);
    };
    expect(violationAfter(lost)).toBeUndefined();
  });

  test('a kill keeps what a store wrote without syncing, a power cut may lose it', () => {
    const survivors = (seed: string, crash: (world: World) => void): number => {
      let store: MemoryStore | undefined;
      const writer: Role = {
        name: 'writer',
        start: (ports) => {
          store = ports.store;
          for (let n = 0; n < 5; n++) {
            ports.store.writeNow([{ key: Uint8Array.of(n), value: new Uint8Array(1) }], {
              sync: false,
            });
          }
        },
        stop: () => {},
      };
      const world = new World({ seed, nodes: [{ place: PLACE, roles: [writer] }] });
      world.startAll();
      crash(world);
      const all = { gte: new Uint8Array(0), lt: Uint8Array.of(255), limit: 10 };
      return store?.rangeNow(all).length ?? -1;
    };
    const seeds = Array.from({ length: 60 }, (_, i) => `store ${i}`);
    const killed = seeds.map((seed) =>
      survivors(seed, (world) => world.crashService('n1', 'writer')),
    );
    expect(new Set(killed)).toEqual(new Set([5]));
    const cut = seeds.map((seed) => survivors(seed, (world) => world.crashNode('n1')));
    expect([...new Set(cut)].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('crashed services stay down until they are started', () => {
    const checker = new Agreement(100);
    const world = new World({
      seed: 'down',
      nodes: [ledgerNode()],
      swarm: CALM,
      checkers: [checker],
    });
    world.startAll();
    world.runFor(20);
    world.crashService('n1', 'ledger');
    const answered = checker.answered.size;
    world.runFor(1000);
    expect(checker.answered.size).toBeLessThanOrEqual(answered + 1);
    world.crashNode('n1');
    world.startAll();
    world.runFor(10_000);
    expect(checker.atEnd()).toBeUndefined();
  });
});

describe('Random', () => {
  test('streams are independent of each other and repeat', () => {
    const root = new Random('seed');
    const draws = Array.from({ length: 5 }, () => root.fork('a').uint32());
    expect(new Set(draws).size).toBe(1);
    root.uint32();
    expect(root.fork('a').uint32()).toBe(draws[0]);
    expect(root.fork('b').uint32()).not.toBe(draws[0]);
  });

  test('is even enough', () => {
    const random = new Random('even');
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 160_000; i++) {
      const slot = random.below(16);
      counts[slot] = (counts[slot] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});
