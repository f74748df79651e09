import { describe, expect, test } from 'vitest';
import {
  BLOCKS_PER_TRACE,
  CLIENT_ROOTS_AT_ONCE,
  CLIENT_ROOTS_PER_SECOND,
  ROOTS_AT_ONCE,
  ROOTS_PER_SECOND,
} from '../src/limits.ts';
import { type Environment, type Sampler, samplerOf } from '../src/tracing/sampler.ts';
import { isSampled, newTraceId, parseTraceparent } from '../src/tracing/trace-span.ts';

const TRACE = 'a'.repeat(32);
const SPAN = 'b'.repeat(16);
const sampled = parseTraceparent(`00-${TRACE}-${SPAN}-01`);
const unsampled = parseTraceparent(`00-${TRACE}-${SPAN}-00`);

function sampler(environment: Environment): Sampler {
  const made = samplerOf(environment);
  if (made === undefined) throw new Error('off');
  return made;
}

/** How many of so many requests at one moment. */
function taken(made: Sampler, count: number, nowMs = 0, parent = sampled): number {
  let found = 0;
  for (let i = 0; i < count; i++) if (made.request('call', newTraceId(), parent, nowMs)) found += 1;
  return found;
}

describe('traceparent', () => {
  test('the W3C form is read, later versions as far as this one goes', () => {
    expect(sampled).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true });
    expect(unsampled?.sampled).toBe(false);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-03`)?.sampled).toBe(true);
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-01-more`)?.sampled).toBe(true);
  });

  test.each([
    '',
    'nonsense',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01\n`,
    `01-${TRACE}-${SPAN}-01-${'x'.repeat(10_000)}`,
    `00-${TRACE}${SPAN}-01-------------------`,
  ])('%j is none', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  test('what steps carry is told apart by its length and last digit', () => {
    expect(isSampled('')).toBe(false);
    expect(isSampled(`00-${TRACE}-${SPAN}-00`)).toBe(false);
    expect(isSampled(`00-${TRACE}-${SPAN}-01`)).toBe(true);
  });
});

describe('OTEL_TRACES_SAMPLER', () => {
  test('off means no tracer', () => {
    expect(samplerOf({ OTEL_TRACES_SAMPLER: 'always_off' })).toBeUndefined();
    expect(samplerOf({ OTEL_SDK_DISABLED: 'TRUE' })).toBeUndefined();
    const none = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' };
    expect(samplerOf(none)).toBeUndefined();
  });

  test('always on, and by ratio of trace ids and heights', () => {
    const all = sampler({ OTEL_TRACES_SAMPLER: 'always_on' });
    expect(taken(all, 1_000, 0, unsampled)).toBe(1_000);
    expect(all.block(7)).toBe(true);
    const tenth = sampler({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' });
    expect(taken(tenth, 10_000)).toBeGreaterThan(800);
    expect(taken(tenth, 10_000)).toBeLessThan(1_200);
    const heights = Array.from({ length: 10_000 }, (_, height) => height);
    const blocks = heights.filter((height) => tenth.block(height)).length;
    expect(blocks).toBeGreaterThan(900);
    expect(blocks).toBeLessThan(1_100);
  });

  test('parent based: what the client decided counts', () => {
    const made = sampler({
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
    });
    expect(made.request('call', TRACE, sampled, 0)).toBe(true);
    expect(made.request('call', TRACE, unsampled, 0)).toBe(false);
    expect(made.request('call', TRACE, undefined, 0)).toBe(false);
    const on = sampler({ OTEL_TRACES_SAMPLER: 'parentbased_always_on' });
    expect(on.request('call', TRACE, undefined, 0)).toBe(true);
    expect(on.request('call', TRACE, unsampled, 0)).toBe(false);
    const off = sampler({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
    expect(off.request('call', TRACE, undefined, 0)).toBe(false);
    expect(off.request('call', TRACE, sampled, 0)).toBe(true);
  });

  test('what is not understood is told', () => {
    const said: string[] = [];
    const say = (text: string): void => void said.push(text);
    samplerOf({ OTEL_TRACES_SAMPLER: 'xray' }, say);
    const made = samplerOf(
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
      say,
    );
    expect(said.map((text) => text.split('=')[0])).toEqual([
      'OTEL_TRACES_SAMPLER',
      'OTEL_TRACES_SAMPLER_ARG',
    ]);
    expect(made?.request('call', TRACE, undefined, 0)).toBe(true);
  });
});

describe('without a word of anybody', () => {
  test('the first few of each second, by endpoint', () => {
    const made = sampler({});
    const none = undefined;
    let found = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs += 1)
      for (let i = 0; i < 3; i++) if (made.request('call', TRACE, none, nowMs)) found += 1;
    expect(found).toBeGreaterThanOrEqual(10 * ROOTS_PER_SECOND);
    expect(found).toBeLessThanOrEqual(10 * ROOTS_PER_SECOND + ROOTS_AT_ONCE);
    expect(made.request('query', TRACE, none, 10_000)).toBe(true);
  });

  test('clients cannot have more than their share, and may decline', () => {
    const made = sampler({});
    expect(taken(made, 10_000)).toBe(CLIENT_ROOTS_AT_ONCE);
    expect(taken(made, 10_000, 1_000)).toBe(CLIENT_ROOTS_PER_SECOND);
    expect(taken(made, 10, 60_000, unsampled)).toBe(0);
    // Those of others are not touched by it.
    expect(made.request('call', TRACE, undefined, 1_000)).toBe(true);
  });

  test('one block in so many', () => {
    const made = sampler({});
    const heights = Array.from({ length: 10 * BLOCKS_PER_TRACE }, (_, height) => height);
    expect(heights.filter((height) => made.block(height))).toHaveLength(10);
  });
});
