// Interfaces of the test canisters and of the management canister, for either client: both take the same IDL shapes.
import type { IDL as Idl } from '@icp-sdk/core/candid';

type IdlModule = typeof Idl;
type Factory = (given: { readonly IDL: IdlModule }) => Idl.ServiceClass;

export const counterInterface: Factory = ({ IDL }) =>
  IDL.Service({
    inc: IDL.Func([], [IDL.Nat], []),
    add: IDL.Func([IDL.Nat], [IDL.Nat], []),
    get: IDL.Func([], [IDL.Nat], ['query']),
    transientCount: IDL.Func([], [IDL.Nat], ['query']),
    whoami: IDL.Func([], [IDL.Principal], ['query']),
    incThenTrap: IDL.Func([], [IDL.Nat], []),
    trapInQuery: IDL.Func([], [IDL.Nat], ['query']),
    refuse: IDL.Func([], [IDL.Nat], []),
    print: IDL.Func([IDL.Text], [], []),
    spin: IDL.Func([], [], ['query']),
    recurse: IDL.Func([IDL.Nat], [IDL.Nat], []),
    noSuchMethod: IDL.Func([], [IDL.Nat], []),
  });

export const callerInterface: Factory = ({ IDL }) =>
  IDL.Service({
    incOf: IDL.Func([IDL.Text], [IDL.Nat], []),
    getOf: IDL.Func([IDL.Text], [IDL.Nat], []),
    twice: IDL.Func([IDL.Text], [IDL.Nat, IDL.Nat], []),
    failures: IDL.Func([IDL.Text], [IDL.Vec(IDL.Text)], []),
  });

export const rowsInterface: Factory = ({ IDL }) =>
  IDL.Service({
    step: IDL.Func([], [IDL.Nat], []),
    seen: IDL.Func([], [IDL.Nat, IDL.Nat, IDL.Nat], ['query']),
    forget: IDL.Func([], [IDL.Nat], ['query']),
    viaSelf: IDL.Func([], [IDL.Nat], []),
    together: IDL.Func([], [IDL.Nat, IDL.Nat, IDL.Nat], []),
    half: IDL.Func([], [], []),
    viaQuery: IDL.Func([], [IDL.Nat], ['composite_query']),
    random: IDL.Func([], [IDL.Vec(IDL.Nat8)], []),
    later: IDL.Func([], [IDL.Nat], []),
    born: IDL.Func([], [IDL.Principal], []),
    about: IDL.Func([], [IDL.Principal, IDL.Nat64, IDL.Bool], []),
  });

export const managementInterface: Factory = ({ IDL }) => {
  const Canister = IDL.Record({ canister_id: IDL.Principal });
  const Settings = IDL.Record({
    controllers: IDL.Opt(IDL.Vec(IDL.Principal)),
    freezing_threshold: IDL.Opt(IDL.Nat),
    compute_allocation: IDL.Opt(IDL.Nat),
    memory_allocation: IDL.Opt(IDL.Nat),
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
  const Status = IDL.Record({
    status: IDL.Variant({ running: IDL.Null, stopping: IDL.Null, stopped: IDL.Null }),
    settings: IDL.Record({ controllers: IDL.Vec(IDL.Principal), freezing_threshold: IDL.Nat }),
    module_hash: IDL.Opt(IDL.Vec(IDL.Nat8)),
    memory_size: IDL.Nat,
    cycles: IDL.Nat,
    version: IDL.Nat64,
  });
  return IDL.Service({
    provisional_create_canister_with_cycles: IDL.Func(
      [
        IDL.Record({
          amount: IDL.Opt(IDL.Nat),
          settings: IDL.Opt(Settings),
          specified_id: IDL.Opt(IDL.Principal),
        }),
      ],
      [Canister],
      [],
    ),
    provisional_top_up_canister: IDL.Func(
      [IDL.Record({ canister_id: IDL.Principal, amount: IDL.Nat })],
      [],
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
    uninstall_code: IDL.Func([Canister], [], []),
    update_settings: IDL.Func(
      [IDL.Record({ canister_id: IDL.Principal, settings: Settings })],
      [],
      [],
    ),
    canister_status: IDL.Func([Canister], [Status], []),
    start_canister: IDL.Func([Canister], [], []),
    stop_canister: IDL.Func([Canister], [], []),
    delete_canister: IDL.Func([Canister], [], []),
    raw_rand: IDL.Func([], [IDL.Vec(IDL.Nat8)], []),
  });
};

export const marksInterface: Factory = ({ IDL }) =>
  IDL.Service({
    mark: IDL.Func([IDL.Nat], [IDL.Nat], []),
    countsFrom: IDL.Func([IDL.Nat, IDL.Nat], [IDL.Vec(IDL.Nat)], ['query']),
    sum: IDL.Func([], [IDL.Nat], ['query']),
  });

export const certifiedInterface: Factory = ({ IDL }) =>
  IDL.Service({
    certify: IDL.Func([IDL.Vec(IDL.Nat8)], [], []),
    certificate: IDL.Func([], [IDL.Opt(IDL.Vec(IDL.Nat8))], ['query']),
    certificateInUpdate: IDL.Func([], [IDL.Opt(IDL.Vec(IDL.Nat8))], []),
  });
