// Spans as processes of a node tell them to the one that keeps them.
import type { TraceAttributes } from '@internode/actor';
import type { RecordedSpan, SpanAttribute } from '@internode/contracts';
import { fromHex, toHex } from '@internode/prelude';
import { ATTRIBUTES_MAX, LINKS_MAX, TEXT_MAX } from '../limits.ts';
import type { TraceSpan } from './trace-span.ts';

export function messageOf(span: TraceSpan): RecordedSpan {
  const { traceId, spanId, parentId, entry, service, name, stage, fault } = span;
  return {
    traceId: fromHex(traceId),
    spanId: fromHex(spanId),
    parentId: fromHex(parentId),
    entry,
    service,
    name,
    stage,
    startMicros: Math.round(span.startMs * 1000),
    durationMicros: Math.max(0, Math.round((span.endMs - span.startMs) * 1000)),
    queuedMicros: Math.max(0, Math.round(span.queuedMs * 1000)),
    fault: fault.slice(0, TEXT_MAX),
    attributes: Object.entries(span.attributes).map(([attribute, value]) => ({
      name: attribute,
      text: String(value),
      numeric: typeof value === 'number',
    })),
    links: span.links.map((link) => ({
      traceId: fromHex(link.traceId),
      spanId: fromHex(link.spanId),
    })),
  };
}

/** Undefined when ids are none. Whatever is too long is cut. */
export function spanOf(message: RecordedSpan): TraceSpan | undefined {
  const { traceId, spanId, parentId } = message;
  if (traceId.length !== 16 || spanId.length !== 8) return undefined;
  if (parentId.length !== 8 && parentId.length !== 0) return undefined;
  const startMs = message.startMicros / 1000;
  return {
    traceId: toHex(traceId),
    spanId: toHex(spanId),
    parentId: toHex(parentId),
    entry: message.entry,
    service: message.service.slice(0, TEXT_MAX),
    name: message.name.slice(0, TEXT_MAX),
    stage: message.stage.slice(0, TEXT_MAX),
    startMs,
    endMs: startMs + message.durationMicros / 1000,
    queuedMs: message.queuedMicros / 1000,
    fault: message.fault.slice(0, TEXT_MAX),
    attributes: attributesOf(message.attributes.slice(0, ATTRIBUTES_MAX)),
    links: message.links.slice(0, LINKS_MAX).flatMap((link) => {
      if (link.traceId.length !== 16 || link.spanId.length !== 8) return [];
      return { traceId: toHex(link.traceId), spanId: toHex(link.spanId) };
    }),
  };
}

function attributesOf(attributes: readonly SpanAttribute[]): TraceAttributes {
  return Object.fromEntries(
    attributes.map(({ name, text, numeric }) => [
      name.slice(0, TEXT_MAX),
      numeric ? Number(text) || 0 : text === 'true' || text.slice(0, TEXT_MAX),
    ]),
  );
}
