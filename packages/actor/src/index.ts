export type { Core, Effect, Input, Instant } from './core.ts';
export type { Bus, Cancel, Clock, Entropy, Envelope, Journal, Observe, Ports, Solver } from './ports.ts';
