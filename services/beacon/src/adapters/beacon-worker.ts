import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { loadFastBls, nodeSignatures } from '@internode/crypto/fast';
import type { BeaconTask } from '../core/task.ts';
import { type HeldKeys, solveBeacon } from '../solver.ts';

const keys = workerData as HeldKeys;
const tools = {
  bls: await loadFastBls(),
  signatures: nodeSignatures,
  entropy: () => new Uint8Array(randomBytes(32)),
};
parentPort?.on('message', (task: BeaconTask) =>
  parentPort?.postMessage(solveBeacon(tools, keys, task)),
);
parentPort?.postMessage('ready');
