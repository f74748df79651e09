import type { Describe, Observe, ServiceFigures } from '@internode/actor';
import { describeShell, isShellEvent } from './describe-shell.ts';
import { Log, type LogOptions } from './log.ts';
import { Metrics } from './metrics.ts';
import { openTracing, type TracesOptions } from './open-tracing.ts';
import type { Tracing } from './tracing/tracing.ts';

export interface TelemetryOptions extends LogOptions {
  /** Without them nothing is traced. */
  readonly traces?: TracesOptions;
}

export interface Telemetry {
  readonly observe: Observe;
  /** Undefined when nobody wants spans: then they cost nothing. */
  readonly tracer: Tracing | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Tells how a service's events look. Without it they are not shown. */
  describe<Event>(service: string, describe: Describe<Event>): void;
  /** Shows a shell's own figures (mailbox, steps, effects) among the metrics. */
  watch(service: string, figures: () => ServiceFigures): void;
  /** Sends what is still waiting to be sent, for at most a second. */
  close(): Promise<void>;
}

/** OpenTelemetry's SDK is loaded only when spans are to be sent. */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const log = new Log(options);
  const metrics = new Metrics();
  const describes = new Map<string, Describe<never>>();
  const warn = (text: string): void => log.line('telemetry', 'warn', text);
  const opened = options.traces && (await openTracing(options.traces, options.node, warn));
  return {
    log,
    metrics,
    tracer: opened?.tracing,
    observe: (service, event) => {
      const description = isShellEvent(event)
        ? describeShell(event)
        : describes.get(service)?.(event as never);
      if (description === undefined) return;
      const line = description.log;
      if (line !== undefined) log.line(service, line.level, line.text, line.fields);
      for (const change of description.metrics ?? []) metrics.change(service, change);
      if (description.block !== undefined) opened?.tracing.observed(description.block);
    },
    describe: (service, describe) => {
      describes.set(service, describe as Describe<never>);
    },
    watch: (service, figures) => metrics.collect(() => setFigures(metrics, service, figures())),
    close: async () => {
      await opened?.close();
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
