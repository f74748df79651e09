// Signed calls of a block on their way into queues (interface-spec 1.9; protocol.md 4.1). What
// cannot be taken is rejected, so that its sender learns it; what was seen before or is expired or
// malformed is passed over.
import type { Ingress, Refusal } from '@internode/contracts';
import { isManagement } from '@internode/encoding';
import { type CanisterRequest, decodeRequest } from '@internode/ingress';
import { bytesEqual, utf8 } from '@internode/prelude';
import { INGRESS_HISTORY, INGRESS_PER_CANISTER, QUEUED_BYTES, SUBNET_QUEUE } from '../limits.ts';
import type { Canister } from './canister.ts';
import { chargeIdle } from './charging.ts';
import { freeByIngress } from './management/methods.ts';
import type { Call } from './messages.ts';
import { canisterNotFound, outOfCycles, refuse } from './refusals.ts';
import type { Subnet } from './subnet.ts';

export function induct(subnet: Subnet, ingress: Ingress): void {
  const { requestId, expiryNanos, effectiveCanisterId } = ingress;
  const { history } = subnet;
  if (expiryNanos < subnet.timeNanos || history.has(requestId)) return;
  if (history.size >= INGRESS_HISTORY) return;
  const decoded = decodeRequest('call', ingress.envelope);
  if (decoded.kind === 'refused' || decoded.value.kind !== 'call') return;
  const request = decoded.value;
  if (!bytesEqual(request.requestId, requestId) || request.expiryNanos !== expiryNanos) return;
  history.receive(requestId, { sender: request.sender, effectiveCanisterId }, expiryNanos);
  const refusal = isManagement(request.canisterId)
    ? enqueueForSubnet(subnet, request, effectiveCanisterId)
    : enqueueForCanister(subnet, request, effectiveCanisterId);
  if (refusal !== undefined) history.complete(requestId, { refusal }, subnet.timeNanos);
}

function enqueueForCanister(
  subnet: Subnet,
  request: CanisterRequest,
  effectiveCanisterId: Uint8Array,
): Refusal | undefined {
  const canister = subnet.get(request.canisterId);
  if (canister === undefined) return canisterNotFound(request.canisterId);
  if (canister.state.inputs.length >= INGRESS_PER_CANISTER || subnet.queuedBytes >= QUEUED_BYTES) {
    return refuse('IC0201', 'Too many messages are waiting');
  }
  const refusal = chargeIngress(subnet, canister, request);
  if (refusal !== undefined) return refusal;
  subnet.enqueue(canister, { kind: 'call', ...callOf(request, effectiveCanisterId) });
  return undefined;
}

function enqueueForSubnet(
  subnet: Subnet,
  request: CanisterRequest,
  effectiveCanisterId: Uint8Array,
): Refusal | undefined {
  if (subnet.queue.length >= SUBNET_QUEUE) return refuse('IC0201', 'The management queue is full');
  const managed = subnet.get(effectiveCanisterId);
  if (managed !== undefined && !freeByIngress(request.methodName)) {
    const refusal = chargeIngress(subnet, managed, request);
    if (refusal !== undefined) return refusal;
  }
  subnet.enqueueSubnetCall(callOf(request, effectiveCanisterId));
  return undefined;
}

function callOf(request: CanisterRequest, effectiveCanisterId: Uint8Array): Call {
  const { senderInfo } = request;
  return {
    origin: { kind: 'user', requestId: request.requestId, effectiveCanisterId },
    caller: request.sender,
    senderInfo:
      senderInfo === undefined ? undefined : { info: senderInfo.info, signer: senderInfo.signer },
    method: request.methodName,
    argument: request.argument,
    cycles: 0n,
  };
}

/** The receiver pays for induction; a frozen canister takes nothing (code 2). */
function chargeIngress(
  subnet: Subnet,
  canister: Canister,
  { methodName, argument }: CanisterRequest,
): Refusal | undefined {
  chargeIdle(subnet, canister);
  const cost = subnet.prices.ingress(utf8(methodName).length + argument.length);
  const left = canister.state.balance - cost - canister.freezingReserve(subnet.prices);
  if (left < 0n) return outOfCycles(canister.id, -left);
  canister.state.balance -= cost;
  subnet.consume(cost);
  subnet.touch(canister);
  return undefined;
}
