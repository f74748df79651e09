export { sha224, sha256 } from '@internode/encoding';
export type { BlsEngine } from './bls-engine.ts';
export {
  BLS_PUBLIC_KEY_BYTES,
  BLS_SECRET_KEY_BYTES,
  BLS_SIGNATURE_BYTES,
  BLS_SUITE,
} from './bls-engine.ts';
export {
  BLS_PUBLIC_KEY_DER_BYTES,
  blsPublicKeyFromDer,
  blsPublicKeyToDer,
} from './bls-format.ts';
export { nobleBls } from './bls-noble.ts';
export { catchUpMessage, catchUpMessageOf } from './catch-up.ts';
export * from './dkg/index.ts';
export { DKG_MEMBERS_MAX } from './limits.ts';
export type { ProvenKey } from './multi-signature.ts';
export { provePossession, verifyMultiSignature, verifyPossession } from './multi-signature.ts';
export type { PlainKey, RsaKey, UserKey } from './public-key.ts';
export { ed25519KeyToDer, parseUserKey } from './public-key.ts';
export type { SignatureEngine, SignedMessage } from './signature-engine.ts';
export { nobleSignatures } from './signatures-noble.ts';
export type { Combination, Dealing, NodeShare, SignatureShare } from './threshold.ts';
export { combineSignature, dealShares, generateBlsKey } from './threshold.ts';
