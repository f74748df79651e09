/** Signatures of senders in all schemes of interface spec 1.7. */
import { parseUserKey, type SignatureEngine, type UserKey } from '@internode/crypto';
import { decodeCborMap, sha256 } from '@internode/encoding';
import {
  type BlsVerifier,
  HASH_TREE_CBOR_LIMITS,
  hashTreeFromCbor,
  lookupPath,
  reconstruct,
  verifyCertificate,
} from '@internode/hash-tree';
import { bytesEqual, invalid, type Verdict, valid } from '@internode/prelude';

/** What signatures are verified with, injected: hosts take faster engines than pure rooms do. */
export type Verifiers = {
  readonly signatures: Pick<SignatureEngine, 'verify'>;
  readonly bls: BlsVerifier;
  /** DER of the root subnet's key; canister signatures hang from it. */
  readonly rootKey: Uint8Array;
};

export type Signed = Parameters<SignatureEngine['verify']>[0];

export type CanisterKey = Extract<UserKey, { kind: 'canister' }>;

/** The canister and seed in a DER key of the canister signature scheme; undefined for others. */
export function canisterKeyOf(der: Uint8Array): CanisterKey | undefined {
  const key = parseUserKey(der);
  return key.kind === 'valid' && key.value.kind === 'canister' ? key.value : undefined;
}

/** Verifies keys of every scheme. */
export function verifySignature(verifiers: Verifiers, signed: Signed): Verdict<void> {
  const verdict = verifiers.signatures.verify(signed);
  if (verdict.kind !== 'undecided') return verdict;
  const key = canisterKeyOf(signed.publicKeyDer);
  if (key === undefined) return invalid('signature: unknown scheme');
  return verifyCanisterSignature(verifiers, key, signed);
}

/**
 * A canister signs by certifying, as its certified data, the root of a tree with an empty leaf at
 * `sig/H(seed)/H(message)`.
 */
function verifyCanisterSignature(
  { bls, rootKey }: Verifiers,
  { canisterId, seed }: CanisterKey,
  signed: Signed,
): Verdict<void> {
  const fields = decodeCborMap(signed.signature, HASH_TREE_CBOR_LIMITS);
  if (fields.kind !== 'valid') return fields;
  const certificate = fields.value['certificate'];
  if (!(certificate instanceof Uint8Array)) return invalid('canister signature: no certificate');
  const tree = hashTreeFromCbor(fields.value['tree']);
  if (tree.kind !== 'valid') return tree;
  const leaf = lookupPath(tree.value, ['sig', sha256(seed), sha256(signed.message)]);
  if (leaf.kind !== 'found' || leaf.value.length > 0) {
    return invalid('canister signature: the message is not in the tree');
  }
  const state = verifyCertificate(certificate, {
    rootKey,
    canisterId,
    bls,
    refusesCloudEngine: true,
  });
  if (state.kind !== 'valid') return state;
  const certified = lookupPath(state.value, ['canister', canisterId, 'certified_data']);
  const isCertified =
    certified.kind === 'found' && bytesEqual(certified.value, reconstruct(tree.value));
  return isCertified ? valid() : invalid('canister signature: the tree is not certified');
}
