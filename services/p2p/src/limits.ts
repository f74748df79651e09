/** Every bound of this room, with what happens when it is met. */
import { assert } from '@internode/prelude';

export const P2P_LIMITS = {
  /** Admitted ingress that is not final yet; more is refused (protocol 3.4). */
  ingressMessagesMax: 50_000,
  ingressBytesMax: 256 * 1024 * 1024,
  /** The same per author, so that one cannot fill the pool; more is refused. */
  authorMessagesMax: 10_000,
  authorBytesMax: 64 * 1024 * 1024,
  /** One call, as the interface allows it; a larger one is refused. */
  ingressBytesEachMax: 2 * 1024 * 1024 + 64 * 1024,
  /** Ids that became final, remembered so that a repeated call is admitted without a second run. */
  finalIdsMax: 600_000,
  /** Ingress is offered to consensus again after so long, as much at a time as its pool can use. */
  offerAgainMs: 2_000,
  offerMessagesMax: 2_000,
  offerBytesMax: 8 * 1024 * 1024,
  /** Artifacts that this node offers to its peers; correct services stay far below (protocol 2.4). */
  slotsMax: 30_000,
  slotBytesMax: 512 * 1024 * 1024,
} as const;

assert(P2P_LIMITS.authorMessagesMax <= P2P_LIMITS.ingressMessagesMax, 'limits: author');
assert(P2P_LIMITS.ingressBytesEachMax <= P2P_LIMITS.authorBytesMax, 'limits: one call');
