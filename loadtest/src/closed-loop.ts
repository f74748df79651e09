import { Connection } from './connection.ts';
import { percentile } from './figures.ts';
import type { HttpAnswer } from './http-answer.ts';

export interface LoopOptions {
  /** Of several, connections take turns. */
  readonly url: string | readonly string[];
  readonly concurrency: number;
  readonly count: number;
  /** Operation `index`, on connection `index % concurrency`. What it throws ends the run. */
  readonly operation: (connection: Connection, index: number) => Promise<void>;
}

export interface LoadFigures {
  readonly count: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** So many connections, each starting its next operation when the last has ended. */
export async function runClosedLoop(options: LoopOptions): Promise<LoadFigures> {
  const { count, concurrency, operation } = options;
  const urls = [options.url].flat();
  const connections = await Promise.all(
    Array.from({ length: concurrency }, (_, index) =>
      Connection.open(urls[index % urls.length] ?? ''),
    ),
  );
  const latenciesMs = new Float64Array(count);
  const startedAt = performance.now();
  const work = async (connection: Connection, first: number): Promise<void> => {
    for (let index = first; index < count; index += concurrency) {
      const sentAt = performance.now();
      await operation(connection, index);
      latenciesMs[index] = performance.now() - sentAt;
    }
  };
  try {
    await Promise.all(connections.map(work));
  } finally {
    for (const connection of connections) connection.close();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    count,
    seconds,
    perSecond: count / seconds,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
  };
}

export interface PostOptions {
  /** Of several, connections take turns. */
  readonly url: string | readonly string[];
  readonly path: string;
  readonly concurrency: number;
  /** Request bodies, each sent once. */
  readonly bodies: readonly Uint8Array[];
  /** W3C trace context of each body. */
  readonly traceparents?: readonly string[] | undefined;
}

/**
 * Sends all bodies in a closed loop and hands back the answers in their order, so that reading them costs nothing while the clock
 * runs.
 */
export async function postAll(
  options: PostOptions,
): Promise<{ readonly figures: LoadFigures; readonly answers: readonly HttpAnswer[] }> {
  const { bodies, path, traceparents } = options;
  const answers: HttpAnswer[] = new Array(bodies.length);
  const figures = await runClosedLoop({
    url: options.url,
    concurrency: options.concurrency,
    count: bodies.length,
    operation: async (connection, index) => {
      const body = bodies[index] as Uint8Array;
      answers[index] = await connection.post(path, body, undefined, traceparents?.[index]);
    },
  });
  return { figures, answers };
}
