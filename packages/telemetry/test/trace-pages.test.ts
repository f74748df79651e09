import { describe, expect, test } from 'vitest';
import {
  ATTRIBUTES_MAX,
  OUTLET_BATCH_MAX,
  OUTLET_SPANS_MAX,
  SPANS_MAX,
  SPANS_OF_TRACE_MAX,
  TEXT_MAX,
  TRACES_MAX,
} from '../src/limits.ts';
import { BLOCK_TRACE_PREFIX } from '../src/tracing/blocks.ts';
import { messageOf, spanOf } from '../src/tracing/span-message.ts';
import { SpanOutlet } from '../src/tracing/span-outlet.ts';
import { TracePages } from '../src/tracing/trace-pages.ts';
import type { TraceSpan } from '../src/tracing/trace-span.ts';
import { TraceStore } from '../src/tracing/trace-store.ts';
import { waterfallOf } from '../src/tracing/waterfall.ts';

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0');
}

let spans = 0;

function span(over: Partial<TraceSpan> = {}): TraceSpan {
  spans += 1;
  return {
    traceId: hex(1, 32),
    spanId: hex(spans, 16),
    parentId: '',
    entry: false,
    service: 'state',
    name: 'hash',
    stage: 'hash',
    startMs: 1e12,
    endMs: 1e12 + 10,
    queuedMs: 0,
    fault: '',
    attributes: {},
    links: [],
    ...over,
  };
}

/** A call's request and one stage of it. */
function call(store: TraceStore, number: number, over: Partial<TraceSpan> = {}): string {
  const traceId = hex(number, 32);
  const root = span({
    traceId,
    entry: true,
    service: 'gateway',
    name: 'call',
    stage: '',
    attributes: {
      'internode.request_id': hex(number, 64),
      'internode.canister_id': `canister-${number % 2}`,
      'internode.method': 'inc',
      'http.response.status_code': 200,
    },
    ...over,
  });
  const attributes = { 'internode.height': 10 + number };
  store.add(span({ traceId, parentId: root.spanId, queuedMs: 4, attributes }));
  store.add(root);
  return traceId;
}

function list(store: TraceStore, query = ''): { matching: number; traces: { traceId: string }[] } {
  const { status, body } = new TracePages(store, 'n1').answer('/debug/traces.json', query);
  expect(status).toBe(200);
  return JSON.parse(body);
}

describe('TraceStore', () => {
  test('keeps so many traces; the oldest are forgotten, with their request ids', () => {
    const store = new TraceStore();
    for (let number = 1; number <= TRACES_MAX + 5; number++) call(store, number);
    expect(store.all('requests')).toHaveLength(TRACES_MAX);
    expect(store.get(hex(5, 64))).toBeUndefined();
    expect(store.get(hex(5, 32))).toBeUndefined();
    expect(store.get(hex(6, 64))?.traceId).toBe(hex(6, 32));
  });

  test('keeps so many spans, whatever they are of', () => {
    const store = new TraceStore();
    for (let number = 0; number < 200; number++)
      for (let i = 0; i < SPANS_OF_TRACE_MAX; i++) store.add(span({ traceId: hex(number, 32) }));
    expect(store.figures.kept).toBeLessThanOrEqual(SPANS_MAX / 2);
    expect(store.figures.recorded).toBe(200 * SPANS_OF_TRACE_MAX);
    expect(store.get(hex(199, 32))?.spans).toHaveLength(SPANS_OF_TRACE_MAX);
  });

  test('one trace has so many spans; its request has room even then', () => {
    const store = new TraceStore();
    for (let i = 0; i < 1_000; i++) store.add(span());
    store.add(span({ entry: true, name: 'call' }));
    for (let i = 0; i < 1_000; i++) store.add(span({ entry: true }));
    const trace = store.get(hex(1, 32));
    expect(trace?.spans).toHaveLength(2 * SPANS_OF_TRACE_MAX);
    expect(trace?.spans.some(({ name }) => name === 'call')).toBe(true);
    expect(trace?.dropped).toBe(2_001 - 2 * SPANS_OF_TRACE_MAX);
  });

  test('blocks do not push out calls', () => {
    const store = new TraceStore();
    call(store, 1);
    for (let number = 0; number < 2 * TRACES_MAX; number++)
      store.add(span({ traceId: `${BLOCK_TRACE_PREFIX}${hex(number, 16)}` }));
    expect(store.all('blocks')).toHaveLength(TRACES_MAX);
    expect(store.get(hex(1, 32))).toBeDefined();
  });

  test('a call whose random id begins nearly as those of blocks do is a call', () => {
    const store = new TraceStore();
    const traceId = `b10c${hex(1, 28)}`;
    store.add(span({ traceId, entry: true, name: 'call' }));
    expect(store.all('requests').map((trace) => trace.traceId)).toEqual([traceId]);
    expect(store.all('blocks')).toEqual([]);
  });
});

