import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Describe } from '@internode/actor';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Log, Metrics, openTelemetry } from '../src/index.ts';

const UNIX_MS = Date.UTC(2026, 10, 22, 20, 17, 33, 123);

function log(format: 'pretty' | 'json', level: 'debug' | 'info' = 'info') {
  const lines: string[] = [];
  let unixMs = UNIX_MS;
  const write = (line: string): void => {
    lines.push(line);
  };
  return {
    log: new Log({ format, level, node: 'n1', write, unixMs: () => unixMs }),
    lines,
    wait: (ms: number) => {
      unixMs += ms;
    },
  };
}

describe('Log', () => {
  test('JSON lines carry time, level, service, node, text and fields', () => {
    const { log: json, lines } = log('json');
    json.line('consensus', 'info', 'finalized', { height: 7, cycles: 5n, ok: true });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      ts: '2026-11-22T20:17:33.123Z',
      level: 'info',
      service: 'consensus',
      node: 'n1',
      text: 'finalized',
      height: 7,
      cycles: '5',
      ok: true,
    });
  });

  test('pretty lines are columns, and nothing from outside moves the cursor or fakes a line', () => {
    const { log: pretty, lines } = log('pretty');
    pretty.line('gateway', 'warn', 'refused', { reason: 'a\nINFO fake\u001b[2J\u0000' });
    expect(lines).toEqual(['20:17:33.123 warn  gateway   refused  reason=a | INFO fake?[2J?\n']);
  });

  test('below the level is silent; long fields are cut', () => {
    const { log: json, lines } = log('json');
    json.line('a', 'debug', 'hidden');
    json.line('a', 'info', 'shown', { text: 'x'.repeat(100_000) });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.length).toBeLessThan(2200);
  });

  test('a flood of one service is cut short and counted, others are heard', () => {
    const { log: json, lines, wait } = log('json');
    for (let i = 0; i < 10_000; i++) json.line('p2p', 'warn', 'malformed');
    json.line('state', 'info', 'certified');
    expect(lines).toHaveLength(201);
    wait(1000);
    json.line('p2p', 'warn', 'malformed');
    expect(JSON.parse(lines[201] ?? '')).toMatchObject({ service: 'p2p', suppressed: 9800 });
    expect(lines).toHaveLength(203);
  });
});

