export type { Asked, CallerOptions, KeyOf, MessageOf, Question } from './caller.ts';
export { Caller } from './caller.ts';
export type { Core, Effect, Input, Instant } from './core.ts';
export type {
  Describe,
  Description,
  LogFields,
  LogLevel,
  MetricChange,
  MetricLabels,
} from './describe.ts';
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
  ServiceLimits,
  Startable,
} from './service.ts';
export { SERVICE_LIMITS, Service } from './service.ts';
export type { ShellEvent } from './shell-event.ts';
export type { SupervisorOptions } from './supervisor.ts';
export { CALM_MS, FAILURES_MAX, Supervisor } from './supervisor.ts';
export type { Span, Tracer } from './trace.ts';
