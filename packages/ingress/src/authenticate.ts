/** Who sent a request, and what that sender may do with it (interface spec 1.4). */
import {
  hashOfMap,
  isAnonymous,
  type Principal,
  selfAuthenticating,
  separator,
  sha256,
} from '@internode/encoding';
import {
  BoundedSet,
  bytesEqual,
  concatBytes,
  joinBytes,
  toHex,
  type Verdict,
} from '@internode/prelude';
import { CLOCK_DRIFT_NANOS, INGRESS_TTL_NANOS, KNOWN_SIGNATURES_MAX } from './limits.ts';
import { accept, type Outcome, type RequestRefusal, refuse } from './refusal.ts';
import type { Delegation, Proof, Request } from './request.ts';
import { canisterKeyOf, type Signed, type Verifiers, verifySignature } from './signature.ts';

const REQUEST = separator('ic-request');
const DELEGATION = separator('ic-request-auth-delegation');
const SENDER_INFO = separator('ic-sender-info');

export type AuthenticationRules = Verifiers & {
  readonly nowNanos: bigint;
  /** Remembers delegation signatures that verified, so that a session pays for them once. */
  readonly knownSignatures?: BoundedSet<string>;
  /**
   * Takes the signature of a request that passed every other check, to verify it elsewhere; then the request is accepted
   * only in so far. Without it, `authenticate` verifies.
   */
  readonly defer?: (signed: Signed) => void;
};

export type Authentication = {
  /** Hexadecimal ids that the delegations allow; absent when they allow all. */
  readonly targets?: ReadonlySet<string>;
};

/** A memory for `AuthenticationRules.knownSignatures`; the oldest are forgotten first. */
export function knownSignatures(): BoundedSet<string> {
  return new BoundedSet(KNOWN_SIGNATURES_MAX, 'drop-oldest');
}

/** Checks expiry, sender, delegations, signature and sender info of a decoded request. */
export function authenticate(
  request: Request,
  rules: AuthenticationRules,
): Outcome<Authentication> {
  const { proof, sender, senderInfo } = request;
  if (isAnonymous(sender)) {
    if (proof !== undefined) {
      return refuse('unauthenticated', 'Signature is not allowed for the anonymous sender');
    }
    if (senderInfo !== undefined) {
      return refuse('unauthenticated', 'sender_info is not allowed for the anonymous sender');
    }
    return (request.kind === 'call' ? checkExpiry(request, rules) : undefined) ?? accept({});
  }
  const expired = checkExpiry(request, rules);
  if (expired !== undefined) return expired;
  if (proof === undefined) {
    return refuse('unauthenticated', 'Missing signature: the sender is not anonymous');
  }
  if (!bytesEqual(selfAuthenticating(proof.publicKey), sender)) {
    return refuse('unauthenticated', 'The sender does not match the public key');
  }
  return (
    checkChain(request.kind, proof, rules) ??
    checkRequestSignature(request, proof, rules) ??
    checkSenderInfo(request, proof, rules) ??
    targetsOf(proof.delegations)
  );
}

function checkExpiry(request: Request, { nowNanos }: AuthenticationRules) {
  const maximum = nowNanos + INGRESS_TTL_NANOS + CLOCK_DRIFT_NANOS;
  const { expiryNanos } = request;
  if (expiryNanos >= nowNanos && expiryNanos <= maximum) return undefined;
  // Agents look for the words up to the first colon to correct their clocks.
  return refuse(
    'expired',
    'Invalid request expiry: Specified ingress_expiry not within expected range: ' +
      `Minimum allowed expiry: ${nowNanos}, Maximum allowed expiry: ${maximum}, ` +
      `Provided expiry: ${expiryNanos}`,
  );
}

function checkChain(
  kind: Request['kind'],
  proof: Proof,
  rules: AuthenticationRules,
): RequestRefusal | undefined {
  const keys = new Set([toHex(proof.publicKey)]);
  let signer = proof.publicKey;
  for (const delegation of proof.delegations) {
    const fault = faultOfDelegation(kind, delegation, rules.nowNanos);
    if (fault !== undefined) return refuse('unauthenticated', `Invalid delegation: ${fault}`);
    const key = toHex(delegation.publicKey);
    if (keys.has(key)) return refuse('unauthenticated', 'Invalid delegation: a key comes twice');
    keys.add(key);
    signer = delegation.publicKey;
  }
  // Cheap checks of the whole chain come before the first signature.
  signer = proof.publicKey;
  for (const delegation of proof.delegations) {
    const fault = checkDelegationSignature(signer, delegation, rules);
    if (fault !== undefined) return refuse('unauthenticated', `Invalid delegation: ${fault}`);
    signer = delegation.publicKey;
  }
  return undefined;
}

