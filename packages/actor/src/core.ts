import type { Message } from '@internode/contracts';

/**
 * A reading of both clocks, taken once per step. `ms` is strictly monotonic and has no meaning outside this process;
 * `unixNanos` is wall time, which may jump.
 */
export interface Instant {
  readonly ms: number;
  readonly unixNanos: bigint;
}

/** What a core is told. `Answer` is what its solver answers with. */
export type Input<Answer> =
  /** One entry of the own journal, oldest first, before anything else. Effects other than state changes are muted. */
  | { readonly kind: 'replayed'; readonly entry: Uint8Array }
  /** Replay is over, the bus is open: say Readiness, ask for what is missing. Exactly once. */
  | { readonly kind: 'started' }
  | { readonly kind: 'message'; readonly message: Message; readonly sender: string }
  /** A `wait` is over. */
  | { readonly kind: 'timer'; readonly token: string }
  /** The answer to the `solve` with this id. */
  | { readonly kind: 'solved'; readonly id: string; readonly answer: Answer };

/** What a core asks of its shell. Plain data, performed in order. */
export type Effect<Task, Event> =
  | { readonly kind: 'publish'; readonly message: Message }
  /** Append to the journal; perform `then` only when the entry is durable. */
  | {
      readonly kind: 'persist';
      readonly entry: Uint8Array;
      readonly then: readonly Effect<Task, Event>[];
    }
  /** Replace the whole journal by these entries (atomically): they re-create the state of now. */
  | { readonly kind: 'compact'; readonly entries: readonly Uint8Array[] }
  /** Tell `timer` after the delay. A second wait with the same token replaces the first. */
  | { readonly kind: 'wait'; readonly token: string; readonly delayMs: number }
  | { readonly kind: 'cancel'; readonly token: string }
  /** Heavy or impure work, off the step. Answered once by `solved`, in any order; lost when the process dies. */
  | { readonly kind: 'solve'; readonly id: string; readonly task: Task }
  /** A fact for observers. Changes nothing. */
  | { readonly kind: 'observe'; readonly event: Event };

/** A protocol as a value: told an input, answers with effects. Synchronous, total, without time or randomness of its own. */
export interface Core<Task, Answer, Event> {
  step(now: Instant, input: Input<Answer>): readonly Effect<Task, Event>[];
}
