export type { Label } from './binary.ts';
export {
  type BlsVerifier,
  type Certificate,
  type CertificateRules,
  type Delegation,
  decodeCertificate,
  encodeCertificate,
  encodeWitnessCertificate,
  hasCanisterInRanges,
  stateRootMessage,
  verifyCertificate,
} from './certificate.ts';
export {
  decodeHashTree,
  EMPTY_HASH_TREE,
  encodeHashTree,
  HASH_TREE_CBOR_LIMITS,
  type HashTree,
  hashTreeFromCbor,
  hashTreeToCbor,
  isWellFormed,
  type Lookup,
  lookupPath,
  lookupSubtree,
  reconstruct,
  type SubtreeLookup,
  visibleLabels,
} from './hash-tree.ts';
export { type Content, contentDigest, emptyTree, LabelledTree } from './labelled-tree.ts';
export { type Sealed, sealed } from './sealed.ts';
export { witness } from './witness.ts';
