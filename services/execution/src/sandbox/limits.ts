/** Bounds of one execution and of the sandbox (interface-spec 4.3), and what happens at each. */
import { REPLY_BYTES } from '../limits.ts';

const MIB = 1_048_576;

/** Reply, or a reject's text: beyond, the canister traps (IC0504). */
export const RESPONSE_BYTES = { replicated: REPLY_BYTES, query: 3 * MIB } as const;
/** Payload of a call to a canister of the same subnet: beyond, the caller traps. */
export const CALL_PAYLOAD_BYTES = 10 * MIB;
/** Payloads of all calls of one execution together: beyond, call_perform answers 2. */
export const CALLS_BYTES = 128 * MIB;
export const METHOD_NAME_BYTES = 20_000;
export const PRINCIPAL_BYTES = 29;
export const CERTIFIED_DATA_BYTES = 32;
/** Text of `ic0.trap`, cut beyond. */
export const TRAP_TEXT_BYTES = 8_192;
/** Log of one execution: the oldest records go first, one record is cut. */
export const LOG_BYTES = 4_096;

/** Stable memory written by one execution, in 64 KiB pages: beyond, IC0524. */
export const STABLE_PAGES_WRITTEN = { message: 32_768, install: 131_072, query: 16_384 } as const;
/** Piece in which stable memory and heap are copied. */
export const COPY_PIECE_BYTES = MIB;

/** Uploaded and unpacked module (4.1): beyond, IC0505. */
export const MODULE_BYTES = 100 * MIB;
/**
 * Prepared modules kept although no canister runs them: an install must follow its prepare before
 * this many other modules are prepared.
 */
export const MODULES_IDLE = 64;
/**
 * Canisters with a live heap. V8 reserves 8 or 16 GiB of addresses for each, 8,174 at most in a
 * process (execution.md 2f); the others sleep as bytes.
 */
export const INSTANCES_LIVE = 1_000;
/** Composite queries with changes set aside: beyond, the oldest is forgotten, its callbacks trap. */
export const SESSIONS = 1_024;
