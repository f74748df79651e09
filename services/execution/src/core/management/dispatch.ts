// The management canister: one call, from its queue to its answer. It runs whatever the target's
// status (interface-spec 5.6).
import type { Refusal } from '@internode/contracts';
import type { Fiber } from '../fibers.ts';
import type { Raise } from '../loading.ts';
import type { SubnetCall } from '../messages.ts';
import { refuse, unknownManagementMethod } from '../refusals.ts';
import { respond } from '../responding.ts';
import type { Subnet } from '../subnet.ts';
import { failed, type Handler, type Result, readArgument } from './call.ts';
import { createCanister, provisionalCreate } from './create.ts';
import { depositCycles, rawRand, topUp } from './cycles.ts';
import { installCode } from './install.ts';
import {
  canisterStatus,
  deleteCanister,
  startCanister,
  stopCanister,
  uninstall,
  updateSettings,
} from './lifecycle.ts';
import { accessOf, type ManagementMethod, managementMethod } from './methods.ts';
import { setSubnetRecord, subnetRecord } from './subnet-record.ts';
import { callerVersionType } from './types.ts';

const HANDLERS: { readonly [Name in ManagementMethod]: Handler } = {
  create_canister: createCanister,
  update_settings: updateSettings,
  install_code: installCode,
  uninstall_code: uninstall,
  start_canister: startCanister,
  stop_canister: stopCanister,
  delete_canister: deleteCanister,
  canister_status: canisterStatus,
  deposit_cycles: depositCycles,
  raw_rand: rawRand,
  provisional_create_canister_with_cycles: provisionalCreate,
  provisional_top_up_canister: topUp,
  internode_set_subnet_record: setSubnetRecord,
  internode_subnet_record: subnetRecord,
};

/** Answers the instructions used. */
export function* runSubnetCall(
  subnet: Subnet,
  subnetCall: SubnetCall,
  raise: Raise,
): Fiber<bigint> {
  const { call } = subnetCall;
  const { origin } = call;
  if (origin.kind === 'user') subnet.history.process(origin.requestId);
  const result = yield* run(subnet, subnetCall, raise);
  if (result.kind === 'deferred') return 0n;
  respond(subnet, origin, result.outcome, call.cycles - result.kept);
  return result.instructions;
}

function* run(subnet: Subnet, subnetCall: SubnetCall, raise: Raise): Fiber<Result> {
  const { call, notBefore } = subnetCall;
  const method = managementMethod(call.method);
  if (method === undefined) return failed(unknownManagementMethod(call.method));
  if (call.origin.kind === 'user' && !accessOf(method).ingress)
    return failed(onlyByCanisters(method));
  const wrong = versionProblem(subnetCall);
  if (wrong !== undefined) return failed(wrong);
  const result = HANDLERS[method]({ subnet, call, notBefore, raise });
  return 'kind' in result ? result : yield* result;
}

export function onlyByCanisters(method: ManagementMethod) {
  return refuse('IC0406', `Management method '${method}' can be called only by canisters`);
}

/** A canister that says which version of it calls must say the truth (interface-spec 5.8). */
function versionProblem({ call, callerVersion }: SubnetCall): Refusal | undefined {
  if (callerVersion === undefined) return undefined;
  const read = readArgument(callerVersionType, call.argument);
  const said = read.kind === 'read' ? read.value.sender_canister_version : undefined;
  if (said === undefined || said === callerVersion) return undefined;
  return refuse(
    'IC0504',
    `Management canister call payload includes sender canister version ${said} ` +
      `that does not match the actual sender canister version ${callerVersion}.`,
  );
}
