// Every call's way through the services, as the replica shows it: on its page, in JSON, in the terminal. The same in all placements.

import type { Waterfall } from '@internode/telemetry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callOf, endingOf, endOf, queryOf } from '../runner/calls.ts';
import { currentClient } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, runInternode, startReplica } from '../runner/replica.ts';
import { listOf, STAGES, traceOf, wholeTraceOf } from '../runner/traces.ts';
import { post, principalOf } from '../runner/wire.ts';

/** TRACED_CALLS=10000 for a long run. */
const CALLS = Number(process.env['TRACED_CALLS'] ?? 500);
const CALLERS = 16;

let replica: Replica;
let id: string;

beforeAll(async () => {
  replica = await startReplica({ environment: { OTEL_TRACES_SAMPLER: 'parentbased_always_on' } });
  const client = await currentClient.open(replica);
  ({ id } = await client.deploy(counterInterface, motokoModule('counter.mo')));
});
afterAll(async () => {
  await replica?.stop();
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

async function oneCall(headers: Record<string, string> = {}): Promise<string> {
  const { body, requestId } = await callOf(id, 'inc');
  const url = `${replica.gatewayUrl}/api/v4/canister/${id}/call`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/cbor', ...headers },
    body: Uint8Array.from(body),
  });
  expect(answer.status).toBe(200);
  return hex(requestId);
}

describe('one call', () => {
  let trace: Waterfall;
  beforeAll(async () => {
    trace = await wholeTraceOf(replica, await oneCall());
  });

  test('shows every stage in its order, each below the request', () => {
    expect(trace).toMatchObject({ name: 'call', method: 'inc', canister: id, status: 'ok' });
    expect(trace.orphans).toBe(0);
    const [root] = trace.rows;
    expect(root).toMatchObject({ service: 'gateway', name: 'call', depth: 0 });
    const starts = STAGES.map(
      ([service, stage]) =>
        trace.rows.find((row) => row.service === service && row.stage === stage)?.offsetMs ?? -1,
    );
    // Between processes clocks may differ by as much as a call takes; not by more.
    for (const [index, start] of starts.entries())
      expect(start).toBeGreaterThanOrEqual((starts[index - 1] ?? 0) - 2);
    for (const row of trace.rows) {
      expect(row.durationMs).toBeGreaterThanOrEqual(0);
      expect(row.queuedMs).toBeGreaterThanOrEqual(0);
      expect(row.queuedMs).toBeLessThanOrEqual(row.durationMs + 0.002);
    }
  });

  test('tells what it was about', () => {
    const execute = trace.rows.find(({ stage }) => stage === 'execute');
    expect(execute?.attributes['internode.height']).toBe(trace.height);
    expect(Number(execute?.attributes['internode.instructions'])).toBeGreaterThan(100);
    const included = trace.rows.find(({ stage }) => stage === 'included');
    expect(included?.attributes).toMatchObject({ 'internode.rank': 0, 'internode.messages': 1 });
    expect(Number(included?.attributes['internode.bytes'])).toBeGreaterThan(100);
  });

  test('leads to its block, and the block back to it', async () => {
    const link = trace.rows.find(({ stage }) => stage === 'included')?.links[0];
    const block = await traceOf(replica, link?.traceId ?? '');
    expect(block).toMatchObject({ name: 'block', height: trace.height, orphans: 0 });
    const root = block?.rows.find(({ spanId }) => spanId === link?.spanId);
    expect(root?.links).toContainEqual({ traceId: trace.traceId, spanId: trace.rows[0]?.spanId });
    for (const stage of ['notarise', 'finalise', 'order', 'execute', 'hash', 'certify', 'publish'])
      expect(block?.rows.map((row) => row.stage)).toContain(stage);
  });

  test('is found by what is known of it', async () => {
    const found = async (query: string): Promise<boolean> =>
      (await listOf(replica, query)).traces.some(({ traceId }) => traceId === trace.traceId);
    expect(await found(`request=${trace.requestId}`)).toBe(true);
    expect(await found(`height=${trace.height}&canister=${id}&status=ok`)).toBe(true);
    expect(await found(`min_ms=${trace.durationMs + 60_000}`)).toBe(false);
    expect(await found('status=fault')).toBe(false);
    expect(await found('kind=query')).toBe(false);
  });

  test('in the terminal: the waterfall, JSON, and what to do when there is none', async () => {
    const where = ['--url', replica.gatewayUrl];
    const shown = await runInternode(['trace', trace.requestId, ...where]);
    expect(shown.code).toBe(0);
    for (const [service, stage] of STAGES)
      expect(shown.stdout).toContain(`${service} ${stage === 'included' ? 'included in' : stage}`);
    expect(shown.stdout).toMatch(/█/);
    const json = await runInternode(['trace', trace.traceId, '--json', ...where]);
    expect(JSON.parse(json.stdout)).toMatchObject({ requestId: trace.requestId });
    const unknown = await runInternode(['trace', 'ab'.repeat(32), ...where]);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('OTEL_TRACES_SAMPLER=always_on');
    const malformed = await runInternode(['trace', 'xyz', ...where]);
    expect(malformed.stderr).toContain('64 hex digits');
    const nobody = await runInternode(['trace', '--url', 'http://127.0.0.1:1']);
    expect(nobody.stderr).toContain('start one');
  });

  test('as OTLP JSON for any backend', async () => {
    const answer = await fetch(`${replica.gatewayUrl}/debug/traces/${trace.requestId}.otlp.json`);
    expect(answer.headers.get('content-disposition')).toContain('attachment');
    const { resourceSpans } = (await answer.json()) as {
      resourceSpans: { scopeSpans: { spans: { traceId: string }[] }[] }[];
    };
    const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((one) => one.spans));
    expect(spans).toHaveLength(trace.rows.length);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([trace.traceId]));
  });
});

