/** Calls to the management canister with their Candid, and canisters under test. */
import type { Ingress } from '@internode/contracts';
import { candid } from '@internode/encoding';
import { assert } from '@internode/prelude';
import {
  changeCodeType,
  installType,
  provisionalCreateType,
  type SettingsArgument,
  statusType,
  updateSettingsType,
} from '../../src/core/management/types.ts';
import { type CallOptions, MANAGEMENT, type Replica, type Result } from './replica.ts';

export const CANISTER_ID = candid.record({ canister_id: candid.principal });

export function replied(result: Result): Uint8Array {
  assert(result.kind === 'reply', JSON.stringify(result));
  return result.reply;
}

export function refused(result: Result): { code: number; errorCode: string; message: string } {
  assert(result.kind === 'reject', 'it replied');
  const { rejectCode, errorCode, message } = result.refusal;
  return { code: rejectCode, errorCode, message };
}

export interface CreateOptions {
  readonly amount?: bigint;
  readonly settings?: SettingsArgument;
  readonly specifiedId?: Uint8Array;
  readonly sender?: Uint8Array;
}

export function tryCreate(replica: Replica, options: CreateOptions = {}): Result {
  const argument = candid.encode(
    [provisionalCreateType],
    [{ amount: options.amount, settings: options.settings, specified_id: options.specifiedId }],
  );
  return replica.call(MANAGEMENT, 'provisional_create_canister_with_cycles', {
    argument,
    ...(options.sender === undefined ? {} : { sender: options.sender }),
  });
}

export function create(replica: Replica, options: CreateOptions = {}): Uint8Array {
  const decoded = candid.decode([CANISTER_ID], replied(tryCreate(replica, options)));
  assert(decoded.kind === 'valid', 'canister id');
  return decoded.value[0].canister_id;
}

/** A management method that takes `record { canister_id }`. */
export function manage(
  replica: Replica,
  method: string,
  canisterId: Uint8Array,
  options: CallOptions = {},
): Result {
  return replica.call(MANAGEMENT, method, {
    argument: candid.encode([changeCodeType], [{ canister_id: canisterId }]),
    effectiveCanisterId: canisterId,
    ...options,
  });
}

export interface InstallOptions {
  readonly mode?: 'install' | 'reinstall' | 'upgrade';
  readonly argument?: Uint8Array;
  readonly persistence?: 'keep' | 'replace';
  readonly skipPreUpgrade?: boolean;
  readonly sender?: Uint8Array;
}

export function installIngress(
  replica: Replica,
  canisterId: Uint8Array,
  wasm: Uint8Array,
  options: InstallOptions = {},
): Ingress {
  const { mode = 'install', persistence } = options;
  const upgrade = {
    skip_pre_upgrade: options.skipPreUpgrade,
    wasm_memory_persistence: persistence === undefined ? undefined : { kind: persistence },
  };
  const isDetailed = persistence !== undefined || options.skipPreUpgrade !== undefined;
  const argument = candid.encode(
    [installType],
    [
      {
        mode:
          mode === 'upgrade'
            ? { kind: mode, value: isDetailed ? upgrade : undefined }
            : { kind: mode },
        canister_id: canisterId,
        wasm_module: wasm,
        arg: options.argument ?? candid.encode([], []),
      },
    ],
  );
  return replica.ingress(MANAGEMENT, 'install_code', {
    argument,
    effectiveCanisterId: canisterId,
    ...(options.sender === undefined ? {} : { sender: options.sender }),
  });
}

export function install(
  replica: Replica,
  canisterId: Uint8Array,
  wasm: Uint8Array,
  options: InstallOptions = {},
): Result {
  const ingress = installIngress(replica, canisterId, wasm, options);
  replica.block([ingress]);
  return replica.await(ingress);
}

export function deploy(
  replica: Replica,
  wasm: Uint8Array,
  options: CreateOptions = {},
): Uint8Array {
  const id = create(replica, options);
  replied(install(replica, id, wasm));
  return id;
}

export function settingsOf(
  replica: Replica,
  canisterId: Uint8Array,
  settings: SettingsArgument,
): Result {
  return replica.call(MANAGEMENT, 'update_settings', {
    argument: candid.encode([updateSettingsType], [{ canister_id: canisterId, settings }]),
    effectiveCanisterId: canisterId,
  });
}

export function status(
  replica: Replica,
  canisterId: Uint8Array,
): candid.CandidValue<typeof statusType> {
  const decoded = candid.decode(
    [statusType],
    replied(manage(replica, 'canister_status', canisterId)),
  );
  assert(decoded.kind === 'valid', 'status');
  return decoded.value[0];
}
