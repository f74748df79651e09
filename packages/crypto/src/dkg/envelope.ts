// Shares on their way to their receivers, and secrets at rest: ChaCha20-Poly1305.

import { separator, sha256 } from '@internode/encoding';
import { assert, concatBytes, joinBytes } from '@internode/prelude';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 as sha256Hash } from '@noble/hashes/sha2.js';
import { listBytes } from './context.ts';

export const SEALED_SHARE_BYTES = 48;
const NONCE_BYTES = 12;
/** Each key of an envelope encrypts one share once. */
const NONCE_OF_ENVELOPE = new Uint8Array(NONCE_BYTES);
const SALT = separator('internode-dkg-envelope');

export interface Envelope {
  /** Digest of the configuration. */
  readonly context: Uint8Array;
  readonly dealer: Uint8Array;
  readonly receiver: Uint8Array;
  readonly ephemeralKey: Uint8Array;
  readonly receiverKey: Uint8Array;
}

export function encryptShare(
  envelope: Envelope,
  sharedPoint: Uint8Array,
  share: Uint8Array,
): Uint8Array {
  const { key, info } = keyOf(envelope, sharedPoint);
  return chacha20poly1305(key, NONCE_OF_ENVELOPE, info).encrypt(share);
}

/** Nothing when the ciphertext is not authentic. */
export function decryptShare(
  envelope: Envelope,
  sharedPoint: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  if (ciphertext.length !== SEALED_SHARE_BYTES) return undefined;
  const { key, info } = keyOf(envelope, sharedPoint);
  try {
    return chacha20poly1305(key, NONCE_OF_ENVELOPE, info).decrypt(ciphertext);
  } catch {
    return undefined;
  }
}

function keyOf(
  envelope: Envelope,
  sharedPoint: Uint8Array,
): { readonly key: Uint8Array; readonly info: Uint8Array } {
  const { context, dealer, receiver, ephemeralKey, receiverKey } = envelope;
  const info = listBytes([context, dealer, receiver, ephemeralKey, receiverKey]);
  return { key: hkdf(sha256Hash, sharedPoint, SALT, info, 32), info };
}

/** For a node's own journal: only holders of `nodeSecret` read it again. `entropy` is at least 32 unpredictable bytes. */
export function sealSecret(
  nodeSecret: Uint8Array,
  secret: Uint8Array,
  entropy: Uint8Array,
): Uint8Array {
  assert(entropy.length >= 32, 'sealSecret: entropy');
  // Hashed with the secret: should randomness ever repeat, no nonce covers two secrets.
  const nonce = sha256(joinBytes([SEAL, entropy, secret])).slice(0, NONCE_BYTES);
  return concatBytes(nonce, chacha20poly1305(sealingKey(nodeSecret), nonce).encrypt(secret));
}

export function openSealed(nodeSecret: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < NONCE_BYTES) return undefined;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  try {
    return chacha20poly1305(sealingKey(nodeSecret), nonce).decrypt(sealed.slice(NONCE_BYTES));
  } catch {
    return undefined;
  }
}

const SEAL = separator('internode-seal');

function sealingKey(nodeSecret: Uint8Array): Uint8Array {
  return hkdf(sha256Hash, nodeSecret, SEAL, new Uint8Array(0), 32);
}
