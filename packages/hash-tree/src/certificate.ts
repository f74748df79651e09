/**
 * Certificates: a hash tree whose root hash a subnet signed, and when the subnet is not the root
 * subnet, the root subnet's certificate of its key and canister ranges (interface spec 2.2, 2.4).
 */
import { BLS_SIGNATURE_BYTES, type BlsEngine, blsPublicKeyFromDer } from '@internode/crypto';
import {
  type CborInput,
  type CborMap,
  CborWriter,
  decodeCbor,
  decodeCborMap,
  encodeCbor,
  isCborMap,
  type Principal,
  separator,
} from '@internode/encoding';
import { compareBytes, concatBytes, invalid, type Verdict, valid } from '@internode/prelude';
import type { Label } from './binary.ts';
import {
  HASH_TREE_CBOR_LIMITS,
  type HashTree,
  hashTreeFromCbor,
  hashTreeToCbor,
  lookupPath,
  lookupSubtree,
  reconstruct,
  visibleLabels,
} from './hash-tree.ts';
import type { LabelledTree } from './labelled-tree.ts';
import { CANISTER_RANGES_MAX, TREE_BYTES_MAX } from './limits.ts';
import { writeWitness } from './witness.ts';

export type Delegation = { readonly subnetId: Principal; readonly certificate: Uint8Array };

export type Certificate = {
  readonly tree: HashTree;
  /** 48 bytes, a point of G1. */
  readonly signature: Uint8Array;
  readonly delegation?: Delegation;
};

/** The part of a BLS engine that certificates need. */
export type BlsVerifier = Pick<BlsEngine, 'verify'>;

export type CertificateRules = {
  /** DER of the root subnet's key, 133 bytes. */
  readonly rootKey: Uint8Array;
  readonly bls: BlsVerifier;
  /** The canister that the certificate speaks for: a delegation must cover it. */
  readonly canisterId?: Principal;
  /** Whether a delegation must prove a subnet type other than `cloud_engine` (spec 1.7). */
  readonly refusesCloudEngine?: boolean;
};

const STATE_ROOT = separator('ic-state-root');

/** What a subnet signs to certify a state. */
export function stateRootMessage(rootHash: Uint8Array): Uint8Array {
  return concatBytes(STATE_ROOT, rootHash);
}

export function encodeCertificate(certificate: Certificate): Uint8Array {
  const fields: { [key: string]: CborInput } = {
    tree: hashTreeToCbor(certificate.tree),
    signature: certificate.signature,
  };
  if (certificate.delegation !== undefined) {
    fields['delegation'] = {
      subnet_id: certificate.delegation.subnetId,
      certificate: certificate.delegation.certificate,
    };
  }
  return encodeCbor(fields);
}

/** As `encodeCertificate` with the witness of `tree` for `paths`. */
export function encodeWitnessCertificate(
  { tree, signature }: { readonly tree: LabelledTree; readonly signature: Uint8Array },
  paths: ReadonlyArray<readonly Label[]>,
): Uint8Array {
  const writer = new CborWriter();
  writer.selfDescribe();
  writer.map(2);
  writer.item('tree');
  writeWitness(writer, tree, paths);
  writer.item('signature');
  writer.item(signature);
  return writer.finish();
}

/** Reads a certificate from outside; says nothing about its signature. */
export function decodeCertificate(bytes: Uint8Array): Verdict<Certificate> {
  if (bytes.length > TREE_BYTES_MAX) return invalid('certificate: too large');
  const fields = decodeCborMap(bytes, HASH_TREE_CBOR_LIMITS);
  if (fields.kind !== 'valid') return fields;
  const tree = hashTreeFromCbor(fields.value['tree']);
  if (tree.kind !== 'valid') return tree;
  const signature = fields.value['signature'];
  if (!(signature instanceof Uint8Array) || signature.length !== BLS_SIGNATURE_BYTES) {
    return invalid('certificate: signature is not 48 bytes');
  }
  if (fields.value['delegation'] === undefined) return valid({ tree: tree.value, signature });
  const delegation = delegationFromCbor(fields.value);
  if (delegation === undefined) return invalid('certificate: malformed delegation');
  return valid({ tree: tree.value, signature, delegation });
}

