// A trace as people read it: one row a span, children below their parents, waiting apart from working; and what stages take over
// many traces. The page and the command show the same.
import type { TraceAttributes } from '@internode/actor';
import { CALL_STAGES } from './stages.ts';
import type { SpanName, TraceSpan } from './trace-span.ts';
import { REQUEST_ID, type StoredTrace } from './trace-store.ts';

export interface WaterfallRow {
  readonly spanId: string;
  readonly depth: number;
  readonly service: string;
  readonly name: string;
  readonly stage: string;
  /** Since the trace began. */
  readonly offsetMs: number;
  readonly durationMs: number;
  /** At its beginning. */
  readonly queuedMs: number;
  readonly fault: string;
  readonly attributes: TraceAttributes;
  readonly links: readonly SpanName[];
}

export interface TraceSummary {
  readonly traceId: string;
  readonly name: string;
  readonly requestId: string;
  readonly canister: string;
  readonly method: string;
  /** Of the block that a call is in, or that the trace is about; null when there is none. */
  readonly height: number | null;
  /** `refused`: before it could enter a block. `open`: its request is not answered yet. */
  readonly status: 'ok' | 'pending' | 'refused' | 'fault' | 'open';
  readonly startUnixMs: number;
  readonly durationMs: number;
  readonly spans: number;
  /** How many different stages are there. */
  readonly stages: number;
  /** Spans whose parent is not there. */
  readonly orphans: number;
}

export interface Waterfall extends TraceSummary {
  /** Spans that were not kept: the trace has more than one may have. */
  readonly dropped: number;
  readonly rows: readonly WaterfallRow[];
}

export interface StageFigures {
  readonly stage: string;
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly queuedP50Ms: number;
  readonly queuedP95Ms: number;
}

/** Undefined while nothing is known of how it began. */
function entryOf({ spans }: StoredTrace): TraceSpan | undefined {
  const entries = spans.filter(({ entry }) => entry);
  return entries.find(({ attributes }) => REQUEST_ID in attributes) ?? entries[0];
}

export function summaryOf(trace: StoredTrace): TraceSummary {
  const { traceId, spans } = trace;
  const entry = entryOf(trace);
  const text = (name: string): string => String(entry?.attributes[name] ?? '');
  const heights = spans.map(({ attributes }) => attributes['internode.height']);
  const height = heights.find((found) => typeof found === 'number');
  const startUnixMs = entry?.startMs ?? Math.min(...spans.map(({ startMs }) => startMs));
  const endMs = entry?.endMs ?? Math.max(...spans.map((span) => span.endMs));
  return {
    traceId,
    name: entry?.name ?? spans[0]?.name ?? '',
    requestId: text(REQUEST_ID),
    canister: text('internode.canister_id'),
    method: text('internode.method'),
    height: typeof height === 'number' ? height : null,
    status: statusOf(entry, spans),
    startUnixMs,
    durationMs: endMs - startUnixMs,
    spans: spans.length,
    stages: new Set(spans.flatMap(({ stage }) => (stage === '' ? [] : stage))).size,
    orphans: orphansOf(spans),
  };
}

function orphansOf(spans: readonly TraceSpan[]): number {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ entry, parentId }) => !entry && !ids.has(parentId)).length;
}

function statusOf(
  entry: TraceSpan | undefined,
  spans: readonly TraceSpan[],
): TraceSummary['status'] {
  if (spans.some(({ fault }) => fault !== '')) return 'fault';
  if (entry === undefined) return 'open';
  if (spans.some(({ attributes }) => attributes['internode.refused'] === true)) return 'refused';
  const isPending = entry.attributes['http.response.status_code'] === 202;
  return isPending && !spans.some(({ stage }) => stage === 'publish') ? 'pending' : 'ok';
}

export function waterfallOf(trace: StoredTrace): Waterfall {
  const { spans, dropped } = trace;
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const childrenOf = new Map<string, TraceSpan[]>();
  const tops: TraceSpan[] = [];
  for (const span of [...spans].sort(inOrder)) {
    if (ids.has(span.parentId)) {
      const siblings = childrenOf.get(span.parentId) ?? [];
      siblings.push(span);
      childrenOf.set(span.parentId, siblings);
    } else {
      tops.push(span);
    }
  }
  const startMs = Math.min(...spans.map((span) => span.startMs));
  const rows: WaterfallRow[] = [];
  // Ids from outside may repeat: nobody is shown twice, however they point at each other.
  const shown = new Set<TraceSpan>();
  const show = (span: TraceSpan, depth: number): void => {
    if (shown.has(span)) return;
    shown.add(span);
    const { spanId, service, name, stage, queuedMs, fault, attributes, links } = span;
    const durationMs = span.endMs - span.startMs;
    const offsetMs = span.startMs - startMs;
    const times = { offsetMs, durationMs, queuedMs };
    rows.push({ spanId, depth, service, name, stage, ...times, fault, attributes, links });
    for (const child of childrenOf.get(spanId) ?? []) show(child, depth + 1);
  };
  for (const top of tops) show(top, 0);
  return { ...summaryOf(trace), dropped, rows };
}

function inOrder(left: TraceSpan, right: TraceSpan): number {
  const byStart = left.startMs - right.startMs;
  return byStart !== 0 ? byStart : rankOf(left) - rankOf(right);
}

function rankOf({ stage }: TraceSpan): number {
  return (CALL_STAGES as readonly string[]).indexOf(stage);
}

/** Of every stage that occurs, in the order in which calls pass them. */
export function stageFiguresOf(traces: readonly StoredTrace[]): StageFigures[] {
  const byStage = new Map<string, { durations: number[]; queues: number[] }>();
  for (const { spans } of traces) {
    for (const { stage, startMs, endMs, queuedMs } of spans) {
      if (stage === '') continue;
      const found = byStage.get(stage) ?? { durations: [], queues: [] };
      found.durations.push(endMs - startMs);
      found.queues.push(queuedMs);
      byStage.set(stage, found);
    }
  }
  const order = [...new Set([...CALL_STAGES, ...byStage.keys()])];
  return order.flatMap((stage) => {
    const found = byStage.get(stage);
    if (found === undefined) return [];
    const { durations, queues } = found;
    durations.sort((a, b) => a - b);
    queues.sort((a, b) => a - b);
    return {
      stage,
      count: durations.length,
      p50Ms: quantile(durations, 0.5),
      p95Ms: quantile(durations, 0.95),
      queuedP50Ms: quantile(queues, 0.5),
      queuedP95Ms: quantile(queues, 0.95),
    };
  });
}

function quantile(sorted: readonly number[], share: number): number {
  const index = Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1);
  return sorted[Math.max(0, index)] ?? 0;
}
