export { Log } from './log.ts';
export type { LogOptions } from './log.ts';
export { Metrics } from './metrics.ts';
export { openTelemetry } from './telemetry.ts';
export type { Telemetry, TelemetryOptions } from './telemetry.ts';
