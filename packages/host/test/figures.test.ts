import { MemoryBus } from '@internode/bus/memory';
import { expect, onTestFinished, test } from 'vitest';
import { FiguresOfOthers, type Host, openHost, tellFigures } from '../src/index.ts';

async function hosts(count: number, unit?: (index: number) => string): Promise<Host[]> {
  const memory = new MemoryBus();
  const bus = {
    publish: memory.publish.bind(memory),
    subscribe: memory.subscribe.bind(memory),
    ready: async () => {},
  };
  const place = { subnet: 's', node: 'n' };
  const opened: Host[] = [];
  for (let index = 0; index < count; index++) {
    const named = unit && { unit: unit(index) };
    const host = await openHost({ place, bus, log: { write: () => {} }, ...named });
    onTestFinished(() => host.close());
    opened.push(host);
  }
  return opened;
}

const named = (host: Host, service: string) =>
  host.telemetry.metrics.change(service, { kind: 'count', name: 'things_total' });

test('a process shows the figures of the others beside its own, in order, and does not wait for the dead', async () => {
  const [gateway, state, beacon] = (await hosts(3)) as [Host, Host, Host];
  named(gateway, 'gateway');
  named(state, 'state');
  named(beacon, 'beacon');
  tellFigures(beacon, 'beacon');
  const others = new FiguresOfOthers(gateway, 'gateway', ['state', 'beacon']);
  expect(await others.metrics()).toMatch(/gateway_things_total 1[\s\S]*beacon_things_total 1/);
  expect(await others.metrics()).not.toContain('state');

  tellFigures(state, 'state');
  await new Promise((resolve) => setTimeout(resolve, 550));
  const text = await others.metrics();
  expect(text).toMatch(/gateway_things[\s\S]*state_things[\s\S]*beacon_things/);
  expect(text.match(/^internode_telemetry_rejected_total/gm)).toHaveLength(1);
  expect(await others.trouble()).toBeUndefined();
});

test('what each process takes of the machine is told under its unit', async () => {
  const units = ['gateway', 'state'];
  const [gateway, state] = (await hosts(2, (index) => units[index] ?? '')) as [Host, Host];
  tellFigures(state, 'state');
  const text = await new FiguresOfOthers(gateway, 'gateway', ['state']).metrics();
  for (const unit of units) {
    expect(text).toMatch(
      new RegExp(`internode_process_cpu_seconds_total{unit="${unit}"} [0-9.]+\\n`),
    );
    expect(text).toMatch(
      new RegExp(`internode_process_resident_bytes{unit="${unit}"} [1-9]\\d+\\n`),
    );
  }
  expect(text.match(/^# TYPE internode_process_cpu_seconds_total counter$/gm)).toHaveLength(1);
});

test('a full disk of another process is known', async () => {
  const [gateway, consensus] = (await hosts(2)) as [Host, Host];
  Object.defineProperty(consensus, 'trouble', { get: () => 'no space left' });
  tellFigures(consensus, 'consensus');
  const others = new FiguresOfOthers(gateway, 'gateway', ['consensus']);
  expect(await others.trouble()).toBe('no space left');
});

test('of several of a service each is told apart, and the metric named once', async () => {
  const [gateway, first, second] = (await hosts(3)) as [Host, Host, Host];
  for (const host of [first, second]) {
    named(host, 'execution');
    host.telemetry.metrics.change('execution', {
      kind: 'histogram',
      name: 'wait_seconds',
      value: 1,
      labels: { lane: 'bulk' },
    });
  }
  tellFigures(first, 'execution');
  tellFigures(second, 'execution-2');
  const text = await new FiguresOfOthers(gateway, 'gateway', [
    'execution',
    'execution-2',
  ]).metrics();
  expect(text.match(/^# TYPE internode_execution_things_total/gm)).toHaveLength(1);
  expect(text).toContain(
    'internode_execution_things_total 1\ninternode_execution_things_total{instance="execution-2"} 1\n',
  );
  expect(text).toContain('wait_seconds_bucket{lane="bulk",le="1",instance="execution-2"} 1\n');
  expect(text).toContain('wait_seconds_count{lane="bulk",instance="execution-2"} 1\n');
});
