// Says again, on another subject, what it hears.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { WorkerBus } from '../src/worker.ts';

const bus = new WorkerBus((workerData as { port: MessagePort }).port);
bus.subscribe('internode.s.n.beacon.request_beacon', (envelope) => {
  bus.publish({ ...envelope, subject: 'internode.s.n.beacon.beacon_value' });
});
await bus.ready();
parentPort?.postMessage('ready');