describe('many calls', () => {
  /** As many as are kept at once, with room to spare. */
  const BATCH = 250;
  const TIMEOUT_MS = 120_000 + 60 * CALLS;

  async function calls(count: number): Promise<Set<string>> {
    const ids = new Set<string>();
    const callers = Array.from({ length: CALLERS }, async (_, caller) => {
      for (let number = caller; number < count; number += CALLERS) {
        const { body, requestId } = await callOf(id, 'inc');
        const answer = await post(`${replica.gatewayUrl}/api/v4/canister/${id}/call`, body);
        expect(endingOf(answer, requestId).code).toBe('replied');
        ids.add(hex(requestId));
      }
    });
    await Promise.all(callers);
    return ids;
  }

  test(`${CALLS}: each has every stage, and no span is an orphan`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    for (let done = 0; done < CALLS; done += BATCH) {
      const ids = await calls(Math.min(BATCH, CALLS - done));
      const wanting = async () => {
        const { traces } = await listOf(replica, 'kind=call&limit=500');
        const own = traces.filter(({ requestId }) => ids.has(requestId));
        const whole = own.filter(({ stages, orphans }) => stages >= STAGES.length && orphans === 0);
        return { found: own.length, whole: whole.length };
      };
      const all = { found: ids.size, whole: ids.size };
      await expect.poll(wanting, { timeout: 20_000, interval: 200 }).toEqual(all);
      const blocks = await listOf(replica, 'kind=block&limit=500');
      expect(blocks.lost).toBe(0);
      // The last ones may be on their way still.
      const settled = blocks.traces.filter(
        ({ height }) => (height ?? 0) < (blocks.traces[0]?.height ?? 0) - 10,
      );
      expect(settled.filter(({ orphans }) => orphans > 0)).toEqual([]);
    }
  });
});

describe('trace context of clients', () => {
  const clientTrace = 'c0ffee'.padEnd(32, '1');
  const parent = 'ab'.repeat(8);

  test('the call is in the trace that the client began', async () => {
    const requestId = await oneCall({ traceparent: `00-${clientTrace}-${parent}-01` });
    const trace = await wholeTraceOf(replica, requestId);
    expect(trace.traceId).toBe(clientTrace);
    expect(trace.orphans).toBe(0);
  });

  test('what the client does not sample is not traced; what is no context is as none', async () => {
    const unsampled = await oneCall({ traceparent: `00-${'d'.repeat(32)}-${parent}-00` });
    const whole: string[] = [];
    for (const traceparent of [
      'nonsense',
      `00-${'0'.repeat(32)}-${parent}-01`,
      `ff-${clientTrace}-${parent}-01`,
      `00-${clientTrace}-${parent}-01, 00-${clientTrace}-${parent}-01`,
      `00-${clientTrace}-${'0'.repeat(16)}-01`,
      `00-${clientTrace}-${parent}-01-${'x'.repeat(8_000)}`,
    ])
      whole.push((await wholeTraceOf(replica, await oneCall({ traceparent }))).traceId);
    expect(whole).not.toContain(clientTrace);
    expect(new Set(whole).size).toBe(whole.length);
    expect(await traceOf(replica, unsampled)).toBeUndefined();
    // Baggage and trace state are read by nobody, and bounded with all other headers.
    await oneCall({ baggage: `a=${'b'.repeat(8_000)}`, tracestate: `x=${'y'.repeat(4_000)}` });
    const huge = await fetch(`${replica.gatewayUrl}/api/v2/status`, {
      headers: { baggage: `a=${'b'.repeat(20_000)}` },
    });
    expect(huge.status).toBe(431);
  });
});

describe('other requests', () => {
  test('queries and refused calls have traces of their own', async () => {
    expect((await queryOf(replica, id, 'get')).code).toBe('replied');
    expect((await endOf(replica, id, 'missing')).code).toBe('IC0536');
    const other = { fields: { canister_id: principalOf('aaaaa-aa') } };
    expect((await endOf(replica, id, 'inc', other)).code).toBe('400');
    await expect
      .poll(async () => (await listOf(replica, 'kind=query')).stages.map(({ stage }) => stage))
      .toEqual(expect.arrayContaining(['verify', 'query', 'sign']));
    for (const status of ['fault', 'refused'])
      await expect
        .poll(async () => (await listOf(replica, `status=${status}`)).matching)
        .toBeGreaterThanOrEqual(1);
  });
});
