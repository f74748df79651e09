import { describe, expect, test } from 'vitest';
import { type Asked, Caller } from '../src/index.ts';
import { beaconValue, fixture, type Step } from './fixture.ts';

/** Answers request h with value h. */
const answering: Step = (input) => {
  if (input.kind !== 'message' || input.message.kind !== 'RequestBeacon') return [];
  return [beaconValue(input.message.height)];
};

function caller(step: Step, pendingMax = 10) {
  const { world, probe } = fixture(step);
  const edge = new Caller({
    name: 'edge',
    ports: probe,
    keyOf: { BeaconValue: ({ height }) => String(height) },
    pendingMax,
  });
  const ask = (height: number, deadlineMs = 100): Promise<Asked> =>
    edge.ask({ message: { kind: 'RequestBeacon', height }, key: String(height), deadlineMs });
  return { world, edge, ask };
}

describe('Caller', () => {
  test('each question gets its own answer', async () => {
    const { world, ask, edge } = caller(answering);
    const answers = [3, 1, 2].map((height) => ask(height));
    expect(edge.pending).toBe(3);
    world.runFor(50);
    const messages = (await Promise.all(answers)).map(
      (asked) => asked.kind === 'answered' && asked.message,
    );
    expect(messages).toMatchObject([{ height: 3 }, { height: 1 }, { height: 2 }]);
    expect(edge.pending).toBe(0);
  });

  test('several may wait for the same answer', async () => {
    const { world, ask } = caller(answering);
    const answers = [ask(4), ask(4)];
    world.runFor(50);
    for (const asked of await Promise.all(answers))
      expect(asked).toMatchObject({ kind: 'answered' });
  });

  test('without an answer it is late, at the deadline', async () => {
    const { world, ask, edge } = caller(() => []);
    const asked = ask(1, 100);
    world.runFor(99);
    expect(edge.pending).toBe(1);
    world.runFor(2);
    expect(await asked).toEqual({ kind: 'late' });
    expect(edge.pending).toBe(0);
  });

  test('is said again so often, and late after the last time', async () => {
    let said = 0;
    const { world, edge } = caller((input) => {
      if (input.kind !== 'message') return [];
      said += 1;
      return said === 3 ? [beaconValue(1)] : [];
    });
    const message = { kind: 'RequestBeacon', height: 1 } as const;
    const question = { message, key: '1', deadlineMs: 100, againMs: [200] };
    const first = edge.ask(question);
    world.runFor(99);
    expect(said).toBe(1);
    world.runFor(200);
    expect([said, edge.pending]).toEqual([2, 1]);
    world.runFor(10);
    expect(await first).toEqual({ kind: 'late' });
    const second = edge.ask(question);
    world.runFor(50);
    expect(await second).toMatchObject({ kind: 'answered' });
    // Answered, it is not said again.
    world.runFor(1_000);
    expect([said, edge.pending]).toEqual([3, 0]);
  });

  test('too many open questions are busy at once; closing settles the rest', async () => {
    const { ask, edge } = caller(answering, 2);
    const open = [ask(1), ask(2)];
    expect(await ask(3)).toEqual({ kind: 'busy' });
    edge.close();
    expect(await Promise.all(open)).toEqual([{ kind: 'late' }, { kind: 'late' }]);
  });

  test('listens to facts', () => {
    const { world, edge } = caller(answering);
    const heights: number[] = [];
    const cancel = edge.listen('BeaconValue', ({ height }) => heights.push(height));
    edge.tell({ kind: 'RequestBeacon', height: 8 });
    world.runFor(50);
    cancel();
    edge.tell({ kind: 'RequestBeacon', height: 9 });
    world.runFor(50);
    expect(heights).toEqual([8]);
  });
});
