// BLS in a thread of its own, so that it never blocks the loop. Certification goes first: a caller waits for it, while
// beacons and tapes are made ahead. Key generation goes last: an epoch has time.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Solver } from '@internode/actor';
import type { BeaconAnswer, BeaconTask } from '../core/task.ts';
import type { HeldKeys } from '../solver.ts';

/** Enough that the thread never idles between two, few enough that an urgent one hardly waits. */
const UNDER_WAY_MAX = 2;

export interface ThreadedBeaconSolver extends Solver<BeaconTask, BeaconAnswer> {
  close(): Promise<void>;
}

interface Waiting {
  readonly task: BeaconTask;
  readonly answer: (result: BeaconAnswer) => void;
}

/** Ready when the thread has loaded its engine. `onFailed` is told if the thread dies. */
export async function startThreadedBeaconSolver(
  keys: HeldKeys,
  onFailed: (fault: unknown) => void,
): Promise<ThreadedBeaconSolver> {
  const worker = new Worker(new URL('./beacon-worker.ts', import.meta.url), { workerData: keys });
  await once(worker, 'message');
  return new WorkerSolver(worker, onFailed);
}

class WorkerSolver implements ThreadedBeaconSolver {
  readonly #worker: Worker;
  readonly #urgent: Waiting[] = [];
  readonly #ahead: Waiting[] = [];
  readonly #patient: Waiting[] = [];
  /** In the order in which they were sent, hence answered. */
  readonly #underWay: Waiting[] = [];
  #closing = false;

  constructor(worker: Worker, onFailed: (fault: unknown) => void) {
    this.#worker = worker;
    worker.on('message', (answer: BeaconAnswer) => {
      this.#underWay.shift()?.answer(answer);
      this.#send();
    });
    worker.on('error', onFailed);
    worker.on('exit', () => {
      if (!this.#closing) onFailed(new Error('the beacon solver has exited'));
    });
  }

  solve(task: BeaconTask, answer: (result: BeaconAnswer) => void): void {
    this.#queueOf(task).push({ task, answer });
    this.#send();
  }

  #queueOf(task: BeaconTask): Waiting[] {
    if (!('key' in task)) return this.#patient;
    return task.key === 'high' ? this.#urgent : this.#ahead;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#worker.terminate();
  }

  #send(): void {
    while (this.#underWay.length < UNDER_WAY_MAX) {
      const next = this.#urgent.shift() ?? this.#ahead.shift() ?? this.#patient.shift();
      if (next === undefined) return;
      this.#underWay.push(next);
      this.#worker.postMessage(next.task);
    }
  }
}
