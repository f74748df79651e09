/** Requests as typed values (interface spec 1.3, 1.4), read from untrusted CBOR. */
import {
  type CborMap,
  type CborValue,
  decodeCborMap,
  isCborMap,
  type Principal,
  requestIdOf,
} from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import {
  DELEGATION_TARGETS_MAX,
  DELEGATIONS_MAX,
  ENVELOPE_DEPTH_MAX,
  ENVELOPE_ITEMS_MAX,
  METHOD_NAME_BYTES_MAX,
  NONCE_BYTES_MAX,
  PATH_LABELS_MAX,
  PATHS_MAX,
  PRINCIPAL_BYTES_MAX,
  PUBLIC_KEY_BYTES_MAX,
  SENDER_INFO_BYTES_MAX,
} from './limits.ts';
import { accept, type Outcome, type RequestRefusal, refuse } from './refusal.ts';

export type SenderInfo = {
  readonly info: Uint8Array;
  readonly signer: Principal;
  readonly signature: Uint8Array;
};

export type Delegation = {
  readonly publicKey: Uint8Array;
  readonly expirationNanos: bigint;
  readonly targets?: readonly Principal[];
  readonly permissions?: string;
  readonly signature: Uint8Array;
};

/** What proves who the sender is; absent for the anonymous sender. */
export type Proof = {
  /** DER. */
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly delegations: readonly Delegation[];
};

type RequestHead = {
  /** 32 bytes: the hash of the content as it was sent, unknown fields included. */
  readonly requestId: Uint8Array;
  readonly sender: Principal;
  readonly expiryNanos: bigint;
  readonly proof?: Proof;
  readonly senderInfo?: SenderInfo;
};

/** An update call or a query. */
export type CanisterRequest = RequestHead & {
  readonly kind: 'call' | 'query';
  readonly canisterId: Principal;
  readonly methodName: string;
  readonly argument: Uint8Array;
};

export type ReadStateRequest = RequestHead & {
  readonly kind: 'read_state';
  readonly paths: readonly (readonly Uint8Array[])[];
};

export type Request = CanisterRequest | ReadStateRequest;

/** Carries a refusal out of nested readers; never leaves this module. */
class Refused {
  readonly refusal: RequestRefusal;

  constructor(refusal: RequestRefusal) {
    this.refusal = refusal;
  }
}

