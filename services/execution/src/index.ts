import { type PoolOptions, SandboxPool } from './adapters/sandbox-pool.ts';

export type { SandboxPool } from './adapters/sandbox-pool.ts';
export type { ExecutionConfig } from './config.ts';
export { Prices } from './core/cycles.ts';
export type { ExecutionEvent } from './core/event.ts';
export { ExecutionCore, type ExecutionCoreConfig } from './core/execution.ts';
export { createExecution, type ExecutionDefinition, executionSubjects } from './execution.ts';
export { createFollower, followerSubjects } from './follower.ts';
export type { ExecutionSettings } from './open.ts';
export { openExecution } from './open.ts';
export { createInPlaceSandbox } from './sandbox/in-place.ts';
export type { Answer as SandboxAnswer, Task as SandboxTask } from './sandbox/interface.ts';

/**
 * The solver of the execution service: canisters on worker threads. Close it after the service has
 * stopped.
 */
export function createSandboxSolver(options: PoolOptions): SandboxPool {
  return new SandboxPool(options);
}
