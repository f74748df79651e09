import { describe, expect, test } from 'vitest';
import { CALM_MS, type OnFailed, type Startable, Supervisor } from '../src/index.ts';
import { fixture } from './fixture.ts';

/** Starts, and fails when told to. */
class Breakable implements Startable {
  readonly name: string;
  readonly #diary: string[];
  breakNow: OnFailed = () => {};

  constructor(name: string, diary: string[]) {
    this.name = name;
    this.#diary = diary;
  }

  start(_ports: unknown, onFailed?: OnFailed): void {
    this.#diary.push(`start ${this.name}`);
    this.breakNow = onFailed ?? (() => {});
  }

  stop(): void {
    this.#diary.push(`stop ${this.name}`);
  }
}

function supervised() {
  const { world, probe } = fixture(() => []);
  const diary: string[] = [];
  const supervisor = new Supervisor({
    clock: probe.clock,
    observe: () => {},
    onGivenUp: (service, fault) => diary.push(`given up ${service}: ${fault}`),
  });
  const services = ['a', 'b'].map((name) => new Breakable(name, diary));
  const ports = { ...probe, solver: { solve: () => {} } };
  for (const service of services) supervisor.watch(service, () => ports);
  const [a, b] = services as [Breakable, Breakable];
  return { world, supervisor, diary, a, b };
}

describe('Supervisor', () => {
  test('stops in the reverse order of starting, once', () => {
    const { supervisor, diary } = supervised();
    supervisor.stop();
    supervisor.stop();
    expect(diary).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  test('a failed service is started again; three failures in a row stop all', () => {
    const { world, diary, a } = supervised();
    for (let i = 0; i < 3; i++) {
      a.breakNow('fault');
      world.runFor(1000);
    }
    expect(diary.slice(2)).toEqual(['start a', 'start a', 'stop b', 'stop a', 'given up a: fault']);
    world.runFor(CALM_MS);
    expect(diary.at(-1)).toBe('given up a: fault');
  });

  test('a calm time forgives, and services are counted apart', () => {
    const { world, diary, a, b } = supervised();
    for (let i = 0; i < 5; i++) {
      a.breakNow('fault');
      world.runFor(CALM_MS + 1000);
    }
    a.breakNow('fault');
    b.breakNow('fault');
    world.runFor(1000);
    a.breakNow('fault');
    b.breakNow('fault');
    world.runFor(1000);
    expect(diary.some((line) => line.startsWith('given up'))).toBe(false);
  });

  test('a service waiting for its restart stays down when the node stops', () => {
    const { world, supervisor, diary, b } = supervised();
    b.breakNow('fault');
    supervisor.stop();
    world.runFor(10_000);
    expect(diary.filter((line) => line === 'start b')).toHaveLength(1);
  });
});