describe('lists', () => {
  test('the newest first, filtered', () => {
    const store = new TraceStore();
    call(store, 1);
    call(store, 2, { endMs: 1e12 + 900 });
    call(store, 3, { fault: 'HTTP 503' });
    store.add(span({ traceId: hex(4, 32), entry: true, name: 'query', stage: '' }));
    const found = (query: string): number[] =>
      list(store, query).traces.map(({ traceId }) => Number.parseInt(traceId, 16));
    expect(found('')).toEqual([3, 2, 1]);
    expect(found('min_ms=500')).toEqual([2]);
    expect(found('status=fault')).toEqual([3]);
    expect(found('canister=CANISTER-1')).toEqual([3, 1]);
    expect(found('height=12')).toEqual([2]);
    expect(found(`request=${hex(1, 64)}`)).toEqual([1]);
    expect(found('kind=query')).toEqual([4]);
    expect(found('kind=all')).toEqual([4, 3, 2, 1]);
    expect(found('limit=1')).toEqual([3]);
    expect(found('kind=block')).toEqual([]);
    expect(found(`height=x&min_ms=-&canister=${'y'.repeat(100_000)}`)).toEqual([]);
  });

  test('stages with their medians and 95th percentiles, waiting apart', () => {
    const store = new TraceStore();
    for (let number = 1; number <= 100; number++) {
      const traceId = hex(number, 32);
      store.add(span({ traceId, stage: '', name: 'call', entry: true }));
      store.add(span({ traceId, stage: 'hash', endMs: 1e12 + number, queuedMs: number / 2 }));
      store.add(span({ traceId, stage: 'verify' }));
    }
    const { stages } = list(store) as unknown as { stages: unknown[] };
    expect(stages).toMatchObject([
      { stage: 'verify', count: 100 },
      { stage: 'hash', p50Ms: 50, p95Ms: 95, queuedP50Ms: 25, queuedP95Ms: 47.5 },
    ]);
  });
});

describe('a trace', () => {
  test('by its id, by the request id, or the newest call', () => {
    const store = new TraceStore();
    call(store, 1);
    call(store, 2);
    const pages = new TracePages(store, 'n1');
    const at = (id: string) => {
      const { status, body } = pages.answer(`/debug/traces/${id}.json`, '');
      return status === 200 ? JSON.parse(body).traceId : status;
    };
    expect(at(hex(1, 32))).toBe(hex(1, 32));
    expect(at(hex(1, 64))).toBe(hex(1, 32));
    expect(at('latest')).toBe(hex(2, 32));
    expect(at(hex(3, 32))).toBe(404);
    expect(at('x'.repeat(64))).toBe(404);
    expect(at(`${'a'.repeat(10_000)}`)).toBe(404);
  });

  test('rows are nested, in order, and an orphan is counted', () => {
    const store = new TraceStore();
    const root = span({ entry: true, stage: '', name: 'call', parentId: 'client' });
    const late = span({ parentId: root.spanId, startMs: 1e12 + 5, endMs: 1e12 + 7 });
    const early = span({ parentId: root.spanId, startMs: 1e12 + 1 });
    const deep = span({ parentId: late.spanId, startMs: 1e12 + 6, endMs: 1e12 + 7 });
    const orphan = span({ parentId: hex(99_999, 16) });
    for (const one of [deep, orphan, late, early, root]) store.add(one);
    const { rows, orphans } = waterfallOf(store.get(hex(1, 32)) as never);
    const shown = rows.filter(({ spanId }) => spanId !== orphan.spanId);
    expect(shown.map(({ spanId }) => spanId)).toEqual(
      [root, early, late, deep].map(({ spanId }) => spanId),
    );
    expect(shown.map(({ depth }) => depth)).toEqual([0, 1, 1, 2]);
    expect(shown[2]?.offsetMs).toBe(5);
    expect(orphans).toBe(1);
  });

  test('whose spans are below each other does not go round for ever', () => {
    const store = new TraceStore();
    store.add(span({ spanId: hex(1, 16), parentId: hex(2, 16) }));
    store.add(span({ spanId: hex(2, 16), parentId: hex(1, 16) }));
    store.add(span({ spanId: hex(3, 16), parentId: hex(3, 16), entry: true }));
    const { body } = new TracePages(store, 'n1').answer(`/debug/traces/${hex(1, 32)}.json`, '');
    expect(JSON.parse(body).spans).toBe(3);
  });

  test('as OTLP JSON: by service, parents, links, types of values', () => {
    const store = new TraceStore();
    const traceId = call(store, 7);
    const link = { traceId: `${BLOCK_TRACE_PREFIX}${hex(1, 16)}`, spanId: hex(77, 16) };
    const attributes = { a: 1.5, b: true, c: 'x' };
    store.add(span({ traceId, links: [link], attributes, fault: 'broken' }));
    const pages = new TracePages(store, 'n1');
    const { body, headers } = pages.answer(`/debug/traces/${traceId}.otlp.json`, '');
    expect(headers?.['content-disposition']).toContain(`trace-${traceId}.json`);
    const { resourceSpans } = JSON.parse(body);
    const names = resourceSpans.map(
      (one: { resource: { attributes: { value: { stringValue: string } }[] } }) =>
        one.resource.attributes[1]?.value.stringValue,
    );
    expect(names).toEqual(['internode-state', 'internode-gateway']);
    const [hash, last] = resourceSpans[0].scopeSpans[0].spans;
    expect(hash).toMatchObject({
      traceId,
      name: 'state hash',
      kind: 1,
      startTimeUnixNano: '1000000000000000000',
      endTimeUnixNano: '1000000000010000000',
    });
    expect(hash.attributes).toContainEqual({
      key: 'internode.queue_ms',
      value: { intValue: '4' },
    });
    expect(last).toMatchObject({ links: [link], status: { code: 2, message: 'broken' } });
    expect(last.attributes.slice(0, 3)).toEqual([
      { key: 'a', value: { doubleValue: 1.5 } },
      { key: 'b', value: { boolValue: true } },
      { key: 'c', value: { stringValue: 'x' } },
    ]);
    expect(resourceSpans[1].scopeSpans[0].spans[0].kind).toBe(2);
  });
});

