import { assert } from '@internode/prelude';

/** An ingress message has 2 MiB at most (interface spec 1.8); keys and signatures come on top. */
export const CALL_BODY_BYTES_MAX = 2 * 1024 * 1024 + 64 * 1024;
export const QUERY_BODY_BYTES_MAX = CALL_BODY_BYTES_MAX;
export const READ_STATE_BODY_BYTES_MAX = 1024 * 1024;

/** Bodies being received, all connections together. One more is answered 503. */
export const BODIES_BYTES_MAX = 256 * 1024 * 1024;

/** Requests being answered at once. One more is answered 503. */
export const REQUESTS_IN_FLIGHT_MAX = 8_192;
export const CONNECTIONS_MAX = 8_192;
export const HEADER_BYTES_MAX = 16 * 1024;

/** A connection that has not sent its headers, or its whole request, by then is closed. */
export const HEADERS_TIMEOUT_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 60_000;
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** A connection on which nothing moves for so long, a reader that does not read, is closed. */
export const SILENCE_TIMEOUT_MS = 90_000;

/** Questions to other services: two per call, and the reads of those who wait. */
export const QUESTIONS_MAX = 4 * REQUESTS_IN_FLIGHT_MAX;

/** The bus may lose a question or its answer, of all calls at once when its broker is away: it is asked again after each of these but the last. */
export const ATTEMPTS_MS = [1_000, 2_000, 3_000] as const;

/** Paths whose routes are remembered, at most 130 characters each; the oldest is forgotten. */
export const ROUTES_KNOWN_MAX = 512;

/** Queries may run for 10 s (interface spec 1.11). */
export const QUERY_DEADLINE_MS = 12_000;
/** One that was not answered by then is asked once more: another may hear it. */
export const QUERY_ATTEMPT_MS = 5_000;

/** How long a synchronous call waits for its certificate before it is answered 202. */
export const CERTIFICATE_DEADLINE_MS = 10_000;
/** While waiting, the state is read again now and then: the news of completion may be lost. */
export const STATUS_READ_MS = 1_000;

const ADMISSION_MS = ATTEMPTS_MS.reduce<number>((sum, ms) => sum + ms, 0);
assert(ADMISSION_MS < CERTIFICATE_DEADLINE_MS, 'admission ends before the wait does');
assert(QUERY_DEADLINE_MS < SILENCE_TIMEOUT_MS, 'queries end before their connection does');
assert(CERTIFICATE_DEADLINE_MS < SILENCE_TIMEOUT_MS, 'calls end before their connection does');

/** Characters of a method's name in a trace; the rest is left out. */
export const SHOWN_CHARACTERS_MAX = 100;
