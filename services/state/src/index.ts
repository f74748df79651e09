export type { StateSolverOptions } from './adapters/solver.ts';
export { createStateSolver, solveStateInPlace } from './adapters/solver.ts';
export type { StateConfig } from './config.ts';
export type { StateEvent } from './core/event.ts';
export { StateCore } from './core/state.ts';
export type { SubnetDescription } from './core/subnet.ts';
export type { StateAnswer, StateTask } from './core/task.ts';
export { STATE_LIMITS } from './limits.ts';
export type { StateDefinition } from './state.ts';
export { createState } from './state.ts';
export { describeState } from './telemetry.ts';

/** Of `RocksStore.open`: checkpoints are made and synced where the rows are. */
export const CHECKPOINTS = new URL('./checkpoint/extension.ts', import.meta.url);
