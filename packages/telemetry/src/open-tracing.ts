import { type Environment, samplerOf } from './tracing/sampler.ts';
import { Tracing } from './tracing/tracing.ts';

export interface TracesOptions {
  /** OpenTelemetry's variables. */
  readonly environment: Environment;
  /** Blocks of different subnets have different traces. */
  readonly subnet: string;
  /** Base URL of an OTLP receiver, if not from the environment. */
  readonly endpoint?: string;
}

export interface OpenTracing {
  readonly tracing: Tracing;
  close(): Promise<void>;
}

/** Undefined when nobody wants spans. */
export async function openTracing(
  { environment, subnet, endpoint }: TracesOptions,
  node: string,
  warn: (text: string) => void,
): Promise<OpenTracing | undefined> {
  const sampler = samplerOf(environment, warn);
  if (sampler === undefined) return undefined;
  const tracing = new Tracing({ sampler, subnet, node });
  const named =
    environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const isExported =
    environment['OTEL_TRACES_EXPORTER'] !== 'none' && (endpoint ?? named ?? '') !== '';
  if (!isExported) return { tracing, close: async () => {} };
  const { openOtlpExport } = await import('./otlp-export.ts');
  const exporting = openOtlpExport(environment, node, endpoint);
  tracing.addSink(exporting.add);
  return { tracing, close: () => exporting.close() };
}
