// `canister_status` (interface-spec 6.2), by update and by query.
import { candid } from '@internode/encoding';
import { bytesEqual } from '@internode/prelude';
import type { Canister, Visibility } from '../canister.ts';
import type { Prices } from '../cycles.ts';
import { type definiteSettings, statusType, type visibilityType } from './types.ts';

/** Controllers, the canister itself, and whom the setting admits. */
export function maySee(canister: Canister, visibility: Visibility, caller: Uint8Array): boolean {
  if (canister.isController(caller) || bytesEqual(canister.id, caller)) return true;
  if (visibility.kind === 'public') return true;
  if (visibility.kind === 'controllers') return false;
  return visibility.viewers.some((viewer) => bytesEqual(viewer, caller));
}

export function statusOf(canister: Canister, prices: Prices): Uint8Array {
  const { state } = canister;
  const memory = canister.memory();
  const isStopped = state.status.kind === 'stopped';
  return candid.encode(
    [statusType],
    [
      {
        status: { kind: state.status.kind },
        ready_for_migration: isStopped && state.inputs.length === 0,
        version: state.version,
        settings: settingsOf(canister),
        module_hash: state.code?.moduleHash,
        memory_size: BigInt(canister.memoryBytes()),
        memory_metrics: {
          wasm_memory_size: BigInt(memory.wasmMemory),
          stable_memory_size: BigInt(memory.stableMemory),
          global_memory_size: BigInt(memory.globalMemory),
          wasm_binary_size: BigInt(memory.wasmBinary),
          custom_sections_size: BigInt(memory.customSections),
          canister_history_size: BigInt(memory.history),
          wasm_chunk_store_size: 0n,
          snapshots_size: 0n,
          log_memory_store_size: BigInt(memory.logs),
        },
        cycles: state.balance,
        reserved_cycles: state.reserved,
        idle_cycles_burned_per_day: canister.idlePerDay(prices),
        query_stats: {
          num_calls_total: 0n,
          num_instructions_total: 0n,
          request_payload_bytes_total: 0n,
          response_payload_bytes_total: 0n,
        },
      },
    ],
  );
}

function settingsOf(canister: Canister): candid.CandidValue<typeof definiteSettings> {
  const { settings } = canister.state;
  return {
    controllers: settings.controllers,
    compute_allocation: settings.computeAllocation,
    memory_allocation: settings.memoryAllocation,
    freezing_threshold: settings.freezingThreshold,
    reserved_cycles_limit: settings.reservedCyclesLimit,
    minimum_incoming_canister_call_cycles: settings.minimumIncomingCycles,
    wasm_memory_limit: settings.wasmMemoryLimit,
    wasm_memory_threshold: settings.wasmMemoryThreshold,
    log_visibility: candidVisibility(settings.logVisibility),
    snapshot_visibility: candidVisibility(settings.snapshotVisibility),
    status_visibility: candidVisibility(settings.statusVisibility),
    log_memory_limit: settings.logMemoryLimit,
    environment_variables: settings.environmentVariables,
  };
}

function candidVisibility(visibility: Visibility): candid.CandidValue<typeof visibilityType> {
  if (visibility.kind !== 'allowed_viewers') return { kind: visibility.kind };
  return { kind: visibility.kind, value: visibility.viewers };
}
