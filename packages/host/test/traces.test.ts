// The processes of a node, here hosts on one bus: what passes through one is seen at the gateway's.
import { MemoryBus } from '@internode/bus/memory';
import type { Message } from '@internode/contracts';
import { OUTLET_MS } from '@internode/telemetry';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Host, keepTraces, openHost } from '../src/index.ts';
import { tellSpans, tellTraces } from '../src/traces.ts';

const place = { subnet: 'local', node: 'n1' };
const REQUEST = new Uint8Array(32).fill(3);

async function hostOn(bus: MemoryBus, environment = {}): Promise<Host> {
  const carried = Object.assign(bus, { ready: async () => {} });
  const traces = { environment: { OTEL_TRACES_SAMPLER: 'always_on', ...environment }, subnet: 's' };
  const host = await openHost({ place, bus: carried, log: { write: () => {} }, traces });
  onTestFinished(() => host.close());
  return host;
}

/** State certifies a block with the call in it. */
function certify(host: Host): void {
  const { tracer } = host.telemetry;
  const certified: Message = {
    kind: 'StateCertified',
    height: 7,
    root: REQUEST,
    timeNanos: 1n,
    completedRequests: [REQUEST],
  };
  tracer?.said('state', certified, '');
}

describe('traces of services apart', () => {
  test('come together at the gateway: calls are told there, spans are told back', async () => {
    const bus = new MemoryBus();
    const [gateway, state] = [await hostOn(bus), await hostOn(bus)];
    const pages = keepTraces(gateway, ['state']);
    tellTraces(state, 'state');
    const call = gateway.telemetry.tracer?.request('call', '');
    const [, traceId] = call?.traceparent.split('-') ?? [];
    const attributes = { 'internode.request_id': Buffer.from(REQUEST).toString('hex') };
    call?.follow({ requestId: REQUEST, attributes });
    call?.end({});
    await new Promise((resolve) => setTimeout(resolve, 20));
    certify(state);
    const rows = (): string[] => {
      const { body } = pages?.answer(`/debug/traces/${traceId}.json`, '') ?? { body: '{}' };
      return (JSON.parse(body).rows ?? []).map((row: { name: string }) => row.name);
    };
    await expect.poll(rows).toEqual(['call', 'publish']);
    expect(gateway.telemetry.metrics.text()).toContain('internode_traces_spans_kept 3\n');
  });

  test('from before there is a gateway are told when there is one', async () => {
    const bus = new MemoryBus();
    const state = await hostOn(bus);
    tellTraces(state, 'state');
    certify(state);
    await new Promise((resolve) => setTimeout(resolve, 2 * OUTLET_MS));
    const pages = keepTraces(await hostOn(bus), ['state']);
    const blocks = () =>
      JSON.parse(pages?.answer('/debug/traces.json', 'kind=block').body ?? '').matching;
    await expect.poll(blocks, { timeout: 5_000 }).toBe(1);
  });

  test('of a stranger on the bus are not kept, and several gateways tell each other', async () => {
    const bus = new MemoryBus();
    const [one, two, stranger] = [await hostOn(bus), await hostOn(bus), await hostOn(bus)];
    const pages = [keepTraces(one, ['gateway-2']), keepTraces(two, ['gateway'])];
    tellSpans(one, 'gateway');
    tellSpans(two, 'gateway-2');
    tellTraces(stranger, 'evil');
    certify(stranger);
    two.telemetry.tracer?.request('query', '')?.end({});
    const kinds = () =>
      pages.map((page) => {
        const { matching } = JSON.parse(page?.answer('/debug/traces.json', 'kind=all').body ?? '');
        return matching;
      });
    await expect.poll(kinds).toEqual([1, 1]);
    const blocks = pages.map(
      (page) => JSON.parse(page?.answer('/debug/traces.json', 'kind=block').body ?? '').matching,
    );
    expect(blocks).toEqual([0, 0]);
  });

  test('that nobody wants are nowhere', async () => {
    const host = await hostOn(new MemoryBus(), { OTEL_SDK_DISABLED: 'true' });
    expect(keepTraces(host, ['state'])).toBeUndefined();
    tellTraces(host, 'state');
    tellSpans(host, 'gateway');
    certify(host);
  });
});
