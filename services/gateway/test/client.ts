// Requests as bytes, for what the official client would never send.

import { nodeSignatures } from '@internode/crypto/fast';
import {
  type CborInput,
  type CborMap,
  decodeCborMap,
  encodeCbor,
  type HashableMap,
  hashOfMap,
  principalToText,
  selfAuthenticating,
  separator,
} from '@internode/encoding';
import { concatBytes, utf8 } from '@internode/prelude';
import { CANISTER } from './small-replica.ts';

export type Answered = { status: number; body: Uint8Array; headers: Headers };

export async function post(url: string, body: Uint8Array): Promise<Answered> {
  const response = await fetch(url, {
    method: 'POST',
    body: body as Uint8Array<ArrayBuffer>,
    headers: { 'content-type': 'application/cbor' },
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, body: bytes, headers: response.headers };
}

export function textOf({ body }: Answered): string {
  return new TextDecoder().decode(body);
}

export function mapOf({ body }: Answered): CborMap {
  const map = decodeCborMap(body);
  if (map.kind !== 'valid') throw new Error(map.reason);
  return map.value;
}

export const canisterText = principalToText(CANISTER);

type Kind = 'call' | 'query' | 'read_state';

export function contentOf(kind: Kind, fields: HashableMap = {}): HashableMap {
  const expiry = BigInt(Date.now() + 120_000) * 1_000_000n;
  const base = { request_type: kind, ingress_expiry: expiry, sender: Uint8Array.of(4) };
  if (kind === 'read_state') return { ...base, paths: [], ...fields };
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  return {
    ...base,
    nonce,
    canister_id: CANISTER,
    method_name: 'greet',
    arg: utf8('hi'),
    ...fields,
  };
}

/** An envelope; signed when a secret is given. */
export function envelopeOf(content: HashableMap, secret?: Uint8Array): Uint8Array {
  if (secret === undefined) return encodeCbor({ content: content as CborInput });
  const publicKey = nodeSignatures.ed25519PublicKey(secret);
  const signed = { ...content, sender: selfAuthenticating(publicKey) };
  const message = concatBytes(separator('ic-request'), hashOfMap(signed));
  return encodeCbor({
    content: signed as CborInput,
    sender_pubkey: publicKey,
    sender_sig: nodeSignatures.signEd25519(secret, message),
  });
}

export function requestIdOf(content: HashableMap, secret?: Uint8Array): Uint8Array {
  if (secret === undefined) return hashOfMap(content);
  const sender = selfAuthenticating(nodeSignatures.ed25519PublicKey(secret));
  return hashOfMap({ ...content, sender });
}
