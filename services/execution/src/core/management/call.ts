// What every management method gets and gives.
import type { Refusal } from '@internode/contracts';
import { type CandidType, candid } from '@internode/encoding';
import { EMPTY_CANDID } from '../call-contexts.ts';
import type { Canister, Change } from '../canister.ts';
import type { Fiber } from '../fibers.ts';
import type { Raise } from '../loading.ts';
import type { Call, Outcome } from '../messages.ts';
import { canisterNotFound, notController, undecodable } from '../refusals.ts';
import { reject, reply } from '../responding.ts';
import type { Subnet } from '../subnet.ts';

export interface ManagementCall {
  readonly subnet: Subnet;
  readonly call: Call;
  /** The height from which the call may run; 0 when it is seen for the first time. */
  readonly notBefore: number;
  readonly raise: Raise;
}

export type Result =
  /** `kept`: of the attached cycles; the rest goes back. */
  | {
      readonly kind: 'answered';
      readonly outcome: Outcome;
      readonly kept: bigint;
      readonly instructions: bigint;
    }
  /** Someone else will answer. */
  | { readonly kind: 'deferred' };

export type Handler = (management: ManagementCall) => Result | Fiber<Result>;

export function done(
  content: Uint8Array = EMPTY_CANDID,
  { kept = 0n, instructions = 0n } = {},
): Result {
  return { kind: 'answered', outcome: reply(content), kept, instructions };
}

export function failed(refusal: Refusal, instructions = 0n): Result {
  return { kind: 'answered', outcome: reject(refusal), kept: 0n, instructions };
}

export type Read<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export function readArgument<T>(type: CandidType<T>, argument: Uint8Array): Read<T> {
  const decoded = candid.decode([type], argument);
  if (decoded.kind !== 'valid') return { kind: 'refused', refusal: undecodable(decoded.reason) };
  return { kind: 'read', value: decoded.value[0] as T };
}

/** The argument and the canister it names, if the caller controls it. */
export function readControlled<T extends { canister_id: Uint8Array }>(
  type: CandidType<T>,
  { subnet, call }: Pick<ManagementCall, 'subnet' | 'call'>,
): Read<{ argument: T; canister: Canister }> {
  const read = readArgument(type, call.argument);
  if (read.kind === 'refused') return read;
  const id = read.value.canister_id;
  const canister = subnet.get(id);
  if (canister === undefined) return { kind: 'refused', refusal: canisterNotFound(id) };
  if (!canister.isController(call.caller)) {
    const { controllers } = canister.state.settings;
    return { kind: 'refused', refusal: notController(id, controllers, call.caller) };
  }
  return { kind: 'read', value: { argument: read.value, canister } };
}

/** Who changed a canister, for its history (6.3). */
export function changeOrigin(call: Call, version: bigint | undefined): Change['origin'] {
  if (call.origin.kind === 'user') return { kind: 'user', id: call.caller };
  return { kind: 'canister', id: call.caller, version };
}
