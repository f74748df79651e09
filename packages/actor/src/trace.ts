// What a shell tells whoever follows calls through the services. Cores know nothing of it. Told by position: most steps belong to
// nothing that is followed, and must not cost an object.
import type { Message } from '@internode/contracts';
import type { Input } from './core.ts';

/** One step as others see it. `traceparent` is what its messages carry on. */
export interface Span {
  readonly traceparent: string;
  end(fault?: string): void;
}

export interface Tracer {
  /**
   * A step begins; its input waited since `offeredMs` (the clock's). `traceparent` is W3C trace context, or ''. Answers undefined
   * when nobody follows it, or a stage shows it already.
   */
  step(
    service: string,
    input: Input<unknown>,
    traceparent: string,
    offeredMs: number,
    nowMs: number,
  ): Span | undefined;
  /** Whether what the service says, or a timer that it sets, belongs to what it was told. */
  carries(service: string, timer?: string): boolean;
  /** The service says this now. Answers what the message carries; `traceparent` is what it would inherit. */
  said(service: string, message: Message, traceparent: string): string;
  /** A request from outside. Undefined when it is not followed. `parent` is the client's trace context, or ''. */
  request(name: string, parent: string): RequestTrace | undefined;
}

/** A request from outside, from its arrival to its answer. */
export interface RequestTrace {
  readonly traceparent: string;
  /** From now on its stages are followed wherever it passes. */
  follow(call: FollowedCall): void;
  /** A stage that ended just now; `fromMs` is the clock's. */
  stage(name: string, fromMs: number): void;
  /** `fault` when it was not answered as it should. */
  end(attributes: TraceAttributes, fault?: string): void;
}

export interface FollowedCall {
  readonly requestId: Uint8Array;
  /** Of the caller's and the canister's names as people write them, and the like. */
  readonly attributes: TraceAttributes;
}

export type TraceAttributes = Readonly<Record<string, string | number | boolean>>;
