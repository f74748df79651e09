// Senders and envelopes for tests, made with node:crypto so that nothing of ours signs what our
// code verifies.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { blsPublicKeyToDer, nobleBls } from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import {
  type CborInput,
  encodeCbor,
  type HashableMap,
  hashOfMap,
  selfAuthenticating,
  separator,
  sha256,
} from '@internode/encoding';
import {
  emptyTree,
  encodeCertificate,
  hashTreeToCbor,
  stateRootMessage,
  witness,
} from '@internode/hash-tree';
import { concatBytes, fromHex } from '@internode/prelude';
import {
  type AuthenticationRules,
  authenticate,
  decodeRequest,
  type Outcome,
  type Request,
} from '../src/index.ts';

export const NOW = 1_800_000_000_000_000_000n;
export const MINUTE = 60_000_000_000n;
export const CANISTER = fromHex('00000000000000000101');

const ROOT_SECRET = new Uint8Array(32).fill(5);
export const rootKey = blsPublicKeyToDer(nobleBls.publicKey(ROOT_SECRET));

export const rules: AuthenticationRules = {
  nowNanos: NOW,
  signatures: nodeSignatures,
  bls: nobleBls,
  rootKey,
};

export type Signer = {
  readonly publicKey: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
};

function signerOf(publicKey: KeyObject, privateKey: KeyObject, hash: string | null): Signer {
  return {
    publicKey: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
    sign: (message) =>
      new Uint8Array(sign(hash, message, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
  };
}

export function ed25519(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return signerOf(publicKey, privateKey, null);
}

export function ecdsa(namedCurve: 'prime256v1' | 'secp256k1'): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  return signerOf(publicKey, privateKey, 'sha256');
}

/** A canister on the root subnet that signs for `seed`, as Internet Identity does. */
export function canisterSigner(canisterId: Uint8Array, seed: Uint8Array): Signer {
  const bits = concatBytes(Uint8Array.of(0, canisterId.length), canisterId, seed);
  const algorithm = fromHex('300c060a2b0601040183b8430102');
  const body = concatBytes(algorithm, Uint8Array.of(3, bits.length), bits);
  return {
    publicKey: concatBytes(Uint8Array.of(0x30, body.length), body),
    sign: (message) => canisterSignature(canisterId, seed, message),
  };
}

export function canisterSignature(
  canisterId: Uint8Array,
  seed: Uint8Array,
  message: Uint8Array,
  leaf: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const signed = emptyTree().set(['sig', sha256(seed), sha256(message)], leaf);
  const state = emptyTree()
    .set(['time'], Uint8Array.of(1))
    .set(['canister', canisterId, 'certified_data'], signed.rootHash());
  const certificate = encodeCertificate({
    tree: witness(state, [['canister', canisterId, 'certified_data']]),
    signature: nobleBls.sign(ROOT_SECRET, stateRootMessage(state.rootHash())),
  });
  return encodeCbor({ certificate, tree: hashTreeToCbor(witness(signed, [[]])) });
}

export type Link = { from: Signer; to: Signer; fields?: HashableMap };

export function delegation({ from, to, fields = {} }: Link): CborInput {
  const delegated = { pubkey: to.publicKey, expiration: NOW + MINUTE, ...fields };
  const message = concatBytes(separator('ic-request-auth-delegation'), hashOfMap(delegated));
  return { delegation: delegated as CborInput, signature: from.sign(message) };
}

export function content(kind: Request['kind'], fields: HashableMap = {}): HashableMap {
  const base = { request_type: kind, ingress_expiry: NOW + 4n * MINUTE };
  if (kind === 'read_state') return { ...base, sender: Uint8Array.of(4), paths: [], ...fields };
  return {
    ...base,
    sender: Uint8Array.of(4),
    canister_id: CANISTER,
    method_name: 'greet',
    arg: new Uint8Array(0),
    ...fields,
  };
}

/** A signed envelope. The last of the chain signs, `owner` is the sender. */
export function envelope(
  body: HashableMap,
  owner?: Signer,
  chain: Link[] = [],
  override: { [key: string]: CborInput | undefined } = {},
): Uint8Array {
  if (owner === undefined) return encodeCbor({ content: body as CborInput, ...override });
  const signedBody = { ...body, sender: selfAuthenticating(owner.publicKey) };
  const signer = chain.at(-1)?.to ?? owner;
  const message = concatBytes(separator('ic-request'), hashOfMap(signedBody));
  return encodeCbor({
    content: signedBody as CborInput,
    sender_pubkey: owner.publicKey,
    sender_sig: signer.sign(message),
    ...(chain.length === 0 ? {} : { sender_delegation: chain.map(delegation) }),
    ...override,
  });
}

/** Decodes and authenticates; the text of the refusal, or 'accepted'. */
export function verdictOn(
  bytes: Uint8Array,
  kind: Request['kind'] = 'call',
  use: AuthenticationRules = rules,
): string {
  const decoded: Outcome<Request> = decodeRequest(kind, bytes);
  if (decoded.kind === 'refused') return decoded.text;
  const outcome = authenticate(decoded.value, use);
  return outcome.kind === 'refused' ? outcome.text : 'accepted';
}
