import type { Verdict } from '@internode/prelude';
import { invalid, unreachable, valid } from '@internode/prelude';
import type { PlainKey, RsaKey, UserKey } from './public-key.ts';
import { parseUserKey } from './public-key.ts';
import { openWebAuthn } from './webauthn.ts';

/** Signatures of users and nodes (interface spec, "Signature schemes"). */
export interface SignatureEngine {
  readonly name: 'noble' | 'node';
  /**
   * Ed25519, P-256, secp256k1 and WebAuthn signatures of `message` by a key in DER.
   * Canister signatures need a state tree: they are `undecided` here.
   */
  verify(signed: SignedMessage): Verdict<void>;
  /** The public key, 44 bytes DER, of a secret of 32 bytes. */
  ed25519PublicKey(secret: Uint8Array): Uint8Array;
  /** 64 bytes. */
  signEd25519(secret: Uint8Array, message: Uint8Array): Uint8Array;
}

export type SignedMessage = {
  readonly publicKeyDer: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
};

/** The arithmetic of an engine. Keys have passed `parseUserKey`, signatures have 64 bytes. */
export interface SignatureArithmetic {
  ed25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** `r‖s` over SHA-256; either sign of `s`. */
  ecdsa(
    curve: 'p256' | 'secp256k1',
    signed: { key: Uint8Array; message: Uint8Array; signature: Uint8Array },
  ): boolean;
  /** PKCS #1 v1.5 with SHA-256. */
  rsa(key: RsaKey, message: Uint8Array, signature: Uint8Array): boolean;
}

/** The part all engines share: reading keys and signatures, so that they agree on what is good. */
export function verifyWith(arithmetic: SignatureArithmetic, signed: SignedMessage): Verdict<void> {
  const parsed = parseUserKey(signed.publicKeyDer);
  if (parsed.kind !== 'valid') return parsed;
  const key: UserKey = parsed.value;
  switch (key.kind) {
    case 'canister':
      return { kind: 'undecided', reason: 'signature: canister signatures need a certificate' };
    case 'webauthn': {
      const claim = openWebAuthn(key.key, signed.message, signed.signature);
      if (claim.kind !== 'valid') return claim;
      return verifyPlain(arithmetic, key.key, claim.value.signed, claim.value.signature);
    }
    default:
      return verifyPlain(arithmetic, key, signed.message, signed.signature);
  }
}

function verifyPlain(
  arithmetic: SignatureArithmetic,
  key: PlainKey,
  message: Uint8Array,
  signature: Uint8Array,
): Verdict<void> {
  const bytes = key.kind === 'rsa' ? key.key.modulus.length : 64;
  if (signature.length !== bytes) return invalid(`signature: not ${bytes} bytes`);
  return isGood(arithmetic, key, message, signature) ? valid() : invalid('signature: wrong');
}

function isGood(
  arithmetic: SignatureArithmetic,
  key: PlainKey,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  switch (key.kind) {
    case 'ed25519':
      return arithmetic.ed25519(key.key, message, signature);
    case 'p256':
    case 'secp256k1':
      return arithmetic.ecdsa(key.kind, { key: key.key, message, signature });
    case 'rsa':
      return arithmetic.rsa(key.key, message, signature);
    default:
      return unreachable(key);
  }
}
