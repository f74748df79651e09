import type { Place } from '@internode/contracts';
import type { Instant } from './core.ts';
import type { Handed } from './handed.ts';
import type { Tracer } from './trace.ts';

/** What travels on a bus. Ids are 16 lower-case hex digits; `cause` is the id of the message being handled, or ''. */
export interface Envelope {
  readonly id: string;
  readonly cause: string;
  /** Name of the sending service. */
  readonly sender: string;
  readonly subject: string;
  /** W3C trace context, or ''. */
  readonly traceparent: string;
  readonly body: Uint8Array;
  /** What the body says, on a bus that hands messages over: then the body is encoded only when somebody looks at it. */
  readonly handed?: Handed | undefined;
}

export type Cancel = () => void;

/**
 * Weak on purpose: may drop, repeat and reorder. Delivery is never synchronous within `publish`. Of the subscribers that name the same
 * group one hears each message, so that work spreads over them; those that name none hear all.
 */
export interface Bus {
  /** All that it carries stays in this thread, and whoever hears a message may have the very object that was said. */
  readonly handsOver?: boolean | undefined;
  publish(envelope: Envelope): void;
  subscribe(subject: string, deliver: (envelope: Envelope) => void, group?: string): Cancel;
}

export interface Clock {
  now(): Instant;
  after(delayMs: number, fire: () => void): Cancel;
  /** Runs after everyone else who is waiting, input and output included, had a turn. */
  soon(run: () => void): void;
}

export interface Entropy {
  fill(bytes: Uint8Array): void;
}

/**
 * Append-only log. `durable` is called once the entry and all before it survive a power cut, and never within `append`.
 * `replay` visits what survived, in order; a torn tail is dropped. `compact` replaces everything atomically: what was
 * appended before it is gone, what is appended after it follows. A failing disk delays `durable`, for ever if need be.
 */
export interface Journal {
  append(entry: Uint8Array, durable: () => void): void;
  replay(visit: (entry: Uint8Array) => void): void;
  compact(entries: readonly Uint8Array[], durable: () => void): void;
}

/** Heavy pure functions and slow adapters by name, off the step. Answers exactly once unless the process dies. */
export interface Solver<Task, Answer> {
  solve(task: Task, answer: (result: Answer) => void): void;
}

/** Telemetry's way in. Returns nothing, so that it can change nothing. */
export type Observe = (service: string, event: unknown) => void;

/** The world as one record. */
export interface Ports<Task = never, Answer = never> {
  readonly place: Place;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly journal: Journal;
  readonly solver: Solver<Task, Answer>;
  readonly observe: Observe;
  /** Absent when nobody looks at spans: then they cost nothing. */
  readonly tracer?: Tracer;
}
