/**
 * The sandbox on worker threads: a Solver for execution's core. A canister lives in one worker, by
 * its id; tasks said in one turn of the event loop travel together.
 *
 * A worker that dies (out of memory, a native stack overflow, a broken invariant) takes unsaved
 * state with it: nothing is retried, `onFault` is told once, and no answer comes any more. The service
 * must stop and start again from stored state.
 */
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { assert, compareBytes, toHex } from '@internode/prelude';
import type { Answer, Collected, Task } from '../sandbox/interface.ts';
import { INSTANCES_LIVE } from '../sandbox/limits.ts';
import {
  type Answered,
  compacted,
  type FromWorker,
  type ToWorker,
  type WorkerSettings,
} from './sandbox-messages.ts';

export interface PoolOptions {
  /** 1 to 16. */
  readonly workers: number;
  /** Where instrumented modules are kept between runs; undefined: nowhere. */
  readonly cacheDirectory: string | undefined;
  /** Told once, when a worker died before `close`. */
  readonly onFault: (reason: Error) => void;
}

/** Recursion of canisters is bounded by their own counter; this is more than it allows. */
const STACK_MB = 64;
const GRACE_MS = 1_000;

type CodeTask = Extract<Task, { kind: 'install' | 'remove' | 'open' }>;
type Deliver = (answer: Answer) => void;

interface Member {
  readonly worker: Worker;
  /** Said in this turn, not yet sent. */
  waiting: { readonly id: number; readonly task: Task }[];
  /** It was given work since it was last asked what changed. */
  changed: boolean;
}

export class SandboxPool {
  readonly #onFault: (reason: Error) => void;
  readonly #members: readonly Member[];
  readonly #pending = new Map<number, Deliver>();
  /** The module of each canister, by id in hex. */
  readonly #modules = new Map<string, string>();
  #nextId = 0;
  #nextPreparer = 0;
  #flushing = false;
  #state: 'open' | 'closing' | 'broken' = 'open';
  #idle: (() => void) | undefined;

  constructor({ workers, cacheDirectory, onFault }: PoolOptions) {
    assert(workers >= 1 && workers <= 16, 'between 1 and 16 workers');
    this.#onFault = onFault;
    const instancesMax = Math.floor(INSTANCES_LIVE / workers);
    // Before the first compilation: slow paths of our checks leave hot code. Speed only, never results.
    setFlagsFromString('--experimental-wasm-branch-hinting');
    const settings: WorkerSettings = { cacheDirectory, instancesMax, shares: workers > 1 };
    this.#members = Array.from({ length: workers }, () => this.#start(settings));
  }

  solve(task: Task, answer: Deliver): void {
    assert(this.#state !== 'closing', 'the sandbox is closed');
    switch (task.kind) {
      case 'prepare':
        return this.#ask(this.#preparer(), task, answer);
      case 'execute':
        return this.#ask(this.#memberOf(task.context.canisterId), task, answer);
      case 'series':
        return this.#ask(this.#memberOf(task.first.context.canisterId), task, answer);
      case 'supply':
      case 'apply':
        return this.#ask(this.#memberOf(task.canisterId), task, answer);
      case 'install':
      case 'remove':
      case 'open':
        return this.#askForCode(task, answer);
      case 'reset':
        for (const canister of [...this.#modules.keys()]) this.#noteModule(canister, undefined);
        return this.#askAll(this.#members, task, answer);
      case 'forget':
        return this.#askAll(this.#members, task, answer);
      case 'collect':
        return this.#collect(task, answer);
    }
  }

  /**
   * Waits a second for the answers under way, then ends the workers. A message that takes longer is
   * abandoned: nothing of it was kept, and it runs again after the next start.
   */
  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#flush();
      this.#state = 'closing';
      await within(GRACE_MS, this.#untilIdle());
      this.#pending.clear();
    }
    await Promise.all(this.#members.map(({ worker }) => ended(worker)));
  }

  #untilIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
      if (this.#pending.size === 0) resolve();
    });
  }

  #start(settings: WorkerSettings): Member {
    const worker = new Worker(new URL('./sandbox-worker.ts', import.meta.url), {
      workerData: settings,
      resourceLimits: { stackSizeMb: STACK_MB },
    });
    const member: Member = { worker, waiting: [], changed: false };
    worker.on('message', ({ answers }: FromWorker) => this.#deliver(member, answers));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', (code) => {
      if (this.#state === 'open') this.#fail(new Error(`a sandbox worker ended with code ${code}`));
    });
    return member;
  }

