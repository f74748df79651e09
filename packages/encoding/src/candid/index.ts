// Named here once more so that users write `candid.record({...})` and types do not shadow words.
export { decodeCandid as decode } from './decode.ts';
export { encodeCandid as encode } from './encode.ts';
export type { CandidType, CandidValue, CandidValues, FuncValue } from './types.ts';
export {
  blob,
  bool,
  float32,
  float64,
  func,
  int,
  int8,
  int16,
  int32,
  int64,
  labelOf,
  nat,
  nat8,
  nat16,
  nat32,
  nat64,
  nullType,
  opt,
  principal,
  record,
  reserved,
  text,
  variant,
  vec,
} from './types.ts';