/** Decodes an envelope for an endpoint that takes requests of this kind. Verifies nothing. */
export function decodeRequest<Kind extends Request['kind']>(
  kind: Kind,
  bytes: Uint8Array,
): Outcome<Extract<Request, { kind: Kind extends 'read_state' ? Kind : 'call' | 'query' }>> {
  try {
    return accept(readEnvelope(kind, bytes) as never);
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

function malformed(text: string): never {
  throw new Refused(refuse('malformed', text));
}

function readEnvelope(kind: Request['kind'], bytes: Uint8Array): Request {
  const limits = { depthMax: ENVELOPE_DEPTH_MAX, itemsMax: ENVELOPE_ITEMS_MAX };
  const envelope = decodeCborMap(bytes, limits);
  if (envelope.kind !== 'valid') return malformed(`Could not parse body: ${envelope.reason}`);
  const content = envelope.value['content'];
  if (!isCborMap(content)) return malformed('Could not parse body: no content');
  if (content['request_type'] !== kind) {
    return malformed(`Could not parse body: request_type is not "${kind}"`);
  }
  const head = readHead(content, readProof(envelope.value));
  if (kind === 'read_state') return { kind, ...head, paths: readPaths(content['paths']) };
  const methodName = content['method_name'];
  if (typeof methodName !== 'string') return malformed('method_name is not text');
  if (utf8(methodName).length > METHOD_NAME_BYTES_MAX) return malformed('method_name is too long');
  return {
    kind,
    ...head,
    canisterId: principal(content['canister_id'], 'canister_id'),
    methodName,
    argument: blob(content['arg'], 'arg'),
  };
}

function readHead(content: CborMap, proof: Proof | undefined): RequestHead {
  const nonce = content['nonce'];
  if (nonce !== undefined && blob(nonce, 'nonce').length > NONCE_BYTES_MAX) {
    return malformed(`nonce is longer than ${NONCE_BYTES_MAX} bytes`);
  }
  const sender = principal(content['sender'], 'sender');
  const expiryNanos = nanos(content['ingress_expiry'], 'ingress_expiry');
  const senderInfo = readSenderInfo(content['sender_info']);
  const requestId = requestIdOf(content);
  if (requestId.kind !== 'valid') return malformed(`Could not parse body: ${requestId.reason}`);
  return {
    requestId: requestId.value,
    sender,
    expiryNanos,
    ...(proof === undefined ? {} : { proof }),
    ...(senderInfo === undefined ? {} : { senderInfo }),
  };
}

function readProof(envelope: CborMap): Proof | undefined {
  const publicKey = envelope['sender_pubkey'] ?? undefined;
  const signature = envelope['sender_sig'] ?? undefined;
  const delegations = readDelegations(envelope['sender_delegation'] ?? undefined);
  if (publicKey === undefined && signature === undefined && delegations.length === 0) {
    return undefined;
  }
  if (publicKey === undefined || signature === undefined) {
    throw new Refused(
      refuse('unauthenticated', 'Missing signature: key and signature go together'),
    );
  }
  return {
    publicKey: blob(publicKey, 'sender_pubkey', PUBLIC_KEY_BYTES_MAX),
    signature: blob(signature, 'sender_sig'),
    delegations,
  };
}

function readDelegations(value: CborValue | undefined): Delegation[] {
  if (value === undefined) return [];
  const chain = list(value, 'sender_delegation');
  if (chain.length > DELEGATIONS_MAX) {
    throw new Refused(
      refuse('unauthenticated', `Invalid delegation: more than ${DELEGATIONS_MAX} in the chain`),
    );
  }
  return chain.map((signed) => {
    const { delegation, signature } = map(signed, 'sender_delegation');
    const fields = map(delegation, 'delegation');
    const { targets, permissions } = fields;
    if (permissions !== undefined && typeof permissions !== 'string') {
      return malformed('permissions is not text');
    }
    return {
      publicKey: blob(fields['pubkey'], 'pubkey', PUBLIC_KEY_BYTES_MAX),
      expirationNanos: nanos(fields['expiration'], 'expiration'),
      ...(targets === undefined ? {} : { targets: readTargets(targets) }),
      ...(permissions === undefined ? {} : { permissions }),
      signature: blob(signature, 'signature'),
    };
  });
}

function readTargets(value: CborValue): Principal[] {
  const targets = list(value, 'targets');
  if (targets.length > DELEGATION_TARGETS_MAX) {
    throw new Refused(
      refuse('unauthenticated', `Invalid delegation: more than ${DELEGATION_TARGETS_MAX} targets`),
    );
  }
  return targets.map((target) => principal(target, 'targets'));
}

function readSenderInfo(value: CborValue | undefined): SenderInfo | undefined {
  if (value === undefined) return undefined;
  const fields = map(value, 'sender_info');
  return {
    info: blob(fields['info'], 'sender_info.info', SENDER_INFO_BYTES_MAX),
    signer: principal(fields['signer'], 'sender_info.signer'),
    signature: blob(fields['sig'], 'sender_info.sig'),
  };
}

function readPaths(value: CborValue | undefined): Uint8Array[][] {
  const paths = list(value, 'paths');
  if (paths.length > PATHS_MAX) return malformed(`more than ${PATHS_MAX} paths`);
  return paths.map((path) => {
    const labels = list(path, 'paths');
    if (labels.length > PATH_LABELS_MAX) {
      return malformed(`a path has more than ${PATH_LABELS_MAX} labels`);
    }
    return labels.map((label) => blob(label, 'paths'));
  });
}

function list(value: CborValue | undefined, name: string): readonly CborValue[] {
  return Array.isArray(value) ? value : malformed(`${name} is not a list`);
}

function map(value: CborValue | undefined, name: string): CborMap {
  return isCborMap(value) ? value : malformed(`${name} is not a map`);
}

function blob(value: CborValue | undefined, name: string, bytesMax = Infinity): Uint8Array {
  if (!(value instanceof Uint8Array)) return malformed(`${name} is not a blob`);
  return value.length <= bytesMax ? value : malformed(`${name} is too long`);
}

function principal(value: CborValue | undefined, name: string): Principal {
  return blob(value, name, PRINCIPAL_BYTES_MAX);
}

function nanos(value: CborValue | undefined, name: string): bigint {
  const isNanos = typeof value === 'bigint' && value >= 0n && value < 1n << 64n;
  return isNanos ? value : malformed(`${name} is not a nat64`);
}
