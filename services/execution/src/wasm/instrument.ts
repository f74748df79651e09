import type { ParsedModule } from './parse.ts';

/** Raised whenever the output or a weight changes. */
export const REWRITER_VERSION = 1;

/** Under what name instrumented bytes may be cached; `moduleHash` in hex. */
export function cacheKey(moduleHash: string): string {
  return `${moduleHash}-r${REWRITER_VERSION}`;
}

/** The module with metering, limits, undo log and canonical NaNs; what `Instance` runs. */
export declare function instrument(bytes: Uint8Array, module: ParsedModule): Uint8Array;
