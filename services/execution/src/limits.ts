// Every bound of execution (interface-spec 4.3, 8; protocol.md 4.5) and what happens when it is
// met.
import { assert } from '@internode/prelude';

const BILLION = 1_000_000_000n;
const SECOND_NANOS = BILLION;

/** Instructions of one execution; above: IC0522. */
export const INSTRUCTIONS = {
  update: 40n * BILLION,
  query: 5n * BILLION,
  install: 300n * BILLION,
  inspect: 200_000_000n,
  /** A composite query with all its callees. */
  compositeTotal: 5n * BILLION,
  /** Instructions a call of a composite query costs by itself. */
  compositeCall: 50_000_000n,
} as const;

/** A round ends when it has used this much; the rest waits for the next height. */
export const ROUND = {
  instructions: 7n * BILLION,
  messages: 5_000,
  /** Executions of different canisters in flight at once. */
  waveSize: 64,
  /** Charged per execution against the round, so that empty messages end it too. */
  overheadInstructions: 2_000_000n,
} as const;

/** Calls of users that wait at one canister go to the sandbox in one trip; what does not fit goes with the next. */
export const SERIES = {
  messages: 128,
  /** A trip ends after the call that used up so many: short, since queries of the canister wait for it. */
  instructions: 100_000_000n,
} as const;

/** Canister to canister, per pair: call_perform answers 2 beyond. */
export const CALLS_PER_PAIR = 500;
/** Calls of one canister without an answer, to anyone. */
export const CALLS_PER_CANISTER = 5_000;
/** Messages waiting in one canister; ingress beyond is rejected with IC0201. */
export const INGRESS_PER_CANISTER = 5_000;
/**
 * Payloads waiting in all queues; beyond, new calls of users and canisters are rejected with
 * IC0201.
 */
export const QUEUED_BYTES = 134_217_728;
/** Calls waiting for the management canister; beyond: IC0201. */
export const SUBNET_QUEUE = 5_000;

export const CANISTERS = 100_000;
export const INGRESS_HISTORY = 600_000;
/** How long after its expiry (or a later completion) a request is remembered. */
export const REQUEST_RETENTION_NANOS = 300n * SECOND_NANOS;

export const STOP_TIMEOUT_NANOS = 300n * SECOND_NANOS;
export const CALL_TIMEOUT_SECONDS = 300;
export const HISTORY_ENTRIES = 20;
export const LOG_BYTES_DEFAULT = 4096;
export const LOG_BYTES_MAX = 2_097_152;
/** Bytes a log record costs beside its content. */
export const LOG_RECORD_OVERHEAD = 32;
export const REJECT_MESSAGE_BYTES = 8192;

export const CONTROLLERS = 10;
export const VIEWERS = 10;
export const ENVIRONMENT_VARIABLES = 20;
export const ENVIRONMENT_TEXT_BYTES = 128;
export const WASM_MEMORY_LIMIT_MAX = 1n << 48n;
export const WASM_MEMORY_LIMIT_DEFAULT = 3n << 30n;
export const HEAP_BYTES_MAX = { wasm32: 4n << 30n, wasm64: 6n << 30n } as const;
export const REPLY_BYTES = 2_097_152;

/** The subnet record; a change beyond these is refused with IC0408. */
export const RECORD = {
  nodes: 600,
  /** Nodes that are new, or have a new vote key, in one change: each costs 20 ms to check. */
  nodesAdded: 4,
  addressBytes: 128,
  versionBytes: 64,
  epochLength: 10_000,
  /** How long a record that was replaced is told of: blocks refer to states at most so many heights back. */
  heightsRemembered: 100,
  /** Records in force within those heights: more changes are refused with IC0204. */
  remembered: 8,
} as const;

/** Queries and inspections in work; beyond they are refused with code 2. */
export const QUERIES = 1_024;
export const INSPECTIONS = 1_024;
/** Of those, in the sandbox at once; the others wait. */
export const QUERIES_IN_SANDBOX = 16;
export const QUERIES_PER_CANISTER = 4;
/** A canister whose queries cost more is slow: see core/query-gate.ts. */
export const SLOW_QUERY_INSTRUCTIONS = 50_000_000;
export const COMPOSITE_DEPTH = 6;
export const COMPOSITE_QUERIES = 8;
export const QUERY_CERTIFICATE_WAIT_MS = 2_000;
/** A query waits so long for a tip that is being loaded, or is older than what its client has seen certified; then it is refused with IC0208. */
export const QUERY_TIP_WAIT_MS = 4_000;

/**
 * Canisters being loaded at once; the next wait. Below the sandbox's MODULES_IDLE, so that no
 * prepared module is lost.
 */
export const OPENINGS = 16;

/** What is supplied of a stable memory when an execution meets an absent page. */
export const SUPPLY = {
  /** Pages of 64 KiB around it, at first. */
  pages: 15,
  /** Twice as many after the same task met one so many times, and so on. */
  timesEach: 8,
} as const;

/** Batches kept that came too early. */
export const BATCHES_AHEAD = 64;
/** Executed heights kept until state has stored them; beyond, execution waits for state. */
export const HEIGHTS_UNCOMMITTED = 128;

export const ASK_AGAIN_MS = 200;
export const IDLE_ASK_MS = 2_000;
export const SAY_AGAIN_MS = 1_000;

assert(CALLS_PER_PAIR <= CALLS_PER_CANISTER, 'limits: calls per pair');
assert(INSTRUCTIONS.compositeTotal <= INSTRUCTIONS.query, 'limits: composite queries');
assert(REQUEST_RETENTION_NANOS >= 300n * SECOND_NANOS, 'limits: replies live five minutes');
assert(LOG_BYTES_DEFAULT <= LOG_BYTES_MAX, 'limits: logs');
