// WebAuthn signatures (interface spec, "Signature schemes"): the authenticator signs its own data
// and the hash of a JSON text whose `challenge` is what the user meant to sign.

import { decodeCborMap, sha256 } from '@internode/encoding';
import type { Verdict } from '@internode/prelude';
import { concatBytes, invalid, valid } from '@internode/prelude';
import { ecdsaSignatureFromDer } from './der.ts';
import type { PlainKey } from './public-key.ts';

const WEBAUTHN_BYTES_MAX = 16_384;

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const textEncoder = new TextEncoder();

/** What the key must have signed for the WebAuthn signature of `challenge` to hold. */
export type WebAuthnClaim = { readonly signed: Uint8Array; readonly signature: Uint8Array };

export function openWebAuthn(
  key: PlainKey,
  challenge: Uint8Array,
  signature: Uint8Array,
): Verdict<WebAuthnClaim> {
  if (signature.length > WEBAUTHN_BYTES_MAX) return invalid('webauthn: signature too long');
  const decoded = decodeCborMap(signature, { depthMax: 1, itemsMax: 16 });
  if (decoded.kind !== 'valid') return decoded;
  const authenticatorData = decoded.value['authenticator_data'];
  const clientData = decoded.value['client_data_json'];
  const inner = decoded.value['signature'];
  if (!(authenticatorData instanceof Uint8Array) || !(inner instanceof Uint8Array)) {
    return invalid('webauthn: missing field');
  }
  // The specification says text; authenticators hand out bytes, and some clients pass them on.
  const isText = typeof clientData === 'string';
  if (!isText && !(clientData instanceof Uint8Array)) return invalid('webauthn: client data');
  const json = isText ? textEncoder.encode(clientData) : clientData;
  if (challengeOf(json) !== toBase64Url(challenge)) return invalid('webauthn: challenge');
  const signed = concatBytes(authenticatorData, sha256(json));
  if (key.kind !== 'p256') return valid({ signed, signature: inner });
  const ecdsa = ecdsaSignatureFromDer(inner);
  return ecdsa.kind === 'valid' ? valid({ signed, signature: ecdsa.value }) : ecdsa;
}

function challengeOf(json: Uint8Array): string | undefined {
  try {
    const data: unknown = JSON.parse(textDecoder.decode(json));
    if (typeof data !== 'object' || data === null || !Object.hasOwn(data, 'challenge')) {
      return undefined;
    }
    const { challenge } = data as { challenge: unknown };
    return typeof challenge === 'string' ? challenge : undefined;
  } catch {
    return undefined;
  }
}

function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let pending = 0;
  for (const byte of bytes) {
    pending = ((pending << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 6; ) {
      bits -= 6;
      text += BASE64URL[(pending >>> bits) & 63];
    }
  }
  return bits > 0 ? text + BASE64URL[(pending << (6 - bits)) & 63] : text;
}
