// What a shell tells a Tracer, and what its messages carry then.
import { CONTRACTS, type Message } from '@internode/contracts';
import { describe, expect, test } from 'vitest';
import { type Core, type Envelope, Service, type Span, type Tracer } from '../src/index.ts';

const PLACE = { subnet: 's1', node: 'n1' };
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

class Script implements Tracer {
  readonly steps: (readonly [string, string, number])[] = [];
  readonly ended: (string | undefined)[] = [];
  readonly said_: (readonly [string, string])[] = [];
  carriesAll = true;

  step(_service: string, input: { kind: string }, context: string, from: number, now: number) {
    this.steps.push([input.kind, context, now - from]);
    if (context === '') return undefined;
    const span: Span = { traceparent: 'inner', end: (fault) => void this.ended.push(fault) };
    return span;
  }

  carries(_service: string, timer?: string): boolean {
    return timer === undefined ? this.carriesAll : timer === 'soon';
  }

  said(_service: string, message: Message, traceparent: string): string {
    this.said_.push([message.kind, traceparent]);
    return message.kind === 'BeaconValue' ? 'of the block' : traceparent;
  }

  request(): undefined {}
}

/** Runs one service by hand; its core answers a message with a value, a question and two timers. */
function traced(fault = false) {
  const tracer = new Script();
  const published: Envelope[] = [];
  const turns: (() => void)[] = [];
  const timers: (() => void)[] = [];
  let nowMs = 0;
  let deliver: (envelope: Envelope) => void = () => {};
  const core: Core<never, never, never> = {
    step: (_now, input) => {
      if (input.kind === 'timer')
        return [{ kind: 'publish', message: { kind: 'RequestTape', height: 9 } }];
      if (input.kind !== 'message') return [];
      if (fault) throw new Error('broken');
      return [
        { kind: 'publish', message: { kind: 'BeaconValue', height: 1, value: new Uint8Array(1) } },
        { kind: 'publish', message: { kind: 'RequestTape', height: 1 } },
        { kind: 'wait', token: 'soon', delayMs: 1 },
        { kind: 'wait', token: 'late', delayMs: 1 },
      ];
    },
  };
  const service = new Service<never, never, never>({
    name: 'tested',
    hears: [{ kind: 'RequestBeacon', lane: 'bulk', whenFull: 'refuse' }],
    core: () => core,
  });
  service.start(
    {
      place: PLACE,
      bus: {
        publish: (envelope) => void published.push(envelope),
        subscribe: (_subject, listen) => {
          deliver = listen;
          return () => {};
        },
      },
      clock: {
        now: () => ({ ms: nowMs, unixNanos: 0n }),
        after: (_delay, fire) => {
          timers.push(fire);
          return () => {};
        },
        soon: (run) => void turns.push(run),
      },
      entropy: { fill: () => {} },
      journal: { append: () => {}, replay: () => {}, compact: () => {} },
      solver: { solve: () => {} },
      observe: () => {},
      tracer,
    },
    () => {},
  );
  const run = (): void => {
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn();
  };
  run();
  const hear = (traceparent: string): void => {
    const body = CONTRACTS.RequestBeacon.encode({ kind: 'RequestBeacon', height: 1 });
    deliver({ id: '1', cause: '', sender: 'x', subject: '', traceparent, body });
    nowMs += 4;
    run();
  };
  const ring = (): void => {
    for (const fire of timers.splice(0)) fire();
    run();
  };
  return { tracer, published, hear, ring };
}

describe('a traced service', () => {
  test('tells each step with how long it waited, and carries what the tracer says', () => {
    const { tracer, published, hear } = traced();
    hear(TRACEPARENT);
    expect(tracer.steps).toEqual([
      ['started', '', 0],
      ['message', TRACEPARENT, 4],
    ]);
    expect(tracer.ended).toEqual([undefined]);
    expect(tracer.said_).toEqual([
      ['BeaconValue', 'inner'],
      ['RequestTape', 'inner'],
    ]);
    expect(published.map(({ traceparent }) => traceparent)).toEqual(['of the block', 'inner']);
  });

  test('hands a context on by the timers that the tracer names, and by no others', () => {
    const { published, hear, ring } = traced();
    hear(TRACEPARENT);
    published.length = 0;
    ring();
    expect(published.map(({ traceparent }) => traceparent)).toEqual(['inner', '']);
    expect(published.every(({ cause }) => cause === '1')).toBe(true);
  });

  test('hands nothing on where what it says is caused by more than one message', () => {
    const { tracer, published, hear } = traced();
    tracer.carriesAll = false;
    hear(TRACEPARENT);
    expect(published.map(({ traceparent }) => traceparent)).toEqual(['of the block', '']);
  });

  test('ends the span of a step that breaks', () => {
    const { tracer, hear } = traced(true);
    hear(TRACEPARENT);
    expect(tracer.ended).toEqual(['Error: broken']);
  });
});
