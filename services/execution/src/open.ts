// The service with its sandboxes around it. The same in every placement.
import { availableParallelism } from 'node:os';
import { Service } from '@internode/actor';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import type { Host, Start } from '@internode/host';
import { SandboxPool } from './adapters/sandbox-pool.ts';
import type { ExecutionConfig } from './config.ts';
import { createExecution } from './execution.ts';
import { createFollower } from './follower.ts';
import { describeExecution } from './telemetry.ts';

/** More workers than this do not help one thread that feeds them. */
const WORKERS_MAX = 4;

export interface ExecutionSettings {
  readonly config: ExecutionConfig;
  /** Where instrumented modules are kept, when not in the data directory. */
  readonly compileCache?: string;
  /** Answers queries only, beside the execution of the node. */
  readonly follows?: boolean;
}

export async function openExecution(host: Host, settings: ExecutionSettings): Promise<Start> {
  setHashEngine(nodeHashEngine);
  const sandbox = new SandboxPool({
    workers: Math.min(WORKERS_MAX, availableParallelism()),
    cacheDirectory: settings.compileCache ?? host.pathOf('compile-cache'),
    onFault: host.fail,
  });
  host.defer(() => sandbox.close());
  const { config, follows = false } = settings;
  const service = new Service(follows ? createFollower(config) : createExecution(config));
  const running = { solver: sandbox, describe: describeExecution, journal: 'none' } as const;
  return () => host.run(service, running);
}
