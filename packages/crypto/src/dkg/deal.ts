// The dealer's part: a random polynomial, its commitments, a share for each receiver.

import { separator } from '@internode/encoding';
import type { Verdict } from '@internode/prelude';
import { assert, concatBytes, invalid, valid } from '@internode/prelude';
import { evaluate, scalarFromBytes, scalarFromEntropy, scalarToBytes } from '../bls-scalar.ts';
import {
  checkDkgConfig,
  contextOf,
  digest,
  isResharing,
  listBytes,
  positionOf,
} from './context.ts';
import { encryptShare } from './envelope.ts';
import { generateReceiverKey, sharedPoint } from './ristretto.ts';
import type { DkgConfig, DkgDealing, DkgEngines } from './types.ts';

const PROOF_DOMAIN = separator('internode-dkg-proof');
const SIGNATURE_DOMAIN = separator('internode-dkg-dealing');

/** What a dealer deals with. */
export interface DealRequest {
  readonly config: DkgConfig;
  readonly dealer: Uint8Array;
  /** Ed25519, of the dealer's node key. */
  readonly nodeSecret: Uint8Array;
  /** Resharing: the dealer's share of the old key. */
  readonly oldShare?: Uint8Array;
  /** At least 32 unpredictable bytes, never used again: the dealing is a function of them. */
  readonly entropy: Uint8Array;
}

/** Invalid when this configuration is bad, or the dealer has nothing to deal in it. */
export function deal(engines: DkgEngines, request: DealRequest): Verdict<DkgDealing> {
  const { config, dealer, oldShare, entropy } = request;
  assert(entropy.length >= 32, 'deal: entropy');
  const checked = checkDkgConfig(config);
  if (checked.kind !== 'valid') return checked;
  const position = positionOf(config.dealers, dealer);
  if (position < 0) return invalid('dkg: not a dealer');
  if (isResharing(config) !== (oldShare !== undefined)) return invalid('dkg: no share to deal');
  const source = digest('internode-dkg-entropy', [entropy, contextOf(config), dealer]);
  const coefficients = Array.from({ length: config.threshold }, (_, i) =>
    i === 0 && oldShare !== undefined ? scalarFromBytes(oldShare) : scalarFromEntropy(source, i),
  );
  const commitments = coefficients.map((scalar) => engines.bls.publicKey(scalarToBytes(scalar)));
  const ephemeral = generateReceiverKey(digest('internode-dkg-ephemeral', [source]));
  const ciphertexts = config.receivers.map((receiver, i) => {
    const receiverKey = config.receiverKeys[i] as Uint8Array;
    const point = sharedPoint(ephemeral.secretKey, receiverKey);
    assert(point !== undefined, 'deal: the receiver key has been checked');
    const envelope = {
      context: contextOf(config),
      dealer,
      receiver,
      ephemeralKey: ephemeral.publicKey,
      receiverKey,
    };
    return encryptShare(envelope, point, scalarToBytes(evaluate(coefficients, BigInt(i) + 1n)));
  });
  const constant = scalarToBytes(coefficients[0] as bigint);
  const { target } = config;
  const unsigned = { target, dealer, commitments, ephemeralKey: ephemeral.publicKey, ciphertexts };
  const proof = engines.bls.sign(constant, proofMessage(config, unsigned));
  return valid(signDealing(engines, { config, unsigned, proof, nodeSecret: request.nodeSecret }));
}

type Unsigned = Omit<DkgDealing, 'proof' | 'signature'>;

function signDealing(
  engines: DkgEngines,
  parts: {
    readonly config: DkgConfig;
    readonly unsigned: Unsigned;
    readonly proof: Uint8Array;
    readonly nodeSecret: Uint8Array;
  },
): DkgDealing {
  const { config, unsigned, proof, nodeSecret } = parts;
  const message = dealingMessage(config, { ...unsigned, proof });
  return { ...unsigned, proof, signature: engines.signatures.signEd25519(nodeSecret, message) };
}

/** What the proof of knowledge signs with the secret constant: all but itself, so that nobody can move it elsewhere. */
export function proofMessage(config: DkgConfig, dealing: Unsigned): Uint8Array {
  return concatBytes(PROOF_DOMAIN, bodyDigest(config, dealing));
}

/** What the dealer's node key signs. */
export function dealingMessage(
  config: DkgConfig,
  dealing: Omit<DkgDealing, 'signature'>,
): Uint8Array {
  return concatBytes(SIGNATURE_DOMAIN, bodyDigest(config, dealing), dealing.proof);
}

function bodyDigest(config: DkgConfig, dealing: Unsigned): Uint8Array {
  return digest('internode-dkg-body', [
    contextOf(config),
    dealing.dealer,
    listBytes(dealing.commitments),
    dealing.ephemeralKey,
    listBytes(dealing.ciphertexts),
  ]);
}
