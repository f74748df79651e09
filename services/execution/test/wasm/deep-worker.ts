/** Runs a canister's method on a thread with the stack that executors have; posts the result. */
import { parentPort, workerData } from 'node:worker_threads';
import { installed } from './canisters.ts';

const { bytes, method } = workerData as { readonly bytes: Uint8Array; readonly method: string };
const made = installed(bytes);
const results = [0, 1].map(() => {
  const result = made.run(method);
  made.instance.rollback();
  return result;
});
parentPort?.postMessage(results);
