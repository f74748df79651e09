/** Calls whose way through the services is followed at once; the oldest is given up, and its later stages are missing. */
export const FOLLOWED_MAX = 1_024;
/** Blocks whose stages are timed at once: a stage that takes longer than so many blocks is missing. */
export const BLOCKS_MAX = 128;
/** Steps and questions of traced calls that wait for their answers; the oldest is given up. */
export const ASKED_MAX = 512;

/** Without OTEL_TRACES_SAMPLER: new traces a second of each endpoint, and how many at once after a pause. */
export const ROOTS_PER_SECOND = 10;
export const ROOTS_AT_ONCE = 20;
/** The same of requests whose client has sampled them already; further ones are served and not traced. */
export const CLIENT_ROOTS_PER_SECOND = 50;
export const CLIENT_ROOTS_AT_ONCE = 100;
/** Without OTEL_TRACES_SAMPLER: one block in so many is traced although no traced call is in it. */
export const BLOCKS_PER_TRACE = 16;
/** Steps a second that belong to a trace, here or at a peer, but to none of its stages; further ones are not recorded. */
export const STEPS_PER_SECOND = 1_000;
export const STEPS_AT_ONCE = 1_000;

/** Traces that are kept of requests, and as many of blocks; the oldest are forgotten. */
export const TRACES_MAX = 1_000;
/** Spans that are kept, of all traces together; the oldest traces are forgotten. About half a kilobyte each. */
export const SPANS_MAX = 24_000;
/** Spans of one trace; further ones are counted. */
export const SPANS_OF_TRACE_MAX = 256;
/** Links of one span, as in OpenTelemetry. */
export const LINKS_MAX = 128;
/** Attributes of one span that another process tells of, and characters of one text in it. */
export const ATTRIBUTES_MAX = 32;
export const TEXT_MAX = 256;

/** Spans that wait to be sent to the process that keeps them; further ones are counted and lost. */
export const OUTLET_SPANS_MAX = 2_048;
/** A gateway says so often that it hears spans; who has not heard from one for `GATEWAY_SILENT_MS` keeps its own, as many as it may. */
export const GATEWAY_HERE_MS = 2_000;
export const GATEWAY_SILENT_MS = 7_000;
/** Spans in one message, and how often there is one. */
export const OUTLET_BATCH_MAX = 256;
export const OUTLET_MS = 100;

/** Traces in one answer of the list. */
export const LISTED_MAX = 500;
