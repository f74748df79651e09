// The only file that knows OpenTelemetry's SDK; loaded when an endpoint is set.
import { randomBytes } from 'node:crypto';
import type { Span, Tracer } from '@internode/actor';
import { type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

export interface Spans {
  readonly tracer: Tracer;
  close(): Promise<void>;
}

const CLOSE_MS_MAX = 1000;

export function openSpans(endpoint: string, node: string): Spans {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'internode',
      'service.instance.id': `${node}-${randomBytes(4).toString('hex')}`,
    }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter, scheduledDelayMillis: 500, maxQueueSize: 8192 }),
    ],
  });
  return {
    tracer: {
      begin: (service, name, parent): Span => {
        const span = provider
          .getTracer(service)
          .startSpan(`${service} ${name}`, { kind: SpanKind.CONSUMER }, contextOf(parent));
        const { traceId, spanId, traceFlags } = span.spanContext();
        return {
          traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
          end: (fault) => {
            if (fault !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: fault });
            span.end();
          },
        };
      },
    },
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS_MAX);
      });
      await Promise.race([provider.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}

/** A malformed parent starts a new trace. */
function contextOf(traceparent: string): Context {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent);
  if (match === null) return ROOT_CONTEXT;
  const [, traceId = '', spanId = '', flags = ''] = match;
  const traceFlags = Number.parseInt(flags, 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