describe('the page', () => {
  test('is one file that asks nobody else, at every path that names a trace', () => {
    const pages = new TracePages(new TraceStore(), 'n1');
    for (const path of ['/debug/traces', '/debug/traces/', `/debug/traces/${hex(1, 64)}`]) {
      const { status, contentType, body, headers } = pages.answer(path, '');
      expect([status, contentType]).toEqual([200, 'text/html; charset=utf-8']);
      expect(headers?.['content-security-policy']).toContain("default-src 'none'");
      expect(body).not.toMatch(
        /https?:\/\/|src=|@import|innerHTML|insertAdjacentHTML|document\.write/,
      );
    }
    for (const path of ['/debug/traces/../x', '/debug/traces/a/b', '/debug/traces/%3Cx%3E'])
      expect(pages.answer(path, '').status).toBe(404);
  });
});

describe('spans between processes', () => {
  test('are the same afterwards', () => {
    const one = span({
      parentId: hex(5, 16),
      entry: true,
      startMs: 1_795_877_705_281.25,
      endMs: 1_795_877_705_290.5,
      queuedMs: 1.25,
      fault: 'x',
      attributes: { a: 1, b: 'two', c: true },
      links: [{ traceId: hex(3, 32), spanId: hex(4, 16) }],
    });
    expect(spanOf(messageOf(one))).toEqual(one);
  });

  test('that are none are left out, and what is too long is cut', () => {
    const good = messageOf(span());
    expect(spanOf({ ...good, traceId: new Uint8Array(15) })).toBeUndefined();
    expect(spanOf({ ...good, spanId: new Uint8Array(0) })).toBeUndefined();
    expect(spanOf({ ...good, parentId: new Uint8Array(3) })).toBeUndefined();
    const attributes = Array.from({ length: 1_000 }, (_, index) => ({
      name: `${index}`,
      text: 'x'.repeat(10_000),
      numeric: index === 0,
    }));
    const links = [{ traceId: new Uint8Array(2), spanId: new Uint8Array(8) }];
    const cut = spanOf({ ...good, name: 'y'.repeat(10_000), attributes, links });
    expect(cut?.name).toHaveLength(TEXT_MAX);
    expect(Object.keys(cut?.attributes ?? {})).toHaveLength(ATTRIBUTES_MAX);
    expect(cut?.attributes['0']).toBe(0);
    expect(String(cut?.attributes['1'])).toHaveLength(TEXT_MAX);
    expect(cut?.links).toEqual([]);
  });

  test('wait in a bounded number, and what had no room is counted', () => {
    let wakes = 0;
    const outlet = new SpanOutlet(() => {
      wakes += 1;
    });
    for (let i = 0; i < OUTLET_SPANS_MAX + 10; i++) outlet.add(span());
    expect(wakes).toBe(1);
    const first = outlet.take();
    expect([first?.spans.length, first?.dropped]).toEqual([OUTLET_BATCH_MAX, 10]);
    let left = 0;
    for (let batch = outlet.take(); batch !== undefined; batch = outlet.take())
      left += batch.spans.length;
    expect(left).toBe(OUTLET_SPANS_MAX - OUTLET_BATCH_MAX);
    outlet.add(span());
    expect(wakes).toBe(2);
  });
});
