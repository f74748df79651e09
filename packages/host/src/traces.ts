// Spans of a node's processes come together where they are kept: in the process of the gateway.
import {
  GATEWAY_HERE_MS,
  GATEWAY_SILENT_MS,
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
  let cancel = (): void => {};
  const sayHere = (): void => {
    caller.tell({ kind: 'CallFollowed', requestId: new Uint8Array(0), traceparent: '' });
    cancel = host.clock.after(GATEWAY_HERE_MS, sayHere);
  };
  host.defer(() => cancel());
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
  // After the subscription, on the same connection: who hears it is heard.
  sayHere();
}

/** Of any process but a gateway's: follows the calls of which a gateway tells, and tells the gateways what became of them. */
export function tellTraces(host: Host, unit: string): void {
  const { tracer } = host.telemetry;
  if (tracer === undefined) return;
  const caller = speakerOf(host, unit);
  let heardMs = Number.NEGATIVE_INFINITY;
  caller.listen('CallFollowed', ({ requestId, traceparent }) => {
    heardMs = host.clock.now().ms;
    tracer.follow({ requestId, attributes: {} }, traceparent);
  });
  tellSpans(host, unit, () => host.clock.now().ms - heardMs < GATEWAY_SILENT_MS);
}

/** Tells the spans of this process to every gateway but itself, as soon as one hears: a broker keeps nothing for who is not there yet. */
export function tellSpans(host: Host, unit: string, isHeard: () => boolean = () => true): void {
  const { tracer } = host.telemetry;
  if (tracer === undefined) return;
  const caller = speakerOf(host, unit);
  const tell = (): void => {
    if (!isHeard()) {
      host.clock.after(OUTLET_MS, tell);
      return;
    }
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
