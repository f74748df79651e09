/** One step or request as others see it. `traceparent` is what its messages carry on. */
export interface Span {
  readonly traceparent: string;
  end(fault?: string): void;
}

export interface Tracer {
  /** Opens a span below `parent` (W3C trace context, or '' for a new trace). */
  begin(service: string, name: string, parent: string): Span;
}
