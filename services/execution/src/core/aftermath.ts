// What executions and installs leave behind in a canister besides memories: data, sizes, logs.
import { HEAP_BYTES_MAX, LOG_RECORD_OVERHEAD } from '../limits.ts';
import type { Executed } from '../sandbox/interface.ts';
import type { Canister } from './canister.ts';
import type { Subnet } from './subnet.ts';

export function certify(subnet: Subnet, canister: Canister, data: Uint8Array): void {
  canister.state.certifiedData = data;
  canister.certifiedDataHeight = subnet.height;
  subnet.touchRecord(canister);
}

/** Sizes of memories, and with them the low-memory hook (5.5): threshold 0 never fires. */
export function keepSizes(canister: Canister, executed: Executed): void {
  const { state } = canister;
  if (state.code === undefined) return;
  state.code.heapBytes = executed.heapBytes;
  state.code.stableBytes = executed.stableBytes;
  const { wasmMemoryLimit, wasmMemoryThreshold } = state.settings;
  const largest = state.code.memory64 ? HEAP_BYTES_MAX.wasm64 : HEAP_BYTES_MAX.wasm32;
  const limit = wasmMemoryLimit === 0n || wasmMemoryLimit > largest ? largest : wasmMemoryLimit;
  const isLow = limit - BigInt(executed.heapBytes) < wasmMemoryThreshold;
  if (!isLow) state.lowMemoryHook = 'idle';
  else if (state.lowMemoryHook === 'idle' && canister.hasHook('canister_on_low_wasm_memory')) {
    state.lowMemoryHook = 'ready';
  }
}

/** Adds log records; the oldest go when the log is full (5.13). */
export function keepLogs(canister: Canister, executed: Executed): void {
  if (executed.logs.length === 0) return;
  const { state } = canister;
  state.logs.push(...executed.logs);
  state.nextLogIndex = (executed.logs.at(-1)?.index ?? state.nextLogIndex - 1n) + 1n;
  trimLogs(canister);
}

export function trimLogs(canister: Canister): void {
  const { logs, settings } = canister.state;
  let bytes = 0;
  let kept = logs.length;
  for (; kept > 0; kept--) {
    bytes += (logs[kept - 1]?.content.length ?? 0) + LOG_RECORD_OVERHEAD;
    if (bytes > Number(settings.logMemoryLimit)) break;
  }
  logs.splice(0, kept);
}
