// The newest traces of a replica, in memory: so many, with so many spans altogether; the oldest go first. Requests do not push out
// blocks, nor blocks requests.
import { SPANS_MAX, SPANS_OF_TRACE_MAX, TRACES_MAX } from '../limits.ts';
import { BLOCK_TRACE_PREFIX } from './blocks.ts';
import type { TraceSpan } from './trace-span.ts';

export interface StoredTrace {
  readonly traceId: string;
  readonly spans: TraceSpan[];
  /** Spans beyond what one trace may have. */
  dropped: number;
}

class Ring {
  readonly #byId = new Map<string, StoredTrace>();
  #spans = 0;

  get spans(): number {
    return this.#spans;
  }

  add(span: TraceSpan): readonly StoredTrace[] {
    let trace = this.#byId.get(span.traceId);
    if (trace === undefined) {
      trace = { traceId: span.traceId, spans: [], dropped: 0 };
      this.#byId.set(span.traceId, trace);
    }
    // What a trace began with is told last: there is always room for it.
    if (trace.spans.length >= SPANS_OF_TRACE_MAX && !span.entry) trace.dropped += 1;
    else if (trace.spans.length >= 2 * SPANS_OF_TRACE_MAX) trace.dropped += 1;
    else {
      trace.spans.push(span);
      this.#spans += 1;
    }
    return this.#forgetOldest();
  }

  get(traceId: string): StoredTrace | undefined {
    return this.#byId.get(traceId);
  }

  /** The newest first. */
  all(): StoredTrace[] {
    return [...this.#byId.values()].reverse();
  }

  #forgetOldest(): readonly StoredTrace[] {
    const forgotten: StoredTrace[] = [];
    for (const [id, trace] of this.#byId) {
      const isFull = this.#byId.size > TRACES_MAX || this.#spans > SPANS_MAX / 2;
      if (!isFull || this.#byId.size === 1) break;
      this.#byId.delete(id);
      this.#spans -= trace.spans.length;
      forgotten.push(trace);
    }
    return forgotten;
  }
}

export const REQUEST_ID = 'internode.request_id';

export class TraceStore {
  readonly #requests = new Ring();
  readonly #blocks = new Ring();
  readonly #byRequestId = new Map<string, string>();
  #recorded = 0;
  /** Told by processes that had no room for them. */
  lost = 0;

  readonly add = (span: TraceSpan): void => {
    this.#recorded += 1;
    const isBlock = span.traceId.startsWith(BLOCK_TRACE_PREFIX);
    const forgotten = (isBlock ? this.#blocks : this.#requests).add(span);
    const requestId = span.attributes[REQUEST_ID];
    if (span.entry && typeof requestId === 'string') this.#byRequestId.set(requestId, span.traceId);
    for (const trace of forgotten) this.#forget(trace);
  };

  get figures(): { readonly recorded: number; readonly kept: number; readonly lost: number } {
    const kept = this.#requests.spans + this.#blocks.spans;
    return { recorded: this.#recorded, kept, lost: this.lost };
  }

  /** By the id of a trace or of a request. */
  get(id: string): StoredTrace | undefined {
    const traceId = this.#byRequestId.get(id) ?? id;
    return this.#requests.get(traceId) ?? this.#blocks.get(traceId);
  }

  /** The newest first. */
  all(what: 'requests' | 'blocks'): StoredTrace[] {
    return (what === 'requests' ? this.#requests : this.#blocks).all();
  }

  #forget({ spans }: StoredTrace): void {
    for (const { entry, attributes, traceId } of spans) {
      const requestId = attributes[REQUEST_ID];
      if (!entry || typeof requestId !== 'string') continue;
      if (this.#byRequestId.get(requestId) === traceId) this.#byRequestId.delete(requestId);
    }
  }
}
