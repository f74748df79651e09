export * as candid from './candid/index.ts';
export type { CandidType, CandidValue } from './candid/types.ts';
export { decodeCbor, decodeCborMap } from './cbor-decode.ts';
export type { CborLimits } from './cbor-decode.ts';
export { encodeCbor, encodeCborUntagged } from './cbor-encode.ts';
export { isCborMap } from './cbor-value.ts';
export type { CborInput, CborMap, CborValue } from './cbor-value.ts';
export { nobleHashEngine, setHashEngine, sha224, sha256 } from './hash.ts';
export type { HashEngine } from './hash.ts';
export {
  decodeSignedLeb128,
  decodeUnsignedLeb128,
  encodeSignedLeb128,
  encodeUnsignedLeb128,
} from './leb128.ts';
export type { Leb128 } from './leb128.ts';
export { hashOfMap, requestIdOf } from './map-hash.ts';
export type { Hashable, HashableMap } from './map-hash.ts';
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
export type { Principal, PrincipalClass } from './principal.ts';
export { separator } from './separator.ts';
