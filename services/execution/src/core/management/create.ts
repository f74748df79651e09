// New canisters: by canisters for cycles, and in development by anyone for nothing (interface-spec
// 6).
import { candid } from '@internode/encoding';
import { CANISTERS } from '../../limits.ts';
import { defaultSettings, emptyCanister } from '../canister.ts';
import { DEFAULT_PROVISIONAL_BALANCE } from '../cycles.ts';
import { refuse } from '../refusals.ts';
import { recordChange } from '../uninstall.ts';
import {
  changeOrigin,
  done,
  failed,
  type ManagementCall,
  type Result,
  readArgument,
} from './call.ts';
import { changedSettings } from './settings.ts';
import {
  canisterIdType,
  createType,
  provisionalCreateType,
  type SettingsArgument,
} from './types.ts';

const NAT128_END = 1n << 128n;

interface Wanted {
  readonly settings: SettingsArgument | undefined;
  readonly balance: bigint;
  readonly specifiedId: Uint8Array | undefined;
  readonly callerVersion: bigint | undefined;
  /** Of the attached cycles. */
  readonly kept: bigint;
}

export function createCanister(management: ManagementCall): Result {
  const { subnet, call } = management;
  const read = readArgument(createType, call.argument);
  if (read.kind === 'refused') return failed(read.refusal);
  const fee = subnet.prices.creation();
  if (call.cycles < fee) {
    return failed(
      refuse(
        'IC0403',
        `Creating a canister requires a fee of ${fee} that is deducted from the canister's initial balance ` +
          `but only ${call.cycles} cycles were received with the create_canister request.`,
      ),
    );
  }
  return create(management, {
    settings: read.value.settings,
    balance: call.cycles - fee,
    specifiedId: undefined,
    callerVersion: read.value.sender_canister_version,
    kept: call.cycles,
  });
}

export function provisionalCreate(management: ManagementCall): Result {
  const read = readArgument(provisionalCreateType, management.call.argument);
  if (read.kind === 'refused') return failed(read.refusal);
  const balance = read.value.amount ?? DEFAULT_PROVISIONAL_BALANCE;
  return create(management, {
    settings: read.value.settings,
    balance: balance < NAT128_END ? balance : NAT128_END - 1n,
    specifiedId: read.value.specified_id,
    callerVersion: read.value.sender_canister_version,
    kept: 0n,
  });
}

function create({ subnet, call }: ManagementCall, wanted: Wanted): Result {
  if (subnet.canisters.size >= CANISTERS) {
    return failed(
      refuse('IC0102', `Subnet has reached the allowed canister limit of ${CANISTERS} canisters`),
    );
  }
  const result = changedSettings(defaultSettings([call.caller]), wanted.settings ?? {}, 0);
  if (result.kind === 'refused') return failed(result.refusal);
  if (wanted.specifiedId !== undefined && !subnet.takeSpecifiedId(wanted.specifiedId)) {
    return failed(
      refuse('IC0205', 'The specified_id is in use already or not a canister id of this subnet'),
    );
  }
  const id = wanted.specifiedId ?? subnet.nextCanisterId();
  const canister = emptyCanister(id, result.settings, {
    timeNanos: subnet.timeNanos,
    balance: wanted.balance,
  });
  subnet.add(canister);
  subnet.consume(wanted.kept > 0n ? wanted.kept - wanted.balance : 0n);
  subnet.touchRecord(canister);
  recordChange(subnet, canister, {
    origin: changeOrigin(call, wanted.callerVersion),
    details: {
      kind: 'creation',
      controllers: result.settings.controllers,
      environmentHash: undefined,
    },
  });
  return done(candid.encode([canisterIdType], [{ canister_id: id }]), { kept: wanted.kept });
}
