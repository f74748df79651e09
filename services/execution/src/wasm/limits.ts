/** Limits on modules (interface-spec 4.1; where it has none, ours) and what happens: IC0505. */
export const LIMIT = {
  moduleBytes: 100 * 2 ** 20,
  types: 100_000,
  functions: 50_000,
  globals: 1_000,
  tables: 100,
  tableElements: 1_000_000,
  exports: 100_000,
  segments: 100_000,
  elements: 10_000_000,
  codeBytes: 10 * 2 ** 20,
  arity: 1_000,
  icpSections: 16,
  icpBytes: 2 ** 20,
  nameBytes: 2 ** 20,
  /** V8 refuses functions of 7,654,321 bytes. */
  instrumentedFunctionBytes: 7_500_000,
} as const;
