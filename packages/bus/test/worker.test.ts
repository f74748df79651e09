import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { busCompliance } from '../src/compliance.ts';
import { WorkerBus, WorkerBusHub } from '../src/worker.ts';

busCompliance('worker', async () => {
  const hub = new WorkerBusHub();
  const left = new WorkerBus(hub.connect());
  const right = new WorkerBus(hub.connect());
  return {
    left,
    right,
    ready: async () => {
      await left.ready();
      await right.ready();
    },
    close: async () => {
      left.close();
      right.close();
      hub.close();
    },
  };
});

test('a bus reaches into a thread of its own', async () => {
  const hub = new WorkerBusHub();
  const bus = new WorkerBus(hub.connect());
  const port = hub.connect();
  const worker = new Worker(new URL('./echo-worker.ts', import.meta.url), {
    workerData: { port },
    transferList: [port],
  });
  const subject = 'internode.s.n.beacon.beacon_value';
  const heard = new Promise<Uint8Array>((resolve) => {
    bus.subscribe(subject, ({ body }) => resolve(body));
  });
  await new Promise((resolve) => worker.once('message', resolve));
  await bus.ready();
  const body = new Uint8Array(1_000_000).fill(3);
  const envelope = { id: '1', cause: '', sender: 'main', traceparent: '', body };
  bus.publish({ ...envelope, subject: 'internode.s.n.beacon.request_beacon' });
  expect(await heard).toEqual(body);
  await worker.terminate();
  bus.close();
  hub.close();
});
