// Taking the code out of a canister: by its controllers, or because it ran out of cycles
// (interface-spec 5.9).
import { HISTORY_ENTRIES, LOG_BYTES_DEFAULT } from '../limits.ts';
import { answerContext, stopIfDone } from './call-contexts.ts';
import type { Canister, Change } from './canister.ts';
import { isOutOfCycles } from './charging.ts';
import { type Fiber, solveFor } from './fibers.ts';
import { whileOpening } from './loading.ts';
import { plainReject } from './refusals.ts';
import { reject } from './responding.ts';
import type { Subnet } from './subnet.ts';

/** Adds to the history, which keeps the newest entries and counts all. */
export function recordChange(
  subnet: Subnet,
  canister: Canister,
  change: Pick<Change, 'origin' | 'details'>,
): void {
  const { state } = canister;
  state.history.push({ timeNanos: subnet.timeNanos, version: state.version, ...change });
  state.historyTotal += 1n;
  if (state.history.length > HISTORY_ENTRIES) state.history.shift();
}

/**
 * Removes code, memories, certified data, logs and timer; open contexts are rejected with code 4.
 */
export function* uninstallCode(subnet: Subnet, canister: Canister, why: string): Fiber {
  yield* whileOpening(canister);
  const { state } = canister;
  if (state.code !== undefined) {
    subnet.modules.release(state.code.moduleHash);
    if (canister.open) yield* solveFor('removed', { kind: 'remove', canisterId: canister.id });
    canister.open = false;
    canister.memoriesCleared = true;
  }
  state.code = undefined;
  canister.learn(undefined);
  state.certifiedData = new Uint8Array(0);
  state.globalTimerNanos = 0n;
  state.lowMemoryHook = 'idle';
  state.lastInstallNanos = undefined;
  state.logs = [];
  state.version += 1n;
  for (const [id, context] of state.contexts) {
    if (!context.responded) answerContext(subnet, context, reject(plainReject(4, why)));
    context.deleted = true;
    if (context.outstanding === 0) state.contexts.delete(id);
  }
  subnet.touchRecord(canister);
  subnet.index(canister);
  stopIfDone(subnet, canister);
}

/** Main and reserved balance are both gone: like uninstalling, and the allocations go too. */
export function* uninstallIfOutOfCycles(subnet: Subnet, canister: Canister): Fiber {
  if (!isOutOfCycles(canister) || canister.state.code === undefined) return;
  yield* uninstallCode(subnet, canister, 'Canister has been uninstalled.');
  const { state } = canister;
  state.settings.computeAllocation = 0n;
  state.settings.memoryAllocation = 0n;
  state.settings.logMemoryLimit = BigInt(LOG_BYTES_DEFAULT);
  state.history = [];
}
