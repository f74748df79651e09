// The Candid types of the management canister that execution reads and writes (interface-spec 6).
import { candid } from '@internode/encoding';

const { blob, bool, nat, nat64, nullType, opt, principal, record, text, variant, vec } = candid;

const environmentVariable = record({ name: text, value: text });

export const visibilityType = variant({
  controllers: nullType,
  public: nullType,
  allowed_viewers: vec(principal),
});

export const settingsType = record({
  controllers: opt(vec(principal)),
  compute_allocation: opt(nat),
  memory_allocation: opt(nat),
  freezing_threshold: opt(nat),
  reserved_cycles_limit: opt(nat),
  minimum_incoming_canister_call_cycles: opt(nat),
  wasm_memory_limit: opt(nat),
  wasm_memory_threshold: opt(nat),
  log_visibility: opt(visibilityType),
  snapshot_visibility: opt(visibilityType),
  status_visibility: opt(visibilityType),
  log_memory_limit: opt(nat),
  environment_variables: opt(vec(environmentVariable)),
});
export type SettingsArgument = candid.CandidValue<typeof settingsType>;

export const canisterIdType = record({ canister_id: principal });

export const createType = record({
  settings: opt(settingsType),
  sender_canister_version: opt(nat64),
});

export const provisionalCreateType = record({
  amount: opt(nat),
  settings: opt(settingsType),
  specified_id: opt(principal),
  sender_canister_version: opt(nat64),
});

/** What every argument that names its caller's version has in common. */
export const callerVersionType = record({ sender_canister_version: opt(nat64) });

export const topUpType = record({ canister_id: principal, amount: nat });

export const updateSettingsType = record({
  canister_id: principal,
  settings: settingsType,
  sender_canister_version: opt(nat64),
});

export const changeCodeType = record({
  canister_id: principal,
  sender_canister_version: opt(nat64),
});

export const installType = record({
  mode: variant({
    install: nullType,
    reinstall: nullType,
    upgrade: opt(
      record({
        skip_pre_upgrade: opt(bool),
        wasm_memory_persistence: opt(variant({ keep: nullType, replace: nullType })),
      }),
    ),
  }),
  canister_id: principal,
  wasm_module: blob,
  arg: blob,
  sender_canister_version: opt(nat64),
});
export type InstallArgument = candid.CandidValue<typeof installType>;

export const definiteSettings = record({
  controllers: vec(principal),
  compute_allocation: nat,
  memory_allocation: nat,
  freezing_threshold: nat,
  reserved_cycles_limit: nat,
  minimum_incoming_canister_call_cycles: nat,
  wasm_memory_limit: nat,
  wasm_memory_threshold: nat,
  log_visibility: visibilityType,
  snapshot_visibility: visibilityType,
  status_visibility: visibilityType,
  log_memory_limit: nat,
  environment_variables: vec(environmentVariable),
});

export const statusType = record({
  status: variant({ running: nullType, stopping: nullType, stopped: nullType }),
  ready_for_migration: bool,
  version: nat64,
  settings: definiteSettings,
  module_hash: opt(blob),
  memory_size: nat,
  memory_metrics: record({
    wasm_memory_size: nat,
    stable_memory_size: nat,
    global_memory_size: nat,
    wasm_binary_size: nat,
    custom_sections_size: nat,
    canister_history_size: nat,
    wasm_chunk_store_size: nat,
    snapshots_size: nat,
    log_memory_store_size: nat,
  }),
  cycles: nat,
  reserved_cycles: nat,
  idle_cycles_burned_per_day: nat,
  query_stats: record({
    num_calls_total: nat,
    num_instructions_total: nat,
    request_payload_bytes_total: nat,
    response_payload_bytes_total: nat,
  }),
});

export const logsType = record({
  canister_log_records: vec(record({ idx: nat64, timestamp_nanos: nat64, content: blob })),
});