  #preparer(): Member {
    this.#nextPreparer = (this.#nextPreparer + 1) % this.#members.length;
    return this.#members[this.#nextPreparer] as Member;
  }

  #memberOf(canisterId: Uint8Array): Member {
    let hash = 0;
    for (const byte of canisterId) hash = (Math.imul(hash, 31) + byte) >>> 0;
    return this.#members[hash % this.#members.length] as Member;
  }

  #ask(member: Member, task: Task, deliver: Deliver): void {
    if (this.#state === 'broken') return;
    const id = this.#nextId;
    this.#nextId += 1;
    this.#pending.set(id, deliver);
    member.changed = true;
    member.waiting.push({ id, task: compacted(task) });
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  /** Tasks that change which module a canister runs. */
  #askForCode(task: CodeTask, deliver: Deliver): void {
    const canisterId = task.kind === 'install' ? task.context.canisterId : task.canisterId;
    this.#ask(this.#memberOf(canisterId), task, (answer) => {
      const failed = answer.kind === 'executed' && answer.trap !== undefined;
      const key = task.kind === 'remove' ? undefined : toHex(task.moduleHash);
      if (!failed) this.#noteModule(toHex(canisterId), key);
      deliver(answer);
    });
  }

  /** Core counts on it that the module of an open canister needs no second `prepare`, anywhere. */
  #noteModule(canister: string, key: string | undefined): void {
    if (this.#members.length === 1) return;
    const before = this.#modules.get(canister);
    this.#modules.delete(canister);
    if (key !== undefined) this.#modules.set(canister, key);
    for (const { worker } of this.#members) {
      if (key !== undefined) post(worker, { kind: 'use', key });
      if (before !== undefined) post(worker, { kind: 'release', key: before });
    }
  }

  /** Of those that have had work: to wake a thread that has nothing to tell costs as much as a call. */
  #collect(task: Task, deliver: Deliver): void {
    const changed = this.#members.filter((member) => member.changed);
    this.#askAll(changed.length === 0 ? this.#members.slice(0, 1) : changed, task, deliver);
    for (const member of this.#members) member.changed = false;
  }

  #askAll(members: readonly Member[], task: Task, deliver: Deliver): void {
    const answers: Answer[] = [];
    for (const member of members) {
      this.#ask(member, task, (answer) => {
        answers.push(answer);
        if (answers.length === members.length) deliver(merged(answers));
      });
    }
  }

  #flush(): void {
    this.#flushing = false;
    for (const member of this.#members) {
      if (member.waiting.length === 0) continue;
      const tasks = member.waiting;
      member.waiting = [];
      post(member.worker, { kind: 'tasks', tasks });
    }
  }

  #deliver(from: Member, answers: readonly Answered[]): void {
    for (const { id, answer, module } of answers) {
      const deliver = this.#pending.get(id);
      if (deliver === undefined) continue;
      this.#pending.delete(id);
      // The others must know the module before anybody hears that it is prepared.
      const others = module === undefined ? [] : this.#members.filter((member) => member !== from);
      for (const { worker } of others) post(worker, { kind: 'adopt', module } as ToWorker);
      deliver(answer);
    }
    if (this.#pending.size === 0) this.#idle?.();
  }

  #fail(error: Error): void {
    if (this.#state === 'broken') return;
    this.#state = 'broken';
    this.#pending.clear();
    this.#idle?.();
    for (const { worker } of this.#members) void worker.terminate();
    this.#onFault(error);
  }
}

async function ended(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return;
  const exit = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  post(worker, { kind: 'stop' });
  await within(GRACE_MS / 4, exit);
  await worker.terminate();
}

async function within(limitMs: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

function merged(answers: readonly Answer[]): Answer {
  const canisters = answers.flatMap((answer): readonly Collected[] =>
    answer.kind === 'collected' ? answer.canisters : [],
  );
  if (answers[0]?.kind !== 'collected') return { kind: 'forgotten' };
  return {
    kind: 'collected',
    canisters: canisters.sort((left, right) => compareBytes(left.canisterId, right.canisterId)),
  };
}
