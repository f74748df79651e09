export { SystemClock } from './clock.ts';
export type { Host, HostOptions, Running } from './host.ts';
export { openHost } from './host.ts';
