// What everyone can check of a dealing, and what only a receiver can.

import { selfAuthenticating } from '@internode/encoding';
import type { Verdict } from '@internode/prelude';
import { bytesEqual, invalid, valid } from '@internode/prelude';
import { BLS_SIGNATURE_BYTES } from '../bls-engine.ts';
import { GROUP_ORDER, scalarFromBytes } from '../bls-scalar.ts';
import { ed25519KeyToDer } from '../public-key.ts';
import { checkDkgConfig, contextOf, isResharing, positionOf, sameTarget } from './context.ts';
import { dealingMessage, proofMessage } from './deal.ts';
import { decryptShare, SEALED_SHARE_BYTES } from './envelope.ts';
import { checkReceiverKey, sharedPoint } from './ristretto.ts';
import type { DkgConfig, DkgDealing, DkgEngines } from './types.ts';

const ED25519_SIGNATURE_BYTES = 64;
const ED25519_DER_BYTES = ed25519KeyToDer(new Uint8Array(32)).length;

/**
 * Whether a dealing may be in a block: form, dealer's signature, points of the group, knowledge of the secret, and for
 * resharing that the secret is the dealer's old share. The encrypted shares are for their receivers to judge.
 * `publicKey` is the dealer's node key in DER.
 */
export function verifyDealing(
  engines: DkgEngines,
  request: {
    readonly config: DkgConfig;
    readonly dealing: DkgDealing;
    readonly publicKey: Uint8Array;
  },
): Verdict<void> {
  const { config, dealing, publicKey } = request;
  const form = checkDealingForm(config, dealing);
  if (form.kind !== 'valid') return form;
  if (!isNodeKey(publicKey, dealing.dealer)) return invalid('dkg: not the key of the dealer');
  const signed = engines.signatures.verify({
    publicKeyDer: publicKey,
    message: dealingMessage(config, dealing),
    signature: dealing.signature,
  });
  if (signed.kind !== 'valid') return invalid('dkg: signature of dealing');
  const points = engines.bls.checkCommitments(dealing.commitments);
  if (points.kind !== 'valid') return points;
  const known = engines.bls.verify({
    publicKey: dealing.commitments[0] as Uint8Array,
    message: proofMessage(config, dealing),
    signature: dealing.proof,
  });
  return known.kind === 'valid' ? valid() : invalid('dkg: proof of knowledge');
}

/** The part without arithmetic on the curve. */
export function checkDealingForm(config: DkgConfig, dealing: DkgDealing): Verdict<void> {
  const checked = checkDkgConfig(config);
  if (checked.kind !== 'valid') return checked;
  if (!sameTarget(config.target, dealing.target)) return invalid('dkg: another target');
  const position = positionOf(config.dealers, dealing.dealer);
  if (position < 0) return invalid('dkg: not a dealer');
  if (dealing.commitments.length !== config.threshold) return invalid('dkg: commitments');
  if (dealing.ciphertexts.length !== config.receivers.length) return invalid('dkg: ciphertexts');
  const lengths = dealing.ciphertexts.every((bytes) => bytes.length === SEALED_SHARE_BYTES);
  if (!lengths) return invalid('dkg: length of ciphertext');
  if (dealing.proof.length !== BLS_SIGNATURE_BYTES) return invalid('dkg: length of proof');
  if (dealing.signature.length !== ED25519_SIGNATURE_BYTES) return invalid('dkg: signature length');
  if (isResharing(config)) {
    const old = config.dealerShareKeys[position] as Uint8Array;
    if (!bytesEqual(dealing.commitments[0] as Uint8Array, old)) {
      return invalid('dkg: does not share the old share');
    }
  }
  return checkReceiverKey(dealing.ephemeralKey);
}

/** Whether this is the Ed25519 key that the node id is derived from. */
export function isNodeKey(publicKey: Uint8Array, node: Uint8Array): boolean {
  return publicKey.length === ED25519_DER_BYTES && bytesEqual(selfAuthenticating(publicKey), node);
}

/** What a receiver finds in a dealing that passed `verifyDealing`: its share, or nothing and a reason to complain. */
export function openDealing(
  engines: DkgEngines,
  request: {
    readonly config: DkgConfig;
    readonly dealing: DkgDealing;
    readonly receiver: Uint8Array;
    readonly receiverSecret: Uint8Array;
  },
): Uint8Array | undefined {
  const { config, dealing, receiver, receiverSecret } = request;
  const point = sharedPoint(receiverSecret, dealing.ephemeralKey);
  return point === undefined
    ? undefined
    : shareBehind(engines, { config, dealing, receiver }, point);
}

/** Decrypts by the Diffie-Hellman point and compares with the commitments: the same for receiver and for judges. */
export function shareBehind(
  engines: DkgEngines,
  request: {
    readonly config: DkgConfig;
    readonly dealing: DkgDealing;
    readonly receiver: Uint8Array;
  },
  point: Uint8Array,
): Uint8Array | undefined {
  const { config, dealing, receiver } = request;
  const position = positionOf(config.receivers, receiver);
  const ciphertext = dealing.ciphertexts[position];
  const receiverKey = config.receiverKeys[position];
  if (ciphertext === undefined || receiverKey === undefined) return undefined;
  const { dealer, ephemeralKey } = dealing;
  const envelope = { context: contextOf(config), dealer, receiver, ephemeralKey, receiverKey };
  const share = decryptShare(envelope, point, ciphertext);
  if (share === undefined) return undefined;
  const scalar = scalarFromBytes(share);
  if (scalar === 0n || scalar >= GROUP_ORDER) return undefined;
  const expected = engines.bls.evaluateCommitments(dealing.commitments, [position]);
  if (expected.kind !== 'valid') return undefined;
  const [key] = expected.value;
  return key !== undefined && bytesEqual(engines.bls.publicKey(share), key) ? share : undefined;
}
