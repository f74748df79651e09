// What holds among several nodes of which some are not honest.
import type { Checker, Observed } from '@internode/sim';

/** A checker that hears only of these nodes; of users always. */
export function among(honest: ReadonlySet<string>, checker: Checker): Checker {
  return {
    ...checker,
    onEvent: (observed: Observed) =>
      honest.has(observed.node) ? checker.onEvent(observed) : undefined,
  };
}
