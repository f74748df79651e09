// Requests as bytes, for what the official clients never send: other versions of the endpoints, repeated, late or malformed requests.
import type { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import {
  ANONYMOUS,
  type CborInput,
  type CborMap,
  decodeCborMap,
  encodeCbor,
  type Principal,
  principalFromText,
  requestIdOf,
  separator,
} from '@internode/encoding';
import { concatBytes } from '@internode/prelude';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** The body when it is a CBOR map. */
  readonly map: CborMap;
  readonly text: string;
}

export type Fields = Readonly<Record<string, CborInput>>;

export function principalOf(text: string): Principal {
  const principal = principalFromText(text);
  if (principal.kind !== 'valid') throw new Error(principal.reason);
  return principal.value;
}

export async function post(url: string, body: Uint8Array): Promise<Answer> {
  const headers = { 'content-type': 'application/cbor' };
  return answerOf(await fetch(url, { method: 'POST', headers, body: Uint8Array.from(body) }));
}

export async function get(url: string): Promise<Answer> {
  return answerOf(await fetch(url));
}

async function answerOf(response: Response): Promise<Answer> {
  const body = new Uint8Array(await response.arrayBuffer());
  const map = decodeCborMap(body);
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    body,
    map: map.kind === 'valid' ? map.value : {},
    text: new TextDecoder().decode(body),
  };
}

/** Nanoseconds since 1970, so many ms from now. */
export function expiryIn(ms: number): bigint {
  return BigInt(Date.now() + ms) * 1_000_000n;
}

export interface Envelope {
  readonly requestId: Uint8Array;
  readonly body: Uint8Array;
}

/** Signed by the identity, or anonymous without. */
export async function envelope(fields: Fields, identity?: Ed25519KeyIdentity): Promise<Envelope> {
  const sender = identity?.getPrincipal().toUint8Array() ?? ANONYMOUS;
  const content: Fields = { sender, ingress_expiry: expiryIn(240_000), ...fields };
  const id = requestIdOf(content as Parameters<typeof requestIdOf>[0]);
  if (id.kind !== 'valid') throw new Error(id.reason);
  const requestId = id.value;
  if (identity === undefined) return { requestId, body: encodeCbor({ content }) };
  const signature = await identity.sign(concatBytes(separator('ic-request'), requestId));
  const body = encodeCbor({
    content,
    sender_pubkey: new Uint8Array(identity.getPublicKey().toDer()),
    sender_sig: new Uint8Array(signature),
  });
  return { requestId, body };
}
