import type { Describe, Observe, ServiceFigures, Tracer } from '@internode/actor';
import { describeShell, isShellEvent } from './describe-shell.ts';
import { Log, type LogOptions } from './log.ts';
import { Metrics } from './metrics.ts';

export interface TelemetryOptions extends LogOptions {
  /** Base URL of an OTLP/HTTP receiver; without one no span is ever made and no SDK is loaded. */
  readonly otlpEndpoint?: string;
}

export interface Telemetry {
  readonly observe: Observe;
  readonly tracer: Tracer | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Tells how a service's events look. Without it they are not shown. */
  describe<Event>(service: string, describe: Describe<Event>): void;
  /** Shows a shell's own figures (mailbox, steps, effects) among the metrics. */
  watch(service: string, figures: () => ServiceFigures): void;
  /** Sends what is still waiting to be sent, for at most a second. */
  close(): Promise<void>;
}

/** The SDK for spans is loaded only when somebody listens. */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const log = new Log(options);
  const metrics = new Metrics();
  const describes = new Map<string, Describe<never>>();
  const spans =
    options.otlpEndpoint === undefined
      ? undefined
      : (await import('./spans.ts')).openSpans(options.otlpEndpoint, options.node);
  return {
    log,
    metrics,
    tracer: spans?.tracer,
    observe: (service, event) => {
      const description = isShellEvent(event)
        ? describeShell(event)
        : describes.get(service)?.(event as never);
      if (description === undefined) return;
      const line = description.log;
      if (line !== undefined) log.line(service, line.level, line.text, line.fields);
      for (const change of description.metrics ?? []) metrics.change(service, change);
    },
    describe: (service, describe) => {
      describes.set(service, describe as Describe<never>);
    },
    watch: (service, figures) => metrics.collect(() => setFigures(metrics, service, figures())),
    close: async () => {
      await spans?.close();
    },
  };
}

function setFigures(metrics: Metrics, service: string, figures: ServiceFigures): void {
  const { mailbox } = figures;
  const gauge = (name: string, value: number, lane: string): void =>
    metrics.change(service, { kind: 'gauge', name, value, labels: { lane } });
  for (const lane of ['control', 'bulk'] as const) {
    gauge('mailbox_depth', mailbox.depth[lane], lane);
    gauge('mailbox_bytes', mailbox.bytes[lane], lane);
  }
  metrics.setCount(service, 'steps_total', figures.steps);
  metrics.setCount(service, 'step_seconds_total', figures.stepMsTotal / 1000);
  metrics.setCount(service, 'mailbox_wait_seconds_total', mailbox.waitMsTotal / 1000);
  for (const [effect, count] of Object.entries(figures.effects)) {
    metrics.setCount(service, 'effects_total', count, { effect });
  }
}
