export type { Asked, CallerOptions, KeyOf, MessageOf, Question } from './caller.ts';
export { Caller } from './caller.ts';
export type { Core, Effect, Input, Instant } from './core.ts';
export type {
  BlockFact,
  Describe,
  Description,
  LogFields,
  LogLevel,
  MetricChange,
  MetricLabels,
} from './describe.ts';
export { HANDED_BYTES_MAX, type Handed } from './handed.ts';
export type { Hearing, Subjects } from './hearing.ts';
export type {
  Lane,
  LaneLimits,
  MailboxFigures,
  MailboxLimits,
  Offered,
  Offering,
  WhenFull,
} from './mailbox.ts';
export { Mailbox } from './mailbox.ts';
export type {
  Bus,
  Cancel,
  Clock,
  Entropy,
  Envelope,
  Journal,
  Observe,
  Ports,
  Solver,
} from './ports.ts';
export { scopedBus } from './scoped-bus.ts';
export type {
  Birth,
  OnFailed,
  ServiceDefinition,
  ServiceFigures,
  Startable,
} from './service.ts';
export { Service } from './service.ts';
export type { ServiceLimits } from './service-limits.ts';
export { SERVICE_LIMITS } from './service-limits.ts';
export type { ShellEvent } from './shell-event.ts';
export type { SupervisorOptions } from './supervisor.ts';
export { CALM_MS, FAILURES_MAX, Supervisor } from './supervisor.ts';
export type { FollowedCall, RequestTrace, Span, TraceAttributes, Tracer } from './trace.ts';
