// The curve of most runs: a declared stand-in that signs with a hash, so that ten thousand lives fit into minutes. What it keeps
// of the real one: its keys, unique signatures, and that wrong ones do not verify. Every 50th seed, and
// `--crypto real`, run the real curve.
import type { BlsEngine } from '@internode/crypto';
import { sha256 } from '@internode/encoding';
import { bytesEqual, concatBytes, invalid, toHex, utf8, valid } from '@internode/prelude';

const SIGNED = utf8('stand-in signature');

function signatureOf(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const digest = sha256(concatBytes(SIGNED, publicKey, message));
  return concatBytes(digest, digest.subarray(0, 16));
}

/** Only for subnets of one: a share is the key, so combining is the identity. */
export function standInBls(real: BlsEngine): BlsEngine {
  const keys = new Map<string, Uint8Array>();
  const publicKeyOf = (secret: Uint8Array): Uint8Array => {
    const name = toHex(secret);
    const key = keys.get(name) ?? real.publicKey(secret);
    if (keys.size > 8) keys.clear();
    keys.set(name, key);
    return key;
  };
  return {
    ...real,
    name: 'stand-in',
    publicKey: publicKeyOf,
    sign: (secret, message) => signatureOf(publicKeyOf(secret), message),
    verify: ({ publicKey, message, signature }) =>
      bytesEqual(signature, signatureOf(publicKey, message))
        ? valid(undefined)
        : invalid('the signature does not fit'),
    combineShares: (_indices, [share]) => valid(share ?? new Uint8Array(48)),
  };
}
