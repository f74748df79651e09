// Spans of a node's processes come together where they are kept: in the process of the gateway.
import {
  messageOf,
  OUTLET_MS,
  SpanOutlet,
  spanOf,
  TracePages,
  TraceStore,
} from '@internode/telemetry';
import type { Host } from './host.ts';
import { speakerOf } from './speaker.ts';

/** Keeps the newest traces of this process, and of `others` by their units' names. Undefined when nothing is traced. */
export function keepTraces(host: Host, others: readonly string[] = []): TracePages | undefined {
  const { tracer, metrics } = host.telemetry;
  if (tracer === undefined) return undefined;
  const store = new TraceStore();
  tracer.addSink(store.add);
  metrics.collect(() => {
    const { recorded, kept, lost } = store.figures;
    metrics.setCount('traces', 'spans_recorded_total', recorded);
    metrics.setCount('traces', 'spans_lost_total', lost);
    metrics.change('traces', { kind: 'gauge', name: 'spans_kept', value: kept });
  });
  if (others.length > 0) hearOthers(host, store, others);
  return new TracePages(store, host.place.node);
}

function hearOthers(host: Host, store: TraceStore, others: readonly string[]): void {
  const caller = speakerOf(host, 'gateway');
  host.telemetry.tracer?.onFollow(({ requestId }, traceparent) =>
    caller.tell({ kind: 'CallFollowed', requestId, traceparent }),
  );
  caller.listen('SpansRecorded', ({ service, spans, dropped }) => {
    if (!others.includes(service)) return;
    store.lost += dropped;
    for (const message of spans) {
      const span = spanOf(message);
      if (span !== undefined) store.add(span);
    }
  });
}

/** Of any process but a gateway's: follows the calls of which a gateway tells, and tells the gateways what became of them. */
export function tellTraces(host: Host, unit: string): void {
  const { tracer } = host.telemetry;
  if (tracer === undefined) return;
  const caller = speakerOf(host, unit);
  caller.listen('CallFollowed', ({ requestId, traceparent }) =>
    tracer.follow({ requestId, attributes: {} }, traceparent),
  );
  tellSpans(host, unit);
}

/** Tells the spans of this process to every gateway but itself. */
export function tellSpans(host: Host, unit: string): void {
  const { tracer } = host.telemetry;
  if (tracer === undefined) return;
  const caller = speakerOf(host, unit);
  const tell = (): void => {
    const batch = outlet.take();
    if (batch === undefined) return;
    const { spans, dropped } = batch;
    caller.tell({ kind: 'SpansRecorded', service: unit, spans: spans.map(messageOf), dropped });
    host.clock.after(OUTLET_MS, tell);
  };
  // Runs only while there is something to tell.
  const outlet = new SpanOutlet(() => host.clock.after(OUTLET_MS, tell));
  tracer.addSink(outlet.add);
}
