// Reading and checking canister settings (interface-spec 6.1). Absent fields stay as they are.
import type { Refusal } from '@internode/contracts';
import { compareBytes, utf8 } from '@internode/prelude';
import {
  CONTROLLERS,
  ENVIRONMENT_TEXT_BYTES,
  ENVIRONMENT_VARIABLES,
  LOG_BYTES_DEFAULT,
  LOG_BYTES_MAX,
  VIEWERS,
  WASM_MEMORY_LIMIT_MAX,
} from '../../limits.ts';
import type { Settings, Visibility } from '../canister.ts';
import { refuse } from '../refusals.ts';
import type { SettingsArgument } from './types.ts';

const NAT64_END = 1n << 64n;
const NAT128_END = 1n << 128n;

export type SettingsResult =
  | { readonly kind: 'settings'; readonly settings: Settings }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** `heapBytes`: the memory that a new wasm_memory_limit must not be below. */
export function changedSettings(
  before: Settings,
  change: SettingsArgument,
  heapBytes: number,
): SettingsResult {
  const problem = problemOf(change, heapBytes);
  if (problem !== undefined) {
    return { kind: 'refused', refusal: refuse('IC0408', `Invalid settings: ${problem}`) };
  }
  const variables = change.environment_variables;
  const settings: Settings = {
    controllers: change.controllers ?? before.controllers,
    computeAllocation: change.compute_allocation ?? before.computeAllocation,
    memoryAllocation: change.memory_allocation ?? before.memoryAllocation,
    freezingThreshold: change.freezing_threshold ?? before.freezingThreshold,
    reservedCyclesLimit: change.reserved_cycles_limit ?? before.reservedCyclesLimit,
    minimumIncomingCycles:
      change.minimum_incoming_canister_call_cycles ?? before.minimumIncomingCycles,
    wasmMemoryLimit: change.wasm_memory_limit ?? before.wasmMemoryLimit,
    wasmMemoryThreshold: change.wasm_memory_threshold ?? before.wasmMemoryThreshold,
    logVisibility: visibilityOf(change.log_visibility) ?? before.logVisibility,
    snapshotVisibility: visibilityOf(change.snapshot_visibility) ?? before.snapshotVisibility,
    statusVisibility: visibilityOf(change.status_visibility) ?? before.statusVisibility,
    logMemoryLimit: change.log_memory_limit ?? before.logMemoryLimit,
    environmentVariables:
      variables === undefined ? before.environmentVariables : sortedByName(variables),
  };
  return { kind: 'settings', settings };
}

function problemOf(change: SettingsArgument, heapBytes: number): string | undefined {
  const above = (value: bigint | undefined, max: bigint): boolean => (value ?? 0n) > max;
  if ((change.controllers?.length ?? 0) > CONTROLLERS) {
    return `the number of controllers exceeds the maximum of ${CONTROLLERS}`;
  }
  if (above(change.compute_allocation, 100n)) return 'compute_allocation must be between 0 and 100';
  if (above(change.memory_allocation, NAT64_END - 1n)) return 'memory_allocation is out of range';
  if (above(change.freezing_threshold, NAT64_END - 1n)) return 'freezing_threshold is out of range';
  if (above(change.reserved_cycles_limit, NAT128_END - 1n))
    return 'reserved_cycles_limit is out of range';
  if (above(change.minimum_incoming_canister_call_cycles, NAT128_END - 1n)) {
    return 'minimum_incoming_canister_call_cycles is out of range';
  }
  return (
    memoryProblemOf(change, heapBytes) ?? viewersProblemOf(change) ?? variablesProblemOf(change)
  );
}

function memoryProblemOf(change: SettingsArgument, heapBytes: number): string | undefined {
  const {
    wasm_memory_limit: limit,
    wasm_memory_threshold: threshold,
    log_memory_limit: log,
  } = change;
  if (limit !== undefined && limit > WASM_MEMORY_LIMIT_MAX)
    return 'wasm_memory_limit is out of range';
  if (limit !== undefined && limit !== 0n && limit < BigInt(heapBytes)) {
    return 'wasm_memory_limit is below the memory in use';
  }
  if (threshold !== undefined && threshold > WASM_MEMORY_LIMIT_MAX) {
    return 'wasm_memory_threshold is out of range';
  }
  const isLogLimit =
    log === undefined ||
    log === 0n ||
    (log >= BigInt(LOG_BYTES_DEFAULT) && log <= BigInt(LOG_BYTES_MAX));
  return isLogLimit
    ? undefined
    : `log_memory_limit must be 0 or from ${LOG_BYTES_DEFAULT} to ${LOG_BYTES_MAX}`;
}

function viewersProblemOf(change: SettingsArgument): string | undefined {
  for (const one of [change.log_visibility, change.snapshot_visibility, change.status_visibility]) {
    if (one?.kind === 'allowed_viewers' && one.value.length > VIEWERS) {
      return `the number of allowed viewers exceeds the maximum of ${VIEWERS}`;
    }
  }
  return undefined;
}

function variablesProblemOf(change: SettingsArgument): string | undefined {
  const variables = change.environment_variables ?? [];
  if (variables.length > ENVIRONMENT_VARIABLES) {
    return `the number of environment variables exceeds the maximum of ${ENVIRONMENT_VARIABLES}`;
  }
  for (const { name, value } of variables) {
    if (utf8(name).length > ENVIRONMENT_TEXT_BYTES || utf8(value).length > ENVIRONMENT_TEXT_BYTES) {
      return `an environment variable is longer than ${ENVIRONMENT_TEXT_BYTES} bytes`;
    }
  }
  const names = new Set(variables.map(({ name }) => name));
  return names.size === variables.length ? undefined : 'environment variables with the same name';
}

function visibilityOf(argument: SettingsArgument['log_visibility']): Visibility | undefined {
  if (argument === undefined) return undefined;
  if (argument.kind === 'allowed_viewers')
    return { kind: 'allowed_viewers', viewers: argument.value };
  return { kind: argument.kind };
}

function sortedByName(
  variables: readonly { name: string; value: string }[],
): { name: string; value: string }[] {
  return variables
    .map(({ name, value }) => ({ name, value }))
    .sort((left, right) => compareBytes(utf8(left.name), utf8(right.name)));
}
