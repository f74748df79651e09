export { SystemClock } from './clock.ts';
export { openHost } from './host.ts';
export type { Host, HostOptions, Running } from './host.ts';
