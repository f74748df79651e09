export { SystemClock } from './clock.ts';
export { lockDataDir } from './data-dir.ts';
export type { Host, HostOptions, Running } from './host.ts';
export { openHost } from './host.ts';
