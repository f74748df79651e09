// V8's CPU profiles of a process that runs, taken when its operator asks: a request in the data directory, then SIGUSR2. Costs nothing
// until then, and opens no port.
import * as fs from 'node:fs';
import { Session } from 'node:inspector/promises';
import { basename, join } from 'node:path';

/** As DevTools reads it (Chrome DevTools Protocol, Profiler.Profile). */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber?: number;
    };
    readonly children?: readonly number[];
  }[];
  /** Microseconds of the machine's monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ThreadProfile {
  /** `main`, the name that a thread was given, or its file. */
  readonly thread: string;
  readonly profile: CpuProfile;
}

export type ProfileAnswer =
  | { readonly kind: 'taken'; readonly threads: readonly ThreadProfile[] }
  | { readonly kind: 'refused'; readonly reason: string };

export const PROFILE_MS = { min: 100, max: 120_000 } as const;

/** Where requests to a process and its answers are. */
export function profileFiles(dataDir: string, pid: number): Record<'request' | 'answer', string> {
  const path = join(dataDir, 'profile', String(pid));
  return { request: `${path}.request.json`, answer: `${path}.json` };
}

/** Answers requests until the result is called. To be called before others can find this process: the signal ends one that does not know it. */
export function answerProfiles(dataDir: string): () => void {
  let busy = false;
  const { request, answer } = profileFiles(dataDir, process.pid);
  const onSignal = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      const outcome = await answerTo(request);
      fs.writeFileSync(`${answer}.new`, JSON.stringify(outcome), { mode: 0o600 });
      fs.renameSync(`${answer}.new`, answer);
    } catch {
      // Nobody asked here, or the disk takes nothing: who asked is told by the time that passes.
    } finally {
      busy = false;
    }
  };
  process.on('SIGUSR2', onSignal);
  return () => process.off('SIGUSR2', onSignal);
}

async function answerTo(request: string): Promise<ProfileAnswer> {
  const { forMs } = JSON.parse(fs.readFileSync(request, 'utf8')) as { readonly forMs?: unknown };
  fs.rmSync(request);
  if (typeof forMs !== 'number' || !(forMs >= PROFILE_MS.min && forMs <= PROFILE_MS.max))
    return { kind: 'refused', reason: `a profile takes ${PROFILE_MS.min} to ${PROFILE_MS.max} ms` };
  try {
    return { kind: 'taken', threads: await takeProfiles(forMs) };
  } catch (fault) {
    return { kind: 'refused', reason: (fault as Error).message };
  }
}

/** Of the main thread and the threads that it has started. */
export async function takeProfiles(forMs: number): Promise<readonly ThreadProfile[]> {
  const session = new Session();
  session.connect();
  try {
    const workers = await workersOf(session);
    const all = [{ thread: 'main', ask: post(session) }, ...workers];
    await Promise.all(all.map(({ ask }) => ask('Profiler.enable')));
    await Promise.all(all.map(({ ask }) => ask('Profiler.start')));
    await new Promise((resolve) => setTimeout(resolve, forMs));
    const taken = await Promise.all(
      all.map(async ({ thread, ask }) => ({ thread, stopped: await ask('Profiler.stop') })),
    );
    // One that has ended meanwhile has nothing to say.
    return taken.flatMap(({ thread, stopped }) =>
      stopped === undefined ? [] : [{ thread, profile: stopped['profile'] as CpuProfile }],
    );
  } finally {
    session.disconnect();
  }
}

type Ask = (method: string) => Promise<Record<string, unknown> | undefined>;

const ANSWER_MS_MAX = 5_000;

function post(session: Session): Ask {
  return async (method) => {
    const said: unknown = await session.post(method);
    return said as Record<string, unknown>;
  };
}

interface WorkerSaid {
  readonly id: number;
  readonly result?: Record<string, unknown>;
}

async function workersOf(session: Session): Promise<readonly { thread: string; ask: Ask }[]> {
  const workers: { thread: string; ask: Ask }[] = [];
  const waiting = new Map<string, (said: WorkerSaid) => void>();
  let count = 0;
  session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
    const said = JSON.parse(message) as WorkerSaid;
    waiting.get(`${sessionId}/${said.id}`)?.(said);
  });
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
    const ask: Ask = (method) => {
      const id = ++count;
      const key = `${sessionId}/${id}`;
      const { promise, resolve } = Promise.withResolvers<WorkerSaid>();
      waiting.set(key, resolve);
      const timer = setTimeout(() => resolve({ id }), ANSWER_MS_MAX);
      const message = JSON.stringify({ id, method });
      session
        .post('NodeWorker.sendMessageToWorker', { sessionId, message })
        .catch(() => resolve({ id }));
      return promise.then(({ result }) => {
        clearTimeout(timer);
        waiting.delete(key);
        return result;
      });
    };
    workers.push({ thread: threadName(workerInfo), ask });
  });
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  return workers;
}

/** Of `[worker 3] name` the name. */
function threadName({ title, url }: { readonly title: string; readonly url: string }): string {
  const name = /^\[worker \d+\] (.+)$/.exec(title)?.[1];
  if (name !== undefined && name !== 'WorkerThread') return name;
  return basename(url).replace(/\.[a-z]+$/, '') || title;
}
