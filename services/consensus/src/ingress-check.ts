// Whether a message that a peer brought is one that an honest gateway would have admitted, at some moment. The verdict does not
// depend on the time, so that all members find the same: whether a block may hold the message at its own time is judged by
// expiry, in the core. A delegation may have ended up to the window of expiry (5.5 minutes) before the message does.
import type { Ingress } from '@internode/contracts';
import {
  authenticate,
  checkDestination,
  decodeRequest,
  knownSignatures,
  type Request,
  type Verifiers,
} from '@internode/ingress';
import { bytesEqual, compareBytes } from '@internode/prelude';

const MANAGEMENT_BYTES = 0;

export type IngressRules = Verifiers & {
  readonly subnetId: Uint8Array;
  /** Canister ids that this subnet hosts, or would: first and last of each range. */
  readonly canisterRanges: readonly (readonly [Uint8Array, Uint8Array])[];
  readonly knownSignatures?: ReturnType<typeof knownSignatures>;
};

/** Rules that remember delegations, for a solver that lives long. */
export function rememberingRules(rules: IngressRules): IngressRules {
  return { ...rules, knownSignatures: rules.knownSignatures ?? knownSignatures() };
}

/** The principal that has signed the message, or undefined. */
export function authorOf(rules: IngressRules, ingress: Ingress): Uint8Array | undefined {
  const decoded = decodeRequest('call', ingress.envelope);
  if (decoded.kind === 'refused') return undefined;
  const request = decoded.value;
  if (!bytesEqual(request.requestId, ingress.requestId)) return undefined;
  if (request.expiryNanos !== ingress.expiryNanos) return undefined;
  const authentication = authenticate(request, { ...rules, nowNanos: latestMoment(request) });
  if (authentication.kind === 'refused') return undefined;
  const { effectiveCanisterId: effectiveId } = ingress;
  const misdirected = checkDestination(
    request,
    authentication.value,
    bytesEqual(effectiveId, rules.subnetId)
      ? { kind: 'subnet' }
      : { kind: 'canister', effectiveId, isLocal: (id) => isLocal(rules, id) },
  );
  return misdirected === undefined ? request.sender : undefined;
}

/** The last moment at which nothing of it has expired. */
function latestMoment({ expiryNanos, proof }: Request): bigint {
  const ends = (proof?.delegations ?? []).map(({ expirationNanos }) => expirationNanos);
  return [expiryNanos, ...ends].reduce((least, end) => (end < least ? end : least));
}

function isLocal({ canisterRanges }: IngressRules, id: Uint8Array): boolean {
  if (id.length === MANAGEMENT_BYTES) return true;
  return canisterRanges.some(
    ([first, last]) => compareBytes(first, id) <= 0 && compareBytes(id, last) <= 0,
  );
}
