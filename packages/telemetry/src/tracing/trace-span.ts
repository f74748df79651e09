// A span as this package keeps it, and the W3C trace context (version 00) that names it.
import { randomFillSync } from 'node:crypto';
import type { TraceAttributes } from '@internode/actor';

export interface SpanName {
  /** 32 and 16 lower-case hex digits. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface TraceSpan extends SpanName {
  /** '' of a root. */
  readonly parentId: string;
  /** It began what this replica knows of the trace: its parent, if any, is elsewhere. */
  readonly entry: boolean;
  readonly service: string;
  readonly name: string;
  /** One of stages.ts; '' of other steps. */
  readonly stage: string;
  /** Milliseconds since 1970, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  /** How long it waited, at its beginning. */
  readonly queuedMs: number;
  /** '' when nothing went wrong. */
  readonly fault: string;
  readonly attributes: TraceAttributes;
  readonly links: readonly SpanName[];
}

export type SpanSink = (span: TraceSpan) => void;

export interface TraceContext extends SpanName {
  readonly sampled: boolean;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const LENGTH = 55;
/** Later versions may append something. */
const LENGTH_MAX = 512;

/** Undefined when it is malformed; later versions are read as far as this one goes. */
export function parseTraceparent(text: string): TraceContext | undefined {
  if (text.length < LENGTH || text.length > LENGTH_MAX) return undefined;
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Of our own making or checked already: cheap, for every step. */
export function isSampled(traceparent: string): boolean {
  return traceparent.length === LENGTH && traceparent.endsWith('1');
}

export function traceparentOf({ traceId, spanId }: SpanName): string {
  return `00-${traceId}-${spanId}-01`;
}

export function newTraceId(): string {
  return randomHex(16);
}

export function newSpanId(): string {
  return randomHex(8);
}

const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
