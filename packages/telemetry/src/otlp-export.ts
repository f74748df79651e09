// The only file that knows OpenTelemetry's SDK; loaded when somebody wants spans. Its exporter reads OTEL_EXPORTER_OTLP_* itself.
import { randomBytes } from 'node:crypto';
import { type HrTime, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace';
import { allAttributesOf, isServer } from './tracing/otlp-json.ts';
import type { Environment } from './tracing/sampler.ts';
import type { SpanName, SpanSink, TraceSpan } from './tracing/trace-span.ts';

export interface OtlpExport {
  readonly add: SpanSink;
  /** Sends what is still waiting to be sent, for at most a second. */
  close(): Promise<void>;
}

const CLOSE_MS_MAX = 1000;
const SCHEDULE_DELAY_MS = 500;
const QUEUE_MAX = 8192;

/** `endpoint` is for tests and hosts that read no environment: the base URL. */
export function openOtlpExport(
  environment: Environment,
  node: string,
  endpoint?: string,
): OtlpExport {
  const url = endpoint && `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const number = (name: string, otherwise: number): number => {
    const value = Number(environment[name]);
    return value > 0 && Number.isSafeInteger(value) ? value : otherwise;
  };
  const processor = new BatchSpanProcessor({
    exporter: new OTLPTraceExporter(url ? { url } : {}),
    scheduledDelayMillis: number('OTEL_BSP_SCHEDULE_DELAY', SCHEDULE_DELAY_MS),
    maxQueueSize: number('OTEL_BSP_MAX_QUEUE_SIZE', QUEUE_MAX),
    maxExportBatchSize: number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512),
    exportTimeoutMillis: number('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
  });
  const instance = `${node}-${randomBytes(4).toString('hex')}`;
  const resources = new Map<string, Resource>();
  const resourceOf = (service: string): Resource => {
    let resource = resources.get(service);
    if (resource === undefined) {
      resource = resourceFromAttributes({
        'service.namespace': 'internode',
        'service.name': `internode-${service}`,
        'service.instance.id': instance,
        ...resourceAttributesOf(environment['OTEL_RESOURCE_ATTRIBUTES'] ?? ''),
        ...(environment['OTEL_SERVICE_NAME'] && {
          'service.name': environment['OTEL_SERVICE_NAME'],
        }),
      });
      resources.set(service, resource);
    }
    return resource;
  };
  return {
    add: (span) => processor.onEnd(readableOf(span, resourceOf(span.service))),
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS_MAX);
      });
      await Promise.race([processor.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}

/** `key=value` by commas, values percent-encoded; what is malformed is left out. */
function resourceAttributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const [key = '', value] = pair.split('=').map((part) => part.trim());
    if (key === '' || value === undefined) continue;
    try {
      attributes[key] = decodeURIComponent(value);
    } catch {
      // Not encoded as it should be.
    }
  }
  return attributes;
}

const SCOPE = { name: 'internode' };
const OK = { code: SpanStatusCode.UNSET };

function readableOf(span: TraceSpan, resource: Resource): ReadableSpan {
  const { traceId, parentId, fault } = span;
  const context = contextOf(span);
  return {
    name: `${span.service} ${span.name}`,
    kind: isServer(span) ? SpanKind.SERVER : SpanKind.INTERNAL,
    spanContext: () => context,
    ...(parentId !== '' && { parentSpanContext: contextOf({ traceId, spanId: parentId }) }),
    startTime: timeOf(span.startMs),
    endTime: timeOf(span.endMs),
    duration: timeOf(span.endMs - span.startMs),
    status: fault === '' ? OK : { code: SpanStatusCode.ERROR, message: fault },
    attributes: allAttributesOf(span),
    links: span.links.map((link) => ({ context: contextOf(link) })),
    events: [],
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function contextOf({ traceId, spanId }: SpanName) {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

function timeOf(ms: number): HrTime {
  const micros = Math.round(ms * 1000);
  const seconds = Math.floor(micros / 1_000_000);
  return [seconds, (micros - seconds * 1_000_000) * 1000];
}
