// What users send: the plan of their calls, and envelopes as agents make them.
import type { SignatureEngine } from '@internode/crypto';
import {
  ANONYMOUS,
  candid,
  encodeCbor,
  MANAGEMENT,
  requestIdOf,
  selfAuthenticating,
  separator,
} from '@internode/encoding';
import { concatBytes, utf8 } from '@internode/prelude';

/** A user's key; absent for the anonymous one. */
export interface Identity {
  readonly signatures: SignatureEngine;
  readonly secret: Uint8Array;
}

type Field = string | bigint | Uint8Array | readonly Field[];

export type Content = { readonly [field: string]: Field };

export interface Envelope {
  readonly requestId: Uint8Array;
  readonly body: Uint8Array;
}

export type Planned =
  | { readonly kind: 'create' | 'install' | 'upgrade' }
  | { readonly kind: 'mark'; readonly number: number };

const REQUEST = separator('ic-request');

/** Creation, installation, and then marks with an upgrade in their middle. */
export function planOf(marks: number): Planned[] {
  const plan: Planned[] = Array.from({ length: marks }, (_, number) => ({ kind: 'mark', number }));
  plan.splice(marks >> 1, 0, { kind: 'upgrade' });
  return [{ kind: 'create' }, { kind: 'install' }, ...plan];
}

/** The content's fields, with the sender's own, signed when there is an identity. */
export function envelopeOf(content: Content, identity: Identity | undefined): Envelope {
  if (identity === undefined) return sealed({ ...content, sender: ANONYMOUS }, () => ({}));
  const { signatures, secret } = identity;
  const publicKey = signatures.ed25519PublicKey(secret);
  return sealed({ ...content, sender: selfAuthenticating(publicKey) }, (requestId) => ({
    sender_pubkey: publicKey,
    sender_sig: signatures.signEd25519(secret, concatBytes(REQUEST, requestId)),
  }));
}

function sealed(
  content: Content,
  proofOf: (requestId: Uint8Array) => { readonly [name: string]: Uint8Array },
): Envelope {
  const id = requestIdOf(content);
  if (id.kind !== 'valid') throw new Error(id.reason);
  return { requestId: id.value, body: encodeCbor({ content, ...proofOf(id.value) }) };
}

const METHODS = {
  create: 'provisional_create_canister_with_cycles',
  install: 'install_code',
  upgrade: 'install_code',
  mark: 'mark',
} as const;

export interface Subject {
  readonly canisterId: Uint8Array;
  readonly wasm: Uint8Array;
}

/** What a planned call says, but for its sender, nonce and expiry. */
export function contentOf(planned: Planned, subject: Subject): Content {
  return {
    request_type: 'call',
    canister_id: planned.kind === 'mark' ? subject.canisterId : MANAGEMENT,
    method_name: METHODS[planned.kind],
    arg: argumentOf(planned, subject),
  };
}

const { record, opt, nat, principal, blob, variant, nullType, bool } = candid;
const CREATE = [record({ amount: opt(nat), specified_id: opt(principal) })] as const;
const INSTALL = [
  record({
    mode: variant({ install: nullType, upgrade: opt(record({ skip_pre_upgrade: opt(bool) })) }),
    canister_id: principal,
    wasm_module: blob,
    arg: blob,
  }),
] as const;

function argumentOf(planned: Planned, { canisterId, wasm }: Subject): Uint8Array {
  if (planned.kind === 'mark') return numberBytes(planned.number);
  if (planned.kind === 'create') {
    return candid.encode(CREATE, [{ amount: undefined, specified_id: canisterId }]);
  }
  const mode =
    planned.kind === 'install'
      ? ({ kind: 'install', value: null } as const)
      : ({ kind: 'upgrade', value: undefined } as const);
  const install = { mode, canister_id: canisterId, wasm_module: wasm, arg: new Uint8Array() };
  return candid.encode(INSTALL, [install]);
}

export function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function queryContent(canisterId: Uint8Array, expiryNanos: bigint): Content {
  return {
    request_type: 'query',
    canister_id: canisterId,
    method_name: 'total',
    arg: utf8(''),
    ingress_expiry: expiryNanos,
  };
}

export function readContent(requestId: Uint8Array, expiryNanos: bigint): Content {
  return {
    request_type: 'read_state',
    paths: [[utf8('request_status'), requestId]],
    ingress_expiry: expiryNanos,
  };
}
