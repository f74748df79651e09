// The few management-canister types that the commands use (interface-spec 6).
import { Actor, type ActorSubclass, type HttpAgent } from '@icp-sdk/core/agent';
import { IDL } from '@icp-sdk/core/candid';
import { Principal } from '@icp-sdk/core/principal';

const Status = IDL.Record({
  status: IDL.Variant({ running: IDL.Null, stopping: IDL.Null, stopped: IDL.Null }),
  settings: IDL.Record({
    controllers: IDL.Vec(IDL.Principal),
    freezing_threshold: IDL.Nat,
    compute_allocation: IDL.Nat,
    memory_allocation: IDL.Nat,
  }),
  module_hash: IDL.Opt(IDL.Vec(IDL.Nat8)),
  memory_size: IDL.Nat,
  cycles: IDL.Nat,
  idle_cycles_burned_per_day: IDL.Nat,
  version: IDL.Nat64,
});

const LogRecord = IDL.Record({
  idx: IDL.Nat64,
  timestamp_nanos: IDL.Nat64,
  content: IDL.Vec(IDL.Nat8),
});

const Mode = IDL.Variant({
  install: IDL.Null,
  reinstall: IDL.Null,
  upgrade: IDL.Opt(
    IDL.Record({
      skip_pre_upgrade: IDL.Opt(IDL.Bool),
      wasm_memory_persistence: IDL.Opt(IDL.Variant({ keep: IDL.Null, replace: IDL.Null })),
    }),
  ),
});

const Canister = IDL.Record({ canister_id: IDL.Principal });

const SERVICE = IDL.Service({
  provisional_create_canister_with_cycles: IDL.Func(
    [IDL.Record({ amount: IDL.Opt(IDL.Nat) })],
    [Canister],
    [],
  ),
  install_code: IDL.Func(
    [
      IDL.Record({
        mode: Mode,
        canister_id: IDL.Principal,
        wasm_module: IDL.Vec(IDL.Nat8),
        arg: IDL.Vec(IDL.Nat8),
      }),
    ],
    [],
    [],
  ),
  canister_status: IDL.Func([Canister], [Status], []),
  fetch_canister_logs: IDL.Func(
    [Canister],
    [IDL.Record({ canister_log_records: IDL.Vec(LogRecord) })],
    ['query'],
  ),
});

export type InstallMode =
  | { install: null }
  | { reinstall: null }
  | {
      upgrade:
        | []
        | [
            {
              skip_pre_upgrade: [] | [boolean];
              wasm_memory_persistence: [] | [{ keep: null } | { replace: null }];
            },
          ];
    };

export interface Management {
  provisional_create_canister_with_cycles(argument: {
    amount: [] | [bigint];
  }): Promise<{ canister_id: Principal }>;
  install_code(argument: {
    mode: InstallMode;
    canister_id: Principal;
    wasm_module: Uint8Array;
    arg: Uint8Array;
  }): Promise<void>;
  canister_status(argument: { canister_id: Principal }): Promise<{
    status: Record<string, null>;
    settings: { controllers: Principal[]; freezing_threshold: bigint };
    module_hash: [] | [Uint8Array];
    memory_size: bigint;
    cycles: bigint;
    idle_cycles_burned_per_day: bigint;
    version: bigint;
  }>;
  fetch_canister_logs(argument: { canister_id: Principal }): Promise<{
    canister_log_records: { idx: bigint; timestamp_nanos: bigint; content: Uint8Array }[];
  }>;
}

/** The management canister, called for one canister: its id routes the request. */
export function managementOf(
  agent: HttpAgent,
  effectiveCanisterId: Principal,
): ActorSubclass<Management> {
  return Actor.createActor<Management>(() => SERVICE, {
    agent,
    canisterId: Principal.managementCanister(),
    effectiveCanisterId,
    callTransform: () => ({ effectiveCanisterId }),
    queryTransform: () => ({ effectiveCanisterId }),
  });
}
