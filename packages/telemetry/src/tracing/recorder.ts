// Where spans go, and their common parts.
import type { TraceAttributes } from '@internode/actor';
import { newSpanId, type SpanName, type SpanSink, type TraceSpan } from './trace-span.ts';

export interface Timing {
  /** The clock of steps, and what to add to it for milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly unixOffsetMs: () => number;
}

export interface Stage {
  readonly service: string;
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly queuedMs?: number;
  readonly attributes?: TraceAttributes;
  readonly links?: readonly SpanName[];
}

/** A span with what it need not have. Times are the clock's. */
export type Recorded = SpanName &
  Stage & {
    readonly parentId: string;
    readonly entry: boolean;
    readonly fault?: string;
    readonly stage?: string;
  };

const NO_ATTRIBUTES: TraceAttributes = {};
const NO_LINKS: readonly SpanName[] = [];

export class Recorder {
  readonly timing: Timing;
  readonly #sinks: SpanSink[] = [];

  constructor(timing: Timing) {
    this.timing = timing;
  }

  addSink(sink: SpanSink): void {
    this.#sinks.push(sink);
  }

  /** One stage of what `parent` names. */
  stage(parent: SpanName, stage: string, what: Stage): void {
    const { traceId, spanId: parentId } = parent;
    this.record({ ...what, traceId, spanId: newSpanId(), parentId, entry: false, stage });
  }

  record(span: Recorded): void {
    const offsetMs = this.timing.unixOffsetMs();
    const recorded: TraceSpan = {
      traceId: span.traceId,
      spanId: span.spanId,
      parentId: span.parentId,
      entry: span.entry,
      service: span.service,
      name: span.name,
      stage: span.stage ?? '',
      startMs: offsetMs + span.fromMs,
      endMs: offsetMs + span.toMs,
      queuedMs: span.queuedMs ?? 0,
      fault: span.fault ?? '',
      attributes: span.attributes ?? NO_ATTRIBUTES,
      links: span.links ?? NO_LINKS,
    };
    for (const sink of this.#sinks) sink(recorded);
  }
}
