/** A thread that verifies Ed25519 signatures, whole batches at a time. */
import { parentPort } from 'node:worker_threads';
import { assert } from '@internode/prelude';
import { verifyEd25519 } from './signatures-node.ts';
import { readBatch } from './verifier-batch.ts';

/** Verdicts leave at least this often, so that others can begin with what is known. */
const HOLD_MS = 1;

const port = parentPort;
assert(port !== null, 'this file is a worker');

port.on('message', (frame: Uint8Array) => {
  const batch = readBatch(frame);
  const verdicts = new Uint8Array(batch.length);
  let sent = 0;
  let sentMs = performance.now();
  for (const [index, { key, message, signature }] of batch.entries()) {
    verdicts[index] = verifyEd25519(key, message, signature) ? 1 : 0;
    const nowMs = performance.now();
    if (index + 1 < batch.length && nowMs - sentMs < HOLD_MS) continue;
    port.postMessage(verdicts.slice(sent, index + 1));
    sent = index + 1;
    sentMs = nowMs;
  }
});
port.postMessage(new Uint8Array(0));
