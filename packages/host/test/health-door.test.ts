import { get } from 'node:http';
import { connect } from 'node:net';
import { MemoryBus } from '@internode/bus/memory';
import { expect, onTestFinished, test } from 'vitest';
import { openHealthDoor, openHost } from '../src/index.ts';

interface Answered {
  readonly status: number;
  readonly text: string;
}

/** A process whose bus answers as long as `bus.isThere`. */
async function door() {
  const bus = { isThere: true };
  const memory = new MemoryBus();
  const carried = {
    publish: memory.publish.bind(memory),
    subscribe: memory.subscribe.bind(memory),
    ready: () => (bus.isThere ? Promise.resolve() : new Promise<void>(() => {})),
  };
  const host = await openHost({
    place: { subnet: 's', node: 'n' },
    bus: carried,
    log: { write: () => {} },
  });
  onTestFinished(() => host.close());
  let begun = false;
  const port = await openHealthDoor(host, { host: '127.0.0.1', port: 0 }, () => begun);
  return {
    host,
    bus,
    port,
    begin: () => {
      begun = true;
    },
    ask: (path: string): Promise<Answered> =>
      new Promise((resolve, reject) => {
        get({ port, path, host: '127.0.0.1' }, (response) => {
          let text = '';
          response.on('data', (part) => (text += part));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        }).on('error', reject);
      }),
  };
}

test('alive from the start, ready once it has begun and while the bus answers', async () => {
  const { ask, begin, bus } = await door();
  expect(await ask('/healthz')).toEqual({ status: 200, text: 'alive\n' });
  expect(await ask('/readyz')).toEqual({ status: 503, text: 'it has not begun yet\n' });
  begin();
  expect(await ask('/readyz')).toEqual({ status: 200, text: 'ready\n' });
  bus.isThere = false;
  expect(await ask('/readyz?why')).toEqual({ status: 503, text: 'the bus does not answer\n' });
  bus.isThere = true;
  expect((await ask('/readyz')).status).toBe(200);
});

test('the figures of this process, and nothing else', async () => {
  const { ask, host } = await door();
  host.telemetry.metrics.change('state', { kind: 'gauge', name: 'height', value: 7 });
  expect((await ask('/metrics')).text).toContain('internode_state_height 7\n');
  expect((await ask('/')).status).toBe(404);
  expect((await ask('/healthz/../etc')).status).toBe(404);
});

test('garbage and headers without end are refused', async () => {
  const { port, ask } = await door();
  for (const bytes of ['garbage\r\n\r\n', `GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}`]) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {}).resume();
    socket.write(bytes);
    await new Promise((resolve) => socket.once('close', resolve));
  }
  expect((await ask('/healthz')).status).toBe(200);
});
