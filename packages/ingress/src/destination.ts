/**
 * Which canister a request concerns: the one that its URL must name (interface spec 1.12) and the
 * one that its delegations must allow (1.4). For the management canister both are in the argument.
 */
import { candid, isManagement, type Principal } from '@internode/encoding';
import { bytesEqual, unreachable } from '@internode/prelude';
import { type Authentication, isTargetAllowed } from './authenticate.ts';
import { accept, type Outcome, type RequestRefusal, refuse } from './refusal.ts';
import type { CanisterRequest } from './request.ts';

/** What the URL of a request has to name. */
export type Destination =
  | { readonly kind: 'canister'; readonly canisterId: Principal }
  /** Any canister of this subnet. */
  | { readonly kind: 'any' };

const OF_NO_CANISTER: ReadonlySet<string> = new Set([
  'create_canister',
  'provisional_create_canister_with_cycles',
  'internode_set_subnet_record',
  'internode_subnet_record',
]);

const CANISTER_ID = candid.record({ canister_id: candid.principal });
const TARGET_CANISTER = candid.record({ target_canister: candid.principal });

export function destinationOf(request: CanisterRequest): Outcome<Destination> {
  const { kind, canisterId, methodName, argument } = request;
  if (!isManagement(canisterId)) return accept({ kind: 'canister', canisterId });
  switch (kind) {
    case 'query':
      if (methodName === 'list_canisters') return accept({ kind: 'any' });
      return canisterOfArgument(methodName, argument);
    case 'call':
      if (OF_NO_CANISTER.has(methodName)) return accept({ kind: 'any' });
      return canisterOfArgument(methodName, argument);
    default:
      return unreachable(kind);
  }
}

function canisterOfArgument(methodName: string, argument: Uint8Array): Outcome<Destination> {
  const canisterId = readCanisterId(methodName, argument);
  if (canisterId !== undefined) return accept({ kind: 'canister', canisterId });
  return refuse(
    'wrong-destination',
    `The argument of management method "${methodName}" names no canister, ` +
      'so the call has no effective canister id',
  );
}

function readCanisterId(methodName: string, argument: Uint8Array): Principal | undefined {
  if (methodName === 'install_chunked_code') {
    const decoded = candid.decode([TARGET_CANISTER], argument);
    return decoded.kind === 'valid' ? decoded.value[0].target_canister : undefined;
  }
  const decoded = candid.decode([CANISTER_ID], argument);
  return decoded.kind === 'valid' ? decoded.value[0].canister_id : undefined;
}

/** What the URL of a call or query names. */
export type Url =
  | {
      readonly kind: 'canister';
      readonly effectiveId: Principal;
      /** Whether this subnet hosts canisters with that id, or would. */
      readonly isLocal: (id: Principal) => boolean;
    }
  /** The subnet itself: for creating and listing canisters only. */
  | { readonly kind: 'subnet' };

/** Checks that a call or query came to the right URL and is allowed by its delegations. */
export function checkDestination(
  request: CanisterRequest,
  authentication: Authentication,
  url: Url,
): RequestRefusal | undefined {
  const destination = destinationOf(request);
  if (destination.kind === 'refused') return destination;
  const concerned = destination.value;
  const misdirected = checkUrl(concerned, url);
  if (misdirected !== undefined) return misdirected;
  // A management query is about the canister in its argument; a management call about `aaaaa-aa`.
  const isAboutArgument = request.kind === 'query' && concerned.kind === 'canister';
  const target = isAboutArgument ? concerned.canisterId : request.canisterId;
  if (isTargetAllowed(authentication, target)) return undefined;
  return refuse('forbidden', 'The canister is not among the targets of the delegation');
}

function checkUrl(concerned: Destination, url: Url): RequestRefusal | undefined {
  if (url.kind === 'subnet') {
    if (concerned.kind === 'any') return undefined;
    return refuse('wrong-destination', 'Requests to a subnet create or list canisters');
  }
  const { effectiveId, isLocal } = url;
  if (concerned.kind === 'canister' && !bytesEqual(concerned.canisterId, effectiveId)) {
    return refuse('wrong-destination', 'The effective canister id does not match the request');
  }
  if (isLocal(effectiveId)) return undefined;
  return refuse('wrong-destination', 'The effective canister id is in no range of this subnet');
}