describe('Metrics', () => {
  test('counters, gauges and histograms in Prometheus text', () => {
    const metrics = new Metrics();
    metrics.change('consensus', { kind: 'count', name: 'blocks_total' });
    metrics.change('consensus', { kind: 'count', name: 'blocks_total', by: 2 });
    metrics.change('p2p', {
      kind: 'gauge',
      name: 'pool_bytes',
      value: 12,
      labels: { b: 'x"\n', a: '1' },
    });
    metrics.change('state', { kind: 'histogram', name: 'certify_seconds', value: 0.003 });
    metrics.change('state', { kind: 'histogram', name: 'certify_seconds', value: 99 });
    const text = metrics.text();
    expect(text).toContain(
      '# TYPE internode_consensus_blocks_total counter\ninternode_consensus_blocks_total 3\n',
    );
    expect(text).toContain('internode_p2p_pool_bytes{a="1",b="x__"} 12\n');
    expect(text).toContain('internode_state_certify_seconds_bucket{le="0.0025"} 0\n');
    expect(text).toContain('internode_state_certify_seconds_bucket{le="0.005"} 1\n');
    expect(text).toContain('internode_state_certify_seconds_bucket{le="10"} 1\n');
    expect(text).toContain('internode_state_certify_seconds_bucket{le="+Inf"} 2\n');
    expect(text).toContain('internode_state_certify_seconds_sum 99.003\n');
    expect(text).toContain('internode_state_certify_seconds_count 2\n');
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(
        /^(# TYPE [a-z0-9_]+ (counter|gauge|histogram)|[a-z0-9_]+(\{.*\})? [-+.e0-9]+)$/,
      );
    }
  });

  test('bad names and labels with many values are dropped and counted', () => {
    const metrics = new Metrics();
    metrics.change('a', { kind: 'count', name: 'Bad-Name_total' });
    metrics.change('a', { kind: 'count', name: 'no_unit' });
    metrics.change('a', { kind: 'gauge', name: 'x_total', value: 1 });
    metrics.change('a', { kind: 'count', name: 'x_total' });
    for (let i = 0; i < 1000; i++) {
      metrics.change('a', { kind: 'count', name: 'y_total', labels: { height: String(i) } });
    }
    const text = metrics.text();
    expect(text.match(/internode_a_y_total\{/g)).toHaveLength(128);
    expect(text).toContain(`internode_telemetry_rejected_total ${3 + 1000 - 128}\n`);
  });
});

type Event = { readonly kind: 'BlockFinalized'; readonly height: number };

const describeEvent: Describe<Event> = (event) => ({
  log: { level: 'info', text: 'finalized', fields: { height: event.height } },
  metrics: [{ kind: 'count', name: 'blocks_total' }],
});

describe('openTelemetry', () => {
  test('describes events of services that told how, ignores the rest, knows the shell', async () => {
    const lines: string[] = [];
    const write = (line: string): void => {
      lines.push(line);
    };
    const telemetry = await openTelemetry({
      format: 'json',
      level: 'info',
      node: 'n1',
      write,
      unixMs: () => 0,
    });
    expect(telemetry.tracer).toBeUndefined();
    telemetry.describe('consensus', describeEvent);
    telemetry.observe('consensus', { kind: 'BlockFinalized', height: 3 });
    telemetry.observe('unknown', { kind: 'Whatever' });
    telemetry.observe('unknown', { kind: 'ShellFailed', fault: 'two blocks' });
    expect(lines.map((line) => JSON.parse(line).text)).toEqual(['finalized', 'failed']);
    expect(telemetry.metrics.text()).toContain('internode_consensus_blocks_total 1\n');
    expect(telemetry.metrics.text()).toContain('internode_unknown_failures_total 1\n');
    await telemetry.close();
  });

  test('spans go to an OTLP receiver, stages below their request', async () => {
    const bodies: string[] = [];
    const receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        bodies.push(`${request.url} ${request.headers['x-tenant']} ${body}`);
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void receiver.close());
    const { port } = receiver.address() as AddressInfo;
    // The exporter reads these of the process itself.
    process.env['OTEL_EXPORTER_OTLP_HEADERS'] = 'x-tenant=blue';
    onTestFinished(() => {
      delete process.env['OTEL_EXPORTER_OTLP_HEADERS'];
    });
    const telemetry = await openTelemetry({
      ...silent,
      traces: {
        subnet: 's',
        endpoint: `http://127.0.0.1:${port}/`,
        environment: { OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=a%20b,broken' },
      },
    });
    const parent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const call = telemetry.tracer?.request('call', parent);
    call?.stage('verify', performance.now() - 3);
    const requestId = new Uint8Array(32).fill(7);
    call?.follow({ requestId, attributes: { 'internode.method': 'inc' } });
    call?.end({ 'http.response.status_code': 503 }, 'HTTP 503');
    expect(call?.traceparent).toMatch(/^00-a{32}-[0-9a-f]{16}-01$/);
    await telemetry.close();
    const text = bodies.join('\n');
    expect(text).toContain('/v1/traces blue ');
    expect(text).toContain('"internode-gateway"');
    expect(text).toContain('"a b"');
    expect(text).toContain('"gateway verify"');
    expect(text).toContain('"inc"');
    expect(text).toContain(`"parentSpanId":"${call?.traceparent.split('-')[2]}"`);
    expect(text).toContain(`"parentSpanId":"${'b'.repeat(16)}"`);
    expect(text).toContain('HTTP 503');
  });

  test('a receiver that is not there costs a second at most', async () => {
    const telemetry = await openTelemetry({
      ...silent,
      traces: { subnet: 's', environment: {}, endpoint: 'http://127.0.0.1:1' },
    });
    telemetry.tracer?.request('call', '')?.end({});
    const started = performance.now();
    await telemetry.close();
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('who says that nothing is wanted gets no tracer at all', async () => {
    for (const environment of [
      { OTEL_SDK_DISABLED: 'true' },
      { OTEL_TRACES_SAMPLER: 'always_off' },
    ]) {
      const telemetry = await openTelemetry({ ...silent, traces: { subnet: 's', environment } });
      expect(telemetry.tracer).toBeUndefined();
    }
  });
});

const silent = {
  format: 'json',
  level: 'info',
  node: 'n1',
  write: () => {},
  unixMs: () => 0,
} as const;
