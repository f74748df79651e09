/** An event as the world saw it. */
export interface Observed {
  readonly ms: number;
  readonly node: string;
  readonly service: string;
  /** A core's event or a `ShellEvent`; discriminated by `kind`. */
  readonly event: { readonly kind: string };
}

/** Watches a run for one property. A text says how it was violated and ends the run. */
export interface Checker {
  readonly name: string;
  onEvent(observed: Observed): string | undefined;
  /** Whether what should happen in the liveness phase has happened; without it nothing needs to. */
  isContent?(): boolean;
  /** After the liveness phase: what should have happened by now. */
  atEnd(nowMs: number): string | undefined;
}
