// ECDSA P-256 identities: k6 signs with them in 0.2 ms, and knows no Ed25519. Each virtual user has one of its own.
import { sha224 } from './sha224.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SELF_AUTHENTICATING = 2;

export async function newIdentity() {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ]);
  const publicKeyDer = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
  const principal = Uint8Array.of(...sha224(publicKeyDer), SELF_AUTHENTICATING);
  return { privateKey, publicKeyDer, principal };
}

/** The signature as the interface wants it: r and s, 64 bytes. */
export async function sign({ privateKey }, message) {
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
  return new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, message.buffer));
}
