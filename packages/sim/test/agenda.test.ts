import { describe, expect, test } from 'vitest';
import { Agenda, CALM, drawSwarm, Links, Random } from '../src/index.ts';

describe('Agenda', () => {
  test('takes by time, then by order of putting, whatever was put when', () => {
    const random = new Random('agenda');
    const agenda = new Agenda();
    const model: { atMs: number; order: number }[] = [];
    let order = 0;
    for (let i = 0; i < 20_000; i++) {
      if (random.chance(0.55)) {
        const atMs = random.below(50);
        agenda.put(atMs, () => {});
        model.push({ atMs, order: order++ });
        continue;
      }
      model.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const expected = model.shift();
      const taken = agenda.take();
      expect(taken && { atMs: taken.atMs, order: taken.order }).toEqual(expected);
    }
    expect(agenda.size).toBe(model.length);
  });
});

describe('Swarm', () => {
  test('each kind of trouble is left out in some runs and strong in others', () => {
    const swarms = Array.from({ length: 500 }, (_, i) => drawSwarm(new Random(`swarm ${i}`)));
    for (const name of ['busLoss', 'busRepeat', 'partitionEveryMs', 'nodeCrashEveryMs'] as const) {
      const without = swarms.filter((swarm) => swarm[name] === 0).length;
      expect(without).toBeGreaterThan(100);
      expect(without).toBeLessThan(400);
    }
    expect(swarms.filter(({ busReorder }) => busReorder).length).toBeGreaterThan(150);
  });
});

describe('Links', () => {
  function links(swarm: object) {
    const agenda = new Agenda();
    let nowMs = 0;
    const made = new Links(
      new Random('links'),
      () => nowMs,
      (atMs, run) => agenda.put(atMs, run),
    );
    made.setSwarm({
      ...CALM,
      ...drawSwarm(new Random('any')),
      busLoss: 0,
      busRepeat: 0,
      busReorder: false,
      ...swarm,
    });
    const arrived: number[] = [];
    const send = (count: number): void => {
      for (let i = 0; i < count; i++) made.send('a', 'b', () => arrived.push(i));
    };
    const run = (): number[] => {
      for (let next = agenda.take(); next !== undefined; next = agenda.take()) {
        nowMs = next.atMs;
        next.run?.();
      }
      return arrived;
    };
    return { made, send, run };
  }
  const all = Array.from({ length: 1000 }, (_, i) => i);

  test('keeps order unless told otherwise', () => {
    const ordered = links({ busDelayMsMean: 20 });
    ordered.send(1000);
    expect(ordered.run()).toEqual(all);
    const wild = links({ busDelayMsMean: 20, busReorder: true });
    wild.send(1000);
    const arrived = wild.run();
    expect(arrived).not.toEqual(all);
    expect(arrived.toSorted((a, b) => a - b)).toEqual(all);
  });

  test('loses and repeats as often as told', () => {
    const lossy = links({ busLoss: 0.2 });
    lossy.send(1000);
    expect(Math.abs(lossy.run().length - 800)).toBeLessThan(60);
    const chatty = links({ busRepeat: 0.1 });
    chatty.send(1000);
    expect(Math.abs(chatty.run().length - 1100)).toBeLessThan(60);
  });

  test('a cut way is cut in one direction, for its time', () => {
    const { made, send, run } = links({});
    const back: string[] = [];
    made.cut('a', 'b', 100);
    send(5);
    made.send('b', 'a', () => back.push('heard'));
    expect(run()).toEqual([]);
    expect(back).toEqual(['heard']);
    made.heal();
    send(1);
    expect(run()).toEqual([0]);
  });
});