function faultOfDelegation(
  kind: Request['kind'],
  { expirationNanos, permissions }: Delegation,
  nowNanos: bigint,
): string | undefined {
  if (expirationNanos < nowNanos) {
    return `it expired at ${expirationNanos}, now is ${nowNanos}`;
  }
  switch (permissions) {
    case undefined:
    case 'all':
      return undefined;
    case 'queries':
      return kind === 'call' ? 'it permits queries only' : undefined;
    default:
      return 'unknown permissions';
  }
}

function checkDelegationSignature(
  signer: Uint8Array,
  delegation: Delegation,
  rules: AuthenticationRules,
): string | undefined {
  const { publicKey, expirationNanos, targets, permissions, signature } = delegation;
  const hash = hashOfMap({ pubkey: publicKey, expiration: expirationNanos, targets, permissions });
  // All that the verdict depends on, the root key being constant.
  const memory = toHex(sha256(joinBytes([sha256(signer), hash, signature])));
  if (rules.knownSignatures?.has(memory) === true) return undefined;
  const message = concatBytes(DELEGATION, hash);
  const verdict = verifySignature(rules, { publicKeyDer: signer, message, signature });
  if (verdict.kind !== 'valid') return verdict.reason;
  rules.knownSignatures?.add(memory);
  return undefined;
}

function checkRequestSignature(
  request: Request,
  proof: Proof,
  rules: AuthenticationRules,
): RequestRefusal | undefined {
  const publicKeyDer = proof.delegations.at(-1)?.publicKey ?? proof.publicKey;
  const message = concatBytes(REQUEST, request.requestId);
  const signed = { publicKeyDer, message, signature: proof.signature };
  // Sender info is checked after the signature: that order shows in the answer.
  if (rules.defer === undefined || request.senderInfo !== undefined) {
    return wrongSignature(verifySignature(rules, signed));
  }
  rules.defer(signed);
  return undefined;
}

/** The refusal of a request whose signature is not good. */
export function wrongSignature(verdict: Verdict<void>): RequestRefusal | undefined {
  if (verdict.kind === 'valid') return undefined;
  return refuse('unauthenticated', `Invalid signature: ${verdict.reason}`);
}

/** Attributes that the canister of the sender's own key vouches for (spec 1.4, `sender_info`). */
function checkSenderInfo(
  { senderInfo }: Request,
  { publicKey }: Proof,
  rules: AuthenticationRules,
): RequestRefusal | undefined {
  if (senderInfo === undefined) return undefined;
  const canisterKey = canisterKeyOf(publicKey);
  if (canisterKey === undefined) {
    return refuse(
      'unauthenticated',
      'Invalid sender_info: the sender has no canister signature key',
    );
  }
  if (!bytesEqual(canisterKey.canisterId, senderInfo.signer)) {
    return refuse('unauthenticated', 'Invalid sender_info: the signer is not the key’s canister');
  }
  const message = concatBytes(SENDER_INFO, senderInfo.info);
  const { signature } = senderInfo;
  const verdict = verifySignature(rules, { publicKeyDer: publicKey, message, signature });
  if (verdict.kind === 'valid') return undefined;
  return refuse('unauthenticated', `Invalid sender_info: ${verdict.reason}`);
}

/** The intersection of all target sets in the chain. */
function targetsOf(delegations: readonly Delegation[]): Outcome<Authentication> {
  let targets: Set<string> | undefined;
  for (const delegation of delegations) {
    if (delegation.targets === undefined) continue;
    const own = new Set(delegation.targets.map(toHex));
    targets = targets === undefined ? own : common(targets, own);
  }
  return accept(targets === undefined ? {} : { targets });
}

function common(left: ReadonlySet<string>, right: ReadonlySet<string>): Set<string> {
  return new Set([...left].filter((id) => right.has(id)));
}

/** Whether the delegations of an authenticated request let it concern this principal. */
export function isTargetAllowed({ targets }: Authentication, id: Principal): boolean {
  return targets === undefined || targets.has(toHex(id));
}
