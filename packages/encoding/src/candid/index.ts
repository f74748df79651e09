// Named here once more so that users write `candid.record({...})` and types do not shadow words.
export { decodeCandid as decode } from './decode.ts';
export { encodeCandid as encode } from './encode.ts';
export {
  blob,
  bool,
  float32,
  float64,
  func,
  int,
  int16,
  int32,
  int64,
  int8,
  labelOf,
  nat,
  nat16,
  nat32,
  nat64,
  nat8,
  nullType,
  opt,
  principal,
  record,
  reserved,
  text,
  variant,
  vec,
} from './types.ts';
export type { CandidType, CandidValue, CandidValues, FuncValue } from './types.ts';
