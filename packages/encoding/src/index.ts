export * as candid from './candid/index.ts';
export type { CandidType, CandidValue } from './candid/types.ts';
export type { CborLimits } from './cbor-decode.ts';
export { decodeCbor, decodeCborMap } from './cbor-decode.ts';
export { CborWriter, encodeCbor, encodeCborUntagged } from './cbor-encode.ts';
export type { CborInput, CborMap, CborValue } from './cbor-value.ts';
export { isCborMap } from './cbor-value.ts';
export type { HashEngine } from './hash.ts';
export { nobleHashEngine, setHashEngine, sha224, sha256 } from './hash.ts';
export type { Leb128 } from './leb128.ts';
export {
  decodeSignedLeb128,
  decodeUnsignedLeb128,
  encodeSignedLeb128,
  encodeUnsignedLeb128,
} from './leb128.ts';
export type { Hashable, HashableMap } from './map-hash.ts';
export { hashOfMap, requestIdOf } from './map-hash.ts';
export type { Principal, PrincipalClass } from './principal.ts';
export {
  ANONYMOUS,
  canisterIdFromIndex,
  canisterIndexOf,
  classifyPrincipal,
  isAnonymous,
  isManagement,
  MANAGEMENT,
  principalFromText,
  principalToText,
  selfAuthenticating,
} from './principal.ts';
export { separator } from './separator.ts';
