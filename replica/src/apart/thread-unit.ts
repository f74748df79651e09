import { type MessagePort, Worker } from 'node:worker_threads';
import type { AloneFile, AloneNews } from '@internode/host';
import { type Ended, Sayings, type ServiceName, stopOrKill, type Unit } from './unit.ts';

/** What a service's thread is told; `port` leads to the bus. */
export interface ThreadData extends Omit<AloneFile, 'bus' | 'service'> {
  readonly service: ServiceName;
  readonly port: MessagePort;
}

/** A call lives for some 30 ms: what lives while it does should fit (scripts/run.mjs). */
const YOUNG_MB = 48;

export function startThread(data: ThreadData): Unit {
  const worker = new Worker(new URL('./service-thread.ts', import.meta.url), {
    workerData: data,
    name: data.unit ?? data.service,
    transferList: [data.port],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const sayings = new Sayings();
  worker.on('message', (news: AloneNews) => sayings.hear(news));
  worker.on('error', (fault: Error) =>
    sayings.hear({ kind: 'failed', message: fault.message, code: undefined }),
  );
  const ended = new Promise<Ended>((resolve) => {
    worker.once('exit', (code) => resolve(sayings.endOf(`status ${code}`, code !== 0)));
  });
  return {
    running: sayings.running,
    ended,
    stop: () =>
      stopOrKill(ended, {
        ask: () => worker.postMessage('stop'),
        kill: () => void worker.terminate(),
      }),
  };
}
