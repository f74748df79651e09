// A trace in OTLP's JSON, as any backend takes it at /v1/traces.
import type { TraceAttributes } from '@internode/actor';
import type { TraceSpan } from './trace-span.ts';

const INTERNAL = 1;
const SERVER = 2;
const ERROR = 2;

/** Grouped by service, each with a resource of its own. */
export function otlpJsonOf(spans: readonly TraceSpan[], node: string): object {
  const byService = new Map<string, TraceSpan[]>();
  for (const span of spans)
    byService.set(span.service, [...(byService.get(span.service) ?? []), span]);
  return {
    resourceSpans: [...byService].map(([service, own]) => ({
      resource: {
        attributes: attributesOf({
          'service.namespace': 'internode',
          'service.name': `internode-${service}`,
          'service.instance.id': node,
        }),
      },
      scopeSpans: [{ scope: { name: 'internode' }, spans: own.map(spanOf) }],
    })),
  };
}

function spanOf(span: TraceSpan): object {
  const { traceId, spanId, parentId, name, links, fault } = span;
  return {
    traceId,
    spanId,
    ...(parentId !== '' && { parentSpanId: parentId }),
    name: `${span.service} ${name}`,
    kind: isServer(span) ? SERVER : INTERNAL,
    startTimeUnixNano: nanosOf(span.startMs),
    endTimeUnixNano: nanosOf(span.endMs),
    attributes: attributesOf(allAttributesOf(span)),
    links: links.map((link) => ({ traceId: link.traceId, spanId: link.spanId })),
    status: fault === '' ? {} : { code: ERROR, message: fault },
  };
}

export function isServer({ service, entry }: TraceSpan): boolean {
  return entry && service === 'gateway';
}

/** Its own, its stage and its waiting. */
export function allAttributesOf({ attributes, stage, queuedMs }: TraceSpan): TraceAttributes {
  return {
    ...attributes,
    ...(stage !== '' && { 'internode.stage': stage }),
    ...(queuedMs > 0 && { 'internode.queue_ms': queuedMs }),
  };
}

function nanosOf(unixMs: number): string {
  return String(BigInt(Math.round(unixMs * 1000)) * 1000n);
}

function attributesOf(attributes: TraceAttributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValueOf(value) }));
}

function anyValueOf(value: string | number | boolean): object {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'string') return { stringValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
