export type { LogOptions } from './log.ts';
export { Log } from './log.ts';
export { Metrics } from './metrics.ts';
export type { Telemetry, TelemetryOptions } from './telemetry.ts';
export { openTelemetry } from './telemetry.ts';
