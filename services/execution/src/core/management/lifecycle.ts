// Start, stop, delete, uninstall, settings and status (interface-spec 5.9, 6).

import { principalToText } from '@internode/encoding';
import { bytesEqual } from '@internode/prelude';
import { trimLogs } from '../aftermath.ts';
import { stopIfDone } from '../call-contexts.ts';
import type { Canister } from '../canister.ts';
import { chargeIdle } from '../charging.ts';
import type { Fiber } from '../fibers.ts';
import { canisterNotFound, notController, refuse } from '../refusals.ts';
import { reject, respond } from '../responding.ts';
import { recordChange, uninstallCode } from '../uninstall.ts';
import {
  changeOrigin,
  done,
  failed,
  type ManagementCall,
  type Result,
  readArgument,
  readControlled,
} from './call.ts';
import { changedSettings } from './settings.ts';
import { maySee, statusOf } from './status.ts';
import { canisterIdType, changeCodeType, updateSettingsType } from './types.ts';

export function updateSettings(management: ManagementCall): Result {
  const read = readControlled(updateSettingsType, management);
  if (read.kind === 'refused') return failed(read.refusal);
  const { argument, canister } = read.value;
  const { subnet, call } = management;
  const { state } = canister;
  chargeIdle(subnet, canister);
  const result = changedSettings(state.settings, argument.settings, state.code?.heapBytes ?? 0);
  if (result.kind === 'refused') return failed(result.refusal);
  state.settings = result.settings;
  state.version += 1n;
  trimLogs(canister);
  subnet.touch(canister);
  if (argument.settings.controllers !== undefined) {
    subnet.touchRecord(canister);
    recordChange(subnet, canister, {
      origin: changeOrigin(call, argument.sender_canister_version),
      details: { kind: 'controllers', controllers: result.settings.controllers },
    });
  }
  return done();
}

export function canisterStatus({ subnet, call }: ManagementCall): Result {
  const read = readArgument(canisterIdType, call.argument);
  if (read.kind === 'refused') return failed(read.refusal);
  const canister = subnet.get(read.value.canister_id);
  if (canister === undefined) return failed(canisterNotFound(read.value.canister_id));
  const { statusVisibility, controllers } = canister.state.settings;
  if (!maySee(canister, statusVisibility, call.caller)) {
    return failed(notController(canister.id, controllers, call.caller));
  }
  chargeIdle(subnet, canister);
  return done(statusOf(canister, subnet.prices));
}

export function startCanister(management: ManagementCall): Result {
  const read = readControlled(canisterIdType, management);
  if (read.kind === 'refused') return failed(read.refusal);
  const { canister } = read.value;
  const { subnet } = management;
  const before = canister.state.status;
  canister.state.status = { kind: 'running' };
  canister.state.version += 1n;
  subnet.touch(canister);
  subnet.index(canister);
  if (before.kind === 'stopping') {
    const text = `Canister ${principalToText(canister.id)}'s stop request was cancelled.`;
    for (const { origin, cycles } of before.requests) {
      respond(subnet, origin, reject(refuse('IC0511', text)), cycles);
    }
  }
  return done();
}

export function stopCanister(management: ManagementCall): Result {
  const read = readControlled(canisterIdType, management);
  if (read.kind === 'refused') return failed(read.refusal);
  const { canister } = read.value;
  const { subnet, call } = management;
  const { state } = canister;
  state.version += 1n;
  subnet.touch(canister);
  if (state.status.kind === 'stopped') return done();
  if (state.status.kind === 'running') state.status = { kind: 'stopping', requests: [] };
  state.status.requests.push({
    origin: call.origin,
    caller: call.caller,
    cycles: call.cycles,
    sinceNanos: subnet.timeNanos,
  });
  subnet.index(canister);
  stopIfDone(subnet, canister);
  return { kind: 'deferred' };
}

export function* deleteCanister(management: ManagementCall): Fiber<Result> {
  const read = readControlled(canisterIdType, management);
  if (read.kind === 'refused') return failed(read.refusal);
  const { canister } = read.value;
  const { subnet, call } = management;
  const name = principalToText(canister.id);
  if (bytesEqual(canister.id, call.caller)) {
    return failed(refuse('IC0510', `Canister ${name} cannot delete itself.`));
  }
  if (canister.state.status.kind !== 'stopped') {
    return failed(refuse('IC0510', `Canister ${name} must be stopped before it is deleted.`));
  }
  if (canister.state.inputs.length > 0) {
    return failed(
      refuse('IC0203', `Canister ${name} has messages in its queues and cannot be deleted.`),
    );
  }
  yield* removeCode(management, canister);
  subnet.consume(canister.state.balance + canister.state.reserved);
  subnet.remove(canister);
  return done();
}

export function* uninstall(management: ManagementCall): Fiber<Result> {
  const read = readControlled(changeCodeType, management);
  if (read.kind === 'refused') return failed(read.refusal);
  const { canister, argument } = read.value;
  yield* removeCode(management, canister);
  recordChange(management.subnet, canister, {
    origin: changeOrigin(management.call, argument.sender_canister_version),
    details: { kind: 'uninstall' },
  });
  return done();
}

function removeCode({ subnet }: ManagementCall, canister: Canister): Fiber {
  return uninstallCode(subnet, canister, 'Canister has been uninstalled.');
}
