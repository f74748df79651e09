// The curves of most runs: declared stand-ins that sign with a hash, so that ten thousand lives fit into minutes. What they
// keep of the real ones: their keys, unique signatures, and that wrong ones do not verify. Every 50th seed, and
// `--crypto real`, run the real curves.
import type { BlsEngine, SignatureEngine } from '@internode/crypto';
import { sha256 } from '@internode/encoding';
import { bytesEqual, concatBytes, invalid, toHex, utf8, valid } from '@internode/prelude';

/** All that a life signs and checks with. */
export interface Crypto {
  readonly bls: BlsEngine;
  readonly signatures: SignatureEngine;
  /** What a dealing of keys may depend on: stand-in keys are dealt once for all lives. */
  readonly dealsEachLife: boolean;
}

type KeyOf = (secret: Uint8Array) => Uint8Array;

const SIGNED = utf8('stand-in signature');
const KEYS_MAX = 64;
const DOES_NOT_FIT = invalid('the signature does not fit');

function digestOf(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  return sha256(concatBytes(SIGNED, publicKey, message));
}

function remembering(keyOf: KeyOf): KeyOf {
  const keys = new Map<string, Uint8Array>();
  return (secret) => {
    const name = toHex(secret);
    const key = keys.get(name) ?? keyOf(secret);
    if (keys.size > KEYS_MAX) keys.clear();
    keys.set(name, key);
    return key;
  };
}

export function standIn(real: Omit<Crypto, 'dealsEachLife'>): Crypto {
  return {
    bls: standInBls(real.bls),
    signatures: standInSignatures(real.signatures),
    dealsEachLife: false,
  };
}

/** Only for subnets of one: a share is the key, so combining is the identity. */
function standInBls(real: BlsEngine): BlsEngine {
  const publicKey = remembering((secret) => real.publicKey(secret));
  const signatureOf = (key: Uint8Array, message: Uint8Array): Uint8Array => {
    const digest = digestOf(key, message);
    return concatBytes(digest, digest.subarray(0, 16));
  };
  return {
    ...real,
    name: 'stand-in',
    publicKey,
    sign: (secret, message) => signatureOf(publicKey(secret), message),
    verify: ({ publicKey, message, signature }) =>
      bytesEqual(signature, signatureOf(publicKey, message)) ? valid(undefined) : DOES_NOT_FIT,
    combineShares: (_indices, [share]) => valid(share ?? new Uint8Array(48)),
  };
}

function standInSignatures(real: SignatureEngine): SignatureEngine {
  const ed25519PublicKey = remembering((secret) => real.ed25519PublicKey(secret));
  const signatureOf = (key: Uint8Array, message: Uint8Array): Uint8Array => {
    const digest = digestOf(key, message);
    return concatBytes(digest, digest);
  };
  return {
    ...real,
    ed25519PublicKey,
    signEd25519: (secret, message) => signatureOf(ed25519PublicKey(secret), message),
    verify: ({ publicKeyDer, message, signature }) =>
      bytesEqual(signature, signatureOf(publicKeyDer, message)) ? valid(undefined) : DOES_NOT_FIT,
  };
}
