import { CONTRACTS } from '@internode/contracts';
import { InvariantBroken } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import {
  beaconValue,
  fixture,
  PLACE,
  requestEnvelope,
  type Step,
  type TestEffect,
} from './fixture.ts';

const nothing: Step = () => [];

function seen(what: string): TestEffect {
  return { kind: 'observe', event: { kind: 'Seen', what } };
}

function request(height: number) {
  return { kind: 'RequestBeacon', height } as const;
}

function kindsOf(inputs: readonly { readonly kind: string }[]): string[] {
  return inputs.map(({ kind }) => kind);
}

function seenOf(events: readonly { readonly kind: string }[]): unknown[] {
  return events.flatMap((event) => ('what' in event ? [event.what] : []));
}

describe('Service', () => {
  test('says `started` once, decodes messages, tells the sender', () => {
    const { world, inputs } = fixture(nothing);
    world.say(PLACE, request(7), 'someone');
    world.runFor(10);
    expect(inputs).toEqual([
      { kind: 'started' },
      { kind: 'message', message: request(7), sender: 'someone' },
    ]);
  });

  test('a core that says what its definition does not list is broken; others do not hear it', () => {
    const step: Step = (input) => (input.kind === 'message' ? [beaconValue(1)] : []);
    const listed = fixture(step, { says: ['BeaconValue'] });
    listed.world.say(PLACE, request(1));
    listed.world.runFor(10);
    expect(listed.heard.length).toBe(1);
    const unlisted = fixture(step, { says: ['TapeValue'] });
    unlisted.world.say(PLACE, request(1));
    expect(() => unlisted.world.runFor(10)).not.toThrow();
    expect(unlisted.heard).toEqual([]);
    expect(kindsOf(unlisted.events)).toContain('ShellFailed');
  });

  test('malformed bytes are dropped, told as an event and counted', () => {
    const { world, inputs, events, probe, service } = fixture(nothing);
    probe.bus.publish(requestEnvelope(Uint8Array.of(255, 255)));
    world.runFor(10);
    expect(kindsOf(inputs)).toEqual(['started']);
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: 'MessageInvalid',
        message: 'RequestBeacon',
        sender: 'probe',
      }),
    );
    expect(service.figures().invalid).toBe(1);
  });

  test('effects are performed in order; those of `persist` only when it is durable', () => {
    const effects: TestEffect[] = [
      seen('first'),
      { kind: 'persist', entry: Uint8Array.of(1), then: [seen('durable 1'), beaconValue(1)] },
      seen('second'),
      { kind: 'persist', entry: Uint8Array.of(2), then: [seen('durable 2')] },
      seen('third'),
    ];
    const step: Step = ({ kind }) => (kind === 'started' ? effects : []);
    const { world, events, heard } = fixture(step, {}, { syncDelayMsMean: 1000 });
    expect(seenOf(events)).toEqual(['first', 'second', 'third']);
    world.runFor(1e5);
    expect(seenOf(events)).toEqual(['first', 'second', 'third', 'durable 1', 'durable 2']);
    expect(heard).toHaveLength(1);
  });

  test('after a crash the entries come first, their effects muted, then `started`', () => {
    const step: Step = (input) => {
      if (input.kind === 'replayed') return [seen('muted'), beaconValue(9)];
      if (input.kind !== 'message') return [];
      return [{ kind: 'persist', entry: Uint8Array.of(5), then: [beaconValue(5)] }];
    };
    const { world, inputs, events, heard } = fixture(step);
    world.say(PLACE, request(1));
    world.runFor(100);
    world.crashService('n1', 'tested');
    inputs.length = 0;
    world.startAll();
    world.runFor(100);
    expect(inputs).toEqual([{ kind: 'replayed', entry: Uint8Array.of(5) }, { kind: 'started' }]);
    expect(seenOf(events)).toEqual([]);
    expect(heard).toHaveLength(1);
  });

  test('compact replaces what will be replayed', () => {
    const step: Step = ({ kind }) => {
      if (kind !== 'started') return [];
      const old: TestEffect = { kind: 'persist', entry: Uint8Array.of(1), then: [] };
      return [old, old, { kind: 'compact', entries: [Uint8Array.of(2), Uint8Array.of(3)] }];
    };
    const { world, inputs } = fixture(step);
    world.runFor(100);
    world.crashNode('n1');
    inputs.length = 0;
    world.startAll();
    expect(inputs.map((input) => input.kind === 'replayed' && input.entry[0])).toEqual([2, 3]);
  });

  test('timers carry their token; a second wait replaces, cancel undoes even at the same moment', () => {
    const step: Step = (input) => {
      if (input.kind === 'started') {
        return [
          { kind: 'wait', token: 'a', delayMs: 10 },
          { kind: 'wait', token: 'a', delayMs: 30 },
          { kind: 'wait', token: 'b', delayMs: 20 },
          { kind: 'wait', token: 'c', delayMs: 20 },
          { kind: 'wait', token: 'never', delayMs: 5 },
          { kind: 'cancel', token: 'never' },
          { kind: 'cancel', token: 'unknown' },
        ];
      }
      // Both are due at once: the first undoes the second.
      return input.kind === 'timer' && input.token === 'b' ? [{ kind: 'cancel', token: 'c' }] : [];
    };
    const { world, inputs } = fixture(step);
    world.runFor(25);
    expect(inputs.slice(1)).toEqual([{ kind: 'timer', token: 'b' }]);
    world.runFor(25);
    expect(inputs.slice(1)).toEqual([
      { kind: 'timer', token: 'b' },
      { kind: 'timer', token: 'a' },
    ]);
  });

  test('solved answers carry the id; what a dead service asked for is never told', () => {
    const step: Step = ({ kind }) =>
      kind === 'message' ? [{ kind: 'solve', id: 'x', task: 'task' }] : [];
    const { world, inputs } = fixture(step);
    world.say(PLACE, request(1));
    world.runFor(50);
    expect(inputs.at(-1)).toEqual({ kind: 'solved', id: 'x', answer: 'task solved' });
    const slow = fixture(step, {}, { solverDelayMsMean: 1e6 });
    slow.world.say(PLACE, request(1));
    slow.world.runFor(50);
    slow.world.crashService('n1', 'tested');
    slow.world.startAll();
    slow.world.runFor(1e9);
    expect(kindsOf(slow.inputs)).toEqual(['started', 'message', 'started']);
  });

  test('messages inherit cause and trace, also through the disk, solvers and timers', () => {
    const step: Step = (input) => {
      if (input.kind === 'message') {
        return [
          beaconValue(1),
          { kind: 'persist', entry: new Uint8Array(1), then: [beaconValue(2)] },
          { kind: 'solve', id: 's', task: '' },
          { kind: 'wait', token: 't', delayMs: 20 },
        ];
      }
      return input.kind === 'solved'
        ? [beaconValue(3)]
        : input.kind === 'timer'
          ? [beaconValue(4)]
          : [];
    };
    const { world, heard, probe } = fixture(step);
    probe.bus.publish(
      requestEnvelope(CONTRACTS.RequestBeacon.encode(request(1)), 'cafecafecafecafe'),
    );
    world.runFor(100);
    expect(heard).toHaveLength(4);
    for (const envelope of heard) {
      expect(envelope).toMatchObject({ cause: 'cafecafecafecafe', traceparent: '00-trace-01' });
      expect(envelope.sender).toBe('tested');
      expect(envelope.id).toMatch(/^[0-9a-f]{16}$/);
    }
    expect(new Set(heard.map(({ id }) => id)).size).toBe(4);
  });

  test('a full mailbox refuses with the answer that the room gives, caused by the message', () => {
    const { world, heard, events, inputs, probe } = fixture(nothing, {
      limits: { bulk: { itemsMax: 2, bytesMax: 1000 } },
      refuse: (message) =>
        message.kind === 'RequestBeacon'
          ? { kind: 'RequestTape', height: message.height }
          : undefined,
    });
    // Delivered within one moment: the service has no turn between them.
    for (let height = 1; height <= 5; height++) {
      world.links.setSwarm({ ...world.swarm, busDelayMsMin: 0, busDelayMsMean: 0 });
      probe.bus.publish(
        requestEnvelope(
          CONTRACTS.RequestBeacon.encode(request(height)),
          `000000000000000${height}`,
        ),
      );
    }
    world.runFor(50);
    expect(kindsOf(inputs)).toEqual(['started', 'message', 'message']);
    expect(heard.map(({ cause }) => cause.at(-1))).toEqual(['3', '4', '5']);
    expect(events.filter(({ kind }) => kind === 'MessageRefused')).toHaveLength(3);
  });

  test('a broken invariant stops the service and is told', () => {
    const step: Step = ({ kind }) => {
      if (kind === 'message') throw new InvariantBroken('two blocks');
      return [{ kind: 'wait', token: 'later', delayMs: 5 }];
    };
    const { world, service, events, inputs } = fixture(step);
    world.say(PLACE, request(1));
    world.say(PLACE, request(2));
    world.runFor(100);
    expect(world.violation).toMatch(/^n1\/tested failed: InvariantBroken: two blocks/);
    expect(service.running).toBe(false);
    expect(kindsOf(inputs)).toEqual(['started', 'message']);
    expect(kindsOf(events).slice(-2)).toEqual(['ShellFailed', 'ShellStopped']);
  });

  test('a message that cannot be encoded fails the service instead of the process', () => {
    const { world } = fixture(({ kind }) => (kind === 'started' ? [beaconValue(-1)] : []));
    world.runFor(10);
    expect(world.violation).toMatch(/integer -1/);
  });

  test('every core is born with a place and a seed of its own', () => {
    const births: unknown[] = [];
    const { world } = fixture(nothing, {
      core: (birth) => {
        births.push(birth);
        return { step: () => [] };
      },
    });
    world.crashNode('n1');
    world.startAll();
    expect(births).toHaveLength(2);
    expect(births[0]).toMatchObject({ place: PLACE });
    expect(births[0]).not.toEqual(births[1]);
  });
});
