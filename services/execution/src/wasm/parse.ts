import type { ImportTable, ModuleInfo, Trap } from './types.ts';

/** A module that passed every check; `info` outlives it, the rest is for `instrument`. */
export interface ParsedModule {
  readonly info: ModuleInfo;
}

export type ParseResult =
  | { readonly kind: 'valid'; readonly module: ParsedModule }
  | { readonly kind: 'invalid'; readonly error: Trap };

/** Checks a module against interface-spec 4.1 and 4.2. Bounded in time and memory; never throws. */
export declare function parseModule(bytes: Uint8Array, imports: ImportTable): ParseResult;
