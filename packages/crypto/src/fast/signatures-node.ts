// Signatures by node:crypto. Importing a key costs up to half of a verification, and honest users
// sign more than once: imported keys are kept, boundedly.

import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { Verdict } from '@internode/prelude';
import { assert, BoundedMap, concatBytes, fromHex, invalid, toHex } from '@internode/prelude';
import type { RsaKey } from '../public-key.ts';
import { ed25519KeyToDer } from '../public-key.ts';
import type { SignatureArithmetic, SignatureEngine, SignedMessage } from '../signature-engine.ts';
import { verifyWith } from '../signature-engine.ts';

const PUBLIC_KEYS_MAX = 4096;
const PRIVATE_KEYS_MAX = 16;

const POINT_PREFIX = {
  p256: fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200'),
  secp256k1: fromHex('3056301006072a8648ce3d020106052b8104000a034200'),
} as const;

const ED25519_PKCS8_PREFIX = fromHex('302e020100300506032b657004220420');

/** Undefined for keys that node refuses, such as points that are not on the curve. */
const publicKeys = new BoundedMap<string, KeyObject | undefined>(PUBLIC_KEYS_MAX, 'drop-oldest');
const privateKeys = new BoundedMap<string, KeyObject>(PRIVATE_KEYS_MAX, 'drop-oldest');

/** What node:crypto is to verify; undefined when the key is no key. */
type Job =
  | readonly [
      algorithm: 'sha256' | null,
      message: Uint8Array,
      key: KeyObject | { key: KeyObject; dsaEncoding: 'ieee-p1363' },
      signature: Uint8Array,
    ]
  | undefined;

/** Says what there is to do and lets `run` do it, now or later. */
function arithmeticOf(run: (job: Job) => boolean): SignatureArithmetic {
  return {
    ed25519(key, message, signature) {
      const imported = importSpki(ed25519KeyToDer(key));
      return run(imported && [null, message, imported, signature]);
    },

    ecdsa(curve, { key, message, signature }) {
      const imported = importSpki(concatBytes(POINT_PREFIX[curve], key));
      const converted = imported && { key: imported, dsaEncoding: 'ieee-p1363' as const };
      return run(converted && ['sha256', message, converted, signature]);
    },

    rsa(key, message, signature) {
      const imported = importRsa(key);
      return run(imported && ['sha256', message, imported, signature]);
    },
  };
}

const arithmetic = arithmeticOf((job) => job !== undefined && verify(...job));

/** `key` has 32 bytes, `signature` 64; any of them may be nonsense. */
export function verifyEd25519(
  key: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return arithmetic.ed25519(key, message, signature);
}

/** As `nodeSignatures.verify`, with the arithmetic on Node's thread pool. Never rejects. */
export async function verifyOnPool(signed: SignedMessage): Promise<Verdict<void>> {
  let begun: Promise<boolean> | undefined;
  const later = arithmeticOf((job) => {
    begun =
      job && new Promise((resolve) => verify(...job, (fault, good) => resolve(!fault && good)));
    return begun !== undefined;
  });
  const verdict = verifyWith(later, signed);
  if (verdict.kind !== 'valid' || (await begun) === true) return verdict;
  return invalid('signature: wrong');
}

export const nodeSignatures: SignatureEngine = {
  name: 'node',
  verify: (signed) => verifyWith(arithmetic, signed),

  ed25519PublicKey(secret) {
    const der = createPublicKey(privateKey(secret)).export({ format: 'der', type: 'spki' });
    return new Uint8Array(der);
  },

  signEd25519(secret, message) {
    return new Uint8Array(sign(null, message, privateKey(secret)));
  },
};

/** As `nodeSignatures.signEd25519`, on Node's thread pool. */
export function signOnPool(secret: Uint8Array, message: Uint8Array): Promise<Uint8Array> {
  const key = privateKey(secret);
  return new Promise((resolve, reject) => {
    sign(null, message, key, (fault, signature) => {
      if (fault) reject(fault);
      else resolve(new Uint8Array(signature));
    });
  });
}

function importSpki(der: Uint8Array): KeyObject | undefined {
  return remember(toHex(der), () =>
    createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }),
  );
}

function importRsa({ modulus, exponent }: RsaKey): KeyObject | undefined {
  const n = Buffer.from(modulus).toString('base64url');
  const e = Buffer.from(exponent).toString('base64url');
  return remember(`rsa ${n} ${e}`, () =>
    createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }),
  );
}

function remember(name: string, create: () => KeyObject): KeyObject | undefined {
  if (publicKeys.has(name)) return publicKeys.get(name);
  let key: KeyObject | undefined;
  try {
    key = create();
  } catch {
    key = undefined;
  }
  publicKeys.set(name, key);
  return key;
}

function privateKey(secret: Uint8Array): KeyObject {
  assert(secret.length === 32, 'ed25519: length of secret');
  const name = toHex(secret);
  const known = privateKeys.get(name);
  if (known !== undefined) return known;
  const der = Buffer.from(concatBytes(ED25519_PKCS8_PREFIX, secret));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  privateKeys.set(name, key);
  return key;
}
