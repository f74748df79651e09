export { GATEWAY_HERE_MS, GATEWAY_SILENT_MS, OUTLET_MS } from './limits.ts';
export type { LogOptions } from './log.ts';
export { Log } from './log.ts';
export { Metrics } from './metrics.ts';
export type { TracesOptions } from './open-tracing.ts';
export type { Telemetry, TelemetryOptions } from './telemetry.ts';
export { openTelemetry } from './telemetry.ts';
export { messageOf, spanOf } from './tracing/span-message.ts';
export { SpanOutlet } from './tracing/span-outlet.ts';
export { TracePages } from './tracing/trace-pages.ts';
export type { SpanSink, TraceSpan } from './tracing/trace-span.ts';
export { TraceStore } from './tracing/trace-store.ts';
export { Tracing } from './tracing/tracing.ts';
export type {
  StageFigures,
  TraceSummary,
  Waterfall,
  WaterfallRow,
} from './tracing/waterfall.ts';