function delegationFromCbor(fields: CborMap): Delegation | undefined {
  const value = fields['delegation'];
  if (!isCborMap(value)) return undefined;
  const subnetId = value['subnet_id'];
  const certificate = value['certificate'];
  if (!(subnetId instanceof Uint8Array) || !(certificate instanceof Uint8Array)) return undefined;
  return { subnetId, certificate };
}

/** The tree of an encoded certificate, if it is the root subnet's word or properly delegated. */
export function verifyCertificate(bytes: Uint8Array, rules: CertificateRules): Verdict<HashTree> {
  const decoded = decodeCertificate(bytes);
  if (decoded.kind !== 'valid') return decoded;
  const { tree, signature, delegation } = decoded.value;
  const der = delegation === undefined ? valid(rules.rootKey) : delegatedKey(delegation, rules);
  if (der.kind !== 'valid') return der;
  const publicKey = blsPublicKeyFromDer(der.value);
  if (publicKey.kind !== 'valid') return publicKey;
  const message = stateRootMessage(reconstruct(tree));
  const verdict = rules.bls.verify({ publicKey: publicKey.value, message, signature });
  return verdict.kind === 'valid' ? valid(tree) : verdict;
}

/** The DER key that the root subnet certifies for the delegation's subnet. */
function delegatedKey(delegation: Delegation, rules: CertificateRules): Verdict<Uint8Array> {
  const inner = decodeCertificate(delegation.certificate);
  if (inner.kind !== 'valid') return inner;
  if (inner.value.delegation !== undefined) return invalid('certificate: delegation of delegation');
  const { canisterId, refusesCloudEngine, ...rootRules } = rules;
  const verified = verifyCertificate(delegation.certificate, rootRules);
  if (verified.kind !== 'valid') return verified;
  const tree = verified.value;
  const { subnetId } = delegation;
  if (canisterId !== undefined && !hasCanisterInRanges(tree, subnetId, canisterId)) {
    return invalid('certificate: canister not in the ranges of the delegation');
  }
  if (refusesCloudEngine === true) {
    const type = lookupPath(tree, ['subnet', subnetId, 'type']);
    if (type.kind !== 'found') return invalid('certificate: delegation proves no subnet type');
    if (new TextDecoder().decode(type.value) === 'cloud_engine') {
      return invalid('certificate: signed by a cloud engine');
    }
  }
  const key = lookupPath(tree, ['subnet', subnetId, 'public_key']);
  return key.kind === 'found' ? valid(key.value) : invalid('certificate: delegation proves no key');
}

/**
 * Whether a tree proves that `canisterId` is in the ranges of a subnet: in the shard of
 * `/canister_ranges/<subnet>` that begins closest before it, or in the older single list at
 * `/subnet/<subnet>/canister_ranges`.
 */
export function hasCanisterInRanges(
  tree: HashTree,
  subnetId: Principal,
  canisterId: Principal,
): boolean {
  const path: Label[] = ['canister_ranges', subnetId];
  const shards = lookupSubtree(tree, path);
  if (shards.kind === 'found') {
    const start = visibleLabels(shards.tree).findLast(
      (label) => compareBytes(label, canisterId) <= 0,
    );
    const leaf = start && lookupPath(shards.tree, [start]);
    if (leaf?.kind === 'found') return isInRanges(leaf.value, canisterId);
  }
  const list = lookupPath(tree, ['subnet', subnetId, 'canister_ranges']);
  return list.kind === 'found' && isInRanges(list.value, canisterId);
}

/** `encoded` is CBOR `[[first, last], …]`, both ends included. */
function isInRanges(encoded: Uint8Array, canisterId: Principal): boolean {
  const ranges = decodeCbor(encoded, { itemsMax: 3 * CANISTER_RANGES_MAX });
  if (ranges.kind !== 'valid' || !Array.isArray(ranges.value)) return false;
  return ranges.value.some((range) => {
    if (!Array.isArray(range) || range.length !== 2) return false;
    const [first, last] = range;
    if (!(first instanceof Uint8Array) || !(last instanceof Uint8Array)) return false;
    return compareBytes(first, canisterId) <= 0 && compareBytes(canisterId, last) <= 0;
  });
}
