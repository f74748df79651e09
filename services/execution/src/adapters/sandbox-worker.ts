/** One thread that runs canisters. What it throws ends it, and with it the service that asked. */

import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { setHashEngine } from '@internode/encoding';
import { assert, unreachable } from '@internode/prelude';
import type { Answer } from '../sandbox/interface.ts';
import { Sandbox } from '../sandbox/sandbox.ts';
import { inflate } from './inflate.ts';
import { openInstrumentedCache } from './instrumented-cache.ts';
import { type Answered, packed, type ToWorker, type WorkerSettings } from './sandbox-messages.ts';

/** Answers are sent at least this often, so that a long execution does not hold back others'. */
const HOLD_MS = 2;

const port = parentPort;
assert(port !== null, 'this file is a worker');
const digest = (name: string) => (bytes: Uint8Array) =>
  new Uint8Array(createHash(name).update(bytes).digest());
setHashEngine({ sha256: digest('sha256'), sha224: digest('sha224') });

const { cacheDirectory, instancesMax, shares } = workerData as WorkerSettings;
const cache = cacheDirectory === undefined ? undefined : openInstrumentedCache(cacheDirectory);
const sandbox = new Sandbox({ inflate, cache }, instancesMax);

let answers: Answered[] = [];
let handedOver: ArrayBuffer[] = [];
let sentMs = 0;

function send(): void {
  if (answers.length > 0) port?.postMessage({ answers }, handedOver);
  answers = [];
  handedOver = [];
  sentMs = performance.now();
}

function answered(id: number, answer: Answer): Answered {
  if (answer.kind === 'prepared' && shares) {
    const module = sandbox.modules.get(answer.facts.hash);
    return module === undefined ? { id, answer } : { id, answer, module };
  }
  if (answer.kind !== 'collected') return { id, answer };
  const { canisters, buffer } = packed(answer.canisters);
  handedOver.push(buffer);
  return { id, answer: { kind: 'collected', canisters } };
}

function solveAll(tasks: Extract<ToWorker, { kind: 'tasks' }>['tasks']): void {
  sentMs = performance.now();
  for (const { id, task } of tasks) {
    answers.push(answered(id, sandbox.solve(task)));
    if (performance.now() - sentMs > HOLD_MS) send();
  }
  send();
}

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'tasks':
      return solveAll(message.tasks);
    case 'adopt':
      return sandbox.modules.adopt(message.module);
    case 'use':
      return sandbox.modules.use(message.key);
    case 'release':
      return sandbox.modules.release(message.key);
    case 'stop':
      return port.close();
    default:
      return unreachable(message);
  }
});
