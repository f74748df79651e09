import { parentPort, workerData } from 'node:worker_threads';
import { loadFastBls } from '@internode/crypto/fast';
import type { BeaconTask } from '../core/task.ts';
import { type HeldKeys, solveBeacon } from '../solver.ts';

const keys = workerData as HeldKeys;
const bls = await loadFastBls();
parentPort?.on('message', (task: BeaconTask) =>
  parentPort?.postMessage(solveBeacon(bls, keys, task)),
);
parentPort?.postMessage('ready');
