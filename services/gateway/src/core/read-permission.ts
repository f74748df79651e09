/** Which paths of the state tree a read may ask for, and who may see them (interface spec 1.10). */
import type { CertifiedRead } from '@internode/contracts';
import { MANAGEMENT, type Principal } from '@internode/encoding';
import {
  type Authentication,
  isTargetAllowed,
  type RequestRefusal,
  refuse,
} from '@internode/ingress';
import { bytesEqual, toHex } from '@internode/prelude';
import type { Target } from './route.ts';

type Labels = readonly Uint8Array[];

export type ReadContext = {
  readonly version: 2 | 3;
  readonly target: Target;
  readonly rootSubnetId: Principal;
};

/** What a read asks for that not everybody may see. */
export type Private = {
  /** One request status at most. */
  requestId?: Uint8Array;
  metadataNames: string[];
  /** The subnet whose canister ranges are asked for: one at most. */
  rangesOf?: Uint8Array;
};

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A label as text; undefined when it is not UTF-8. */
function textOf(label: Uint8Array | undefined): string | undefined {
  if (label === undefined) return undefined;
  try {
    return decoder.decode(label);
  } catch {
    return undefined;
  }
}

const BOUNDARY_NODE_FIELDS = new Set(['domain', 'ipv4_address', 'ipv6_address']);
const CANISTER_FIELDS = new Set([
  'module_hash',
  'controllers',
  'canister_creation_timestamp',
  'last_install_timestamp',
]);
const REQUEST_FIELDS = new Set(['status', 'reply', 'reject_code', 'reject_message', 'error_code']);

type Check = (path: Labels, context: ReadContext, found: Private) => boolean;

const CHECKS: { readonly [first: string]: Check } = {
  time: (path) => path.length === 1,
  api_boundary_nodes: (path) =>
    path.length <= 2 || (path.length === 3 && BOUNDARY_NODE_FIELDS.has(textOf(path[2]) ?? '')),
  subnet: mayReadSubnet,
  canister_ranges: mayReadRanges,
  request_status: mayReadRequest,
  canister: mayReadCanister,
};

/** What a request's paths ask for, or why it may not ask for them. */
export function checkPaths(
  paths: readonly Labels[],
  context: ReadContext,
): { readonly kind: 'readable'; readonly asked: Private } | RequestRefusal {
  const asked: Private = { metadataNames: [] };
  for (const path of paths) {
    const first = textOf(path[0]) ?? '';
    const check = Object.hasOwn(CHECKS, first) ? CHECKS[first] : undefined;
    if (check === undefined || !check(path, context, asked)) {
      return refuse('forbidden', `Invalid path requested: ${render(path)}`);
    }
  }
  return { kind: 'readable', asked };
}

function mayReadSubnet(path: Labels, { version, target, rootSubnetId }: ReadContext): boolean {
  const subnetId = path[1];
  if (subnetId === undefined || path.length === 2) return true;
  const field = textOf(path[2]);
  if (field === 'node') {
    return path.length <= 4 || (path.length === 5 && textOf(path[4]) === 'public_key');
  }
  if (path.length !== 3) return false;
  switch (field) {
    case 'public_key':
    case 'type':
      return true;
    case 'canister_ranges':
      return version === 2 || bytesEqual(subnetId, rootSubnetId);
    case 'metrics':
      return target.kind === 'subnet' && bytesEqual(subnetId, target.id);
    default:
      return false;
  }
}

function mayReadRanges(path: Labels, { target }: ReadContext, found: Private): boolean {
  const subnetId = path[1];
  if (target.kind !== 'subnet' || subnetId === undefined || path.length !== 2) return false;
  if (found.rangesOf !== undefined && !bytesEqual(found.rangesOf, subnetId)) return false;
  found.rangesOf = subnetId;
  return true;
}

function mayReadRequest(path: Labels, _context: ReadContext, found: Private): boolean {
  const requestId = path[1];
  if (requestId === undefined || path.length > 3) return false;
  if (path.length === 3 && !REQUEST_FIELDS.has(textOf(path[2]) ?? '')) return false;
  if (found.requestId !== undefined && !bytesEqual(found.requestId, requestId)) return false;
  found.requestId = requestId;
  return true;
}

function mayReadCanister(path: Labels, { target }: ReadContext, found: Private): boolean {
  const canisterId = path[1];
  if (target.kind !== 'canister' || canisterId === undefined) return false;
  if (!bytesEqual(canisterId, target.id)) return false;
  const field = textOf(path[2]) ?? '';
  if (path.length === 3) return CANISTER_FIELDS.has(field);
  const name = textOf(path[3]);
  if (path.length !== 4 || field !== 'metadata' || name === undefined) return false;
  found.metadataNames.push(name);
  return true;
}

export type Reader = {
  readonly sender: Principal;
  readonly authentication: Authentication;
  readonly target: Target;
};

/** Whether the reader may see what was read; undefined when so. */
export function checkRead(
  asked: Private,
  read: Pick<CertifiedRead, 'requestOwner' | 'canisterAccess'>,
  { sender, authentication, target }: Reader,
): RequestRefusal | undefined {
  const { requestOwner, canisterAccess } = read;
  if (asked.requestId !== undefined && requestOwner !== undefined) {
    if (!bytesEqual(requestOwner.sender, sender)) {
      return refuse('forbidden', 'The request status is readable only by the sender of the call');
    }
    if (!bytesEqual(requestOwner.effectiveCanisterId, target.id)) {
      return refuse('forbidden', 'The call went to another effective canister id');
    }
    if (!isCallAllowed(authentication, target.id)) {
      return refuse('forbidden', 'The canister is not among the targets of the delegation');
    }
  }
  const isPrivate = asked.metadataNames.some((name) =>
    canisterAccess?.privateMetadata.includes(name),
  );
  const isController = canisterAccess?.controllers.some((id) => bytesEqual(id, sender)) ?? false;
  if (!isPrivate || isController) return undefined;
  return refuse('forbidden', 'The metadata section is readable by controllers only');
}

/**
 * The call was to the canister of the URL or, under the same URL, to the management canister:
 * either in the targets lets the owner see how it ended.
 */
function isCallAllowed(authentication: Authentication, effectiveId: Principal): boolean {
  return (
    isTargetAllowed(authentication, effectiveId) || isTargetAllowed(authentication, MANAGEMENT)
  );
}

/** For people: labels as text where they are printable, else as hexadecimal. */
function render(path: Labels): string {
  const labels = path.slice(0, 6).map((label) => {
    const text = textOf(label.subarray(0, 64)) ?? '';
    return /^[\x21-\x7e]+$/.test(text) ? text : `0x${toHex(label.subarray(0, 64))}`;
  });
  return `/${labels.join('/')}`;
}
