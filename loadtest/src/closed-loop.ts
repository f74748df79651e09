import { Connection, type HttpAnswer } from './connection.ts';

export interface LoadOptions {
  readonly url: string;
  readonly path: string;
  /** Request bodies, each sent once. */
  readonly bodies: readonly Uint8Array[];
  readonly concurrency: number;
  readonly contentType?: string;
  /** Throws when the answer is not the expected one. */
  readonly check: (answer: HttpAnswer, index: number) => void;
}

export interface LoadFigures {
  readonly count: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly latenciesMs: Float64Array;
}

/** So many connections, each sending its next request when the last is answered. */
export async function runClosedLoop(options: LoadOptions): Promise<LoadFigures> {
  const { bodies, concurrency } = options;
  const connections = await Promise.all(
    Array.from({ length: concurrency }, () => Connection.open(options.url)),
  );
  const latenciesMs = new Float64Array(bodies.length);
  let next = 0;
  const startedAt = performance.now();
  const worker = async (connection: Connection): Promise<void> => {
    for (let index = next++; index < bodies.length; index = next++) {
      const sentAt = performance.now();
      const answer = await connection.post(
        options.path,
        bodies[index] as Uint8Array,
        options.contentType,
      );
      latenciesMs[index] = performance.now() - sentAt;
      options.check(answer, index);
    }
  };
  try {
    await Promise.all(connections.map(worker));
  } finally {
    for (const connection of connections) connection.close();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    count: bodies.length,
    seconds,
    perSecond: bodies.length / seconds,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    latenciesMs,
  };
}

export function percentile(values: Float64Array, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
