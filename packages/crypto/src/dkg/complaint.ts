// A receiver that was cheated opens its envelope for all to see: the Diffie-Hellman point, with a proof that it is the one.
// Everyone decrypts as the receiver did. Exactly one of the two is guilty: the dealer if the share is bad, the receiver if not.

import { separator } from '@internode/encoding';
import type { Verdict } from '@internode/prelude';
import { assert, bytesEqual, concatBytes, invalid, valid } from '@internode/prelude';
import { contextOf, digest, positionOf, sameTarget } from './context.ts';
import { dealingMessage } from './deal.ts';
import { proveEquality, sharedPoint, verifyEquality } from './ristretto.ts';
import type { DkgComplaint, DkgConfig, DkgDealing, DkgEngines } from './types.ts';
import { isNodeKey, shareBehind } from './verify.ts';

const SIGNATURE_DOMAIN = separator('internode-dkg-complaint');

export function complain(
  engines: DkgEngines,
  request: {
    readonly config: DkgConfig;
    readonly dealing: DkgDealing;
    readonly receiver: Uint8Array;
    readonly receiverSecret: Uint8Array;
    /** Ed25519, of the receiver's node key. */
    readonly nodeSecret: Uint8Array;
    /** At least 32 unpredictable bytes. */
    readonly entropy: Uint8Array;
  },
): DkgComplaint {
  const { config, dealing, receiver, receiverSecret, nodeSecret, entropy } = request;
  const { target, dealer } = dealing;
  const point = sharedPoint(receiverSecret, dealing.ephemeralKey);
  const key = config.receiverKeys[positionOf(config.receivers, receiver)];
  assert(point !== undefined && key !== undefined, 'complain: of a dealing that was verified');
  const statement = { key, base: dealing.ephemeralKey, product: point };
  const context = proofContext(config, dealing, receiver);
  const proof = proveEquality({ ...statement, context }, receiverSecret, entropy);
  const unsigned = { target, dealer, receiver, sharedPoint: point, proof };
  const message = complaintMessage(config, unsigned);
  return { ...unsigned, signature: engines.signatures.signEd25519(nodeSecret, message) };
}

export interface ComplaintRequest {
  readonly config: DkgConfig;
  /** The dealing complained of: the first of its dealer in the chain. */
  readonly dealing: DkgDealing;
  readonly complaint: DkgComplaint;
}

/**
 * Whether a complaint may be in a block: only one that convicts the dealer. `publicKey` is the receiver's node key in DER.
 */
export function verifyComplaint(
  engines: DkgEngines,
  request: ComplaintRequest & { readonly publicKey: Uint8Array },
): Verdict<void> {
  const guilty = judgeComplaint(engines, request);
  if (guilty.kind !== 'valid') return guilty;
  return guilty.value === 'dealer' ? valid() : invalid('dkg: false complaint');
}

/** Who is guilty. Invalid when nobody is: anyone could have made these bytes. */
export function judgeComplaint(
  engines: DkgEngines,
  request: ComplaintRequest & { readonly publicKey: Uint8Array },
): Verdict<'dealer' | 'receiver'> {
  const { config, complaint, publicKey } = request;
  if (!isNodeKey(publicKey, complaint.receiver)) return invalid('dkg: not the key of the receiver');
  const signed = engines.signatures.verify({
    publicKeyDer: publicKey,
    message: complaintMessage(config, complaint),
    signature: complaint.signature,
  });
  if (signed.kind !== 'valid') return invalid('dkg: signature of complaint');
  return judgeOpened(engines, request);
}

/** As `judgeComplaint` of a complaint whose signature is known to be good. */
export function judgeOpened(
  engines: DkgEngines,
  request: ComplaintRequest,
): Verdict<'dealer' | 'receiver'> {
  const { config, dealing, complaint } = request;
  const { receiver, sharedPoint: point } = complaint;
  if (!sameTarget(config.target, complaint.target)) return invalid('dkg: another target');
  if (!bytesEqual(dealing.dealer, complaint.dealer)) return invalid('dkg: another dealer');
  const key = config.receiverKeys[positionOf(config.receivers, receiver)];
  if (key === undefined) return invalid('dkg: not a receiver');
  const statement = { key, base: dealing.ephemeralKey, product: point };
  const context = proofContext(config, dealing, receiver);
  const proven = verifyEquality({ ...statement, context }, complaint.proof);
  if (proven.kind !== 'valid') return proven;
  const share = shareBehind(engines, { config, dealing, receiver }, point);
  return valid(share === undefined ? 'dealer' : 'receiver');
}

function proofContext(config: DkgConfig, dealing: DkgDealing, receiver: Uint8Array): Uint8Array {
  // Of this very dealing: a dealer with two of them cannot have an honest complaint judged against the other.
  return digest('internode-dkg-complaint', [dealingMessage(config, dealing), receiver]);
}

export function complaintMessage(
  config: DkgConfig,
  complaint: Omit<DkgComplaint, 'signature'>,
): Uint8Array {
  const { dealer, receiver, sharedPoint: point, proof } = complaint;
  const body = digest('internode-dkg-complaint', [
    contextOf(config),
    dealer,
    receiver,
    point,
    proof,
  ]);
  return concatBytes(SIGNATURE_DOMAIN, body);
}
