// Signed requests made ahead of time, so that a generator on the same machine costs little while it measures.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  ANONYMOUS,
  type CborInput,
  encodeCbor,
  type Principal,
  requestIdOf,
  selfAuthenticating,
  separator,
} from '@internode/encoding';

export interface Signer {
  readonly principal: Principal;
  readonly publicKeyDer: Uint8Array;
  readonly key: KeyObject;
}

/** A new Ed25519 identity. */
export function generateSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const publicKeyDer = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  return { principal: selfAuthenticating(publicKeyDer), publicKeyDer, key: privateKey };
}

/** Candid of no values. */
export const NO_ARGUMENTS: Uint8Array = Uint8Array.from([0x44, 0x49, 0x44, 0x4c, 0, 0]);

export interface RequestFields {
  readonly kind: 'call' | 'query';
  readonly canisterId: Principal;
  readonly method: string;
  readonly argument: Uint8Array;
  /** ms since 1970. */
  readonly expiryMs: number;
}

export interface Prepared {
  readonly requestId: Uint8Array;
  readonly body: Uint8Array;
}

type Content = Readonly<Record<string, CborInput>>;

function contentOf(fields: RequestFields, sender: Principal): Content {
  return {
    request_type: fields.kind,
    sender,
    nonce: new Uint8Array(randomBytes(16)),
    ingress_expiry: BigInt(Math.floor(fields.expiryMs)) * 1_000_000n,
    canister_id: fields.canisterId,
    method_name: fields.method,
    arg: fields.argument,
  };
}

function idOf(content: Content): Uint8Array {
  const id = requestIdOf(content as Parameters<typeof requestIdOf>[0]);
  if (id.kind !== 'valid') throw new Error(id.reason);
  return id.value;
}

export function anonymousRequest(fields: RequestFields): Prepared {
  const content = contentOf(fields, ANONYMOUS);
  return { requestId: idOf(content), body: encodeCbor({ content }) };
}

export function signedRequest(fields: RequestFields, signer: Signer): Prepared {
  const content = contentOf(fields, signer.principal);
  const requestId = idOf(content);
  const message = Buffer.concat([separator('ic-request'), requestId]);
  return {
    requestId,
    body: encodeCbor({
      content,
      sender_pubkey: signer.publicKeyDer,
      sender_sig: new Uint8Array(sign(null, message, signer.key)),
    }),
  };
}
