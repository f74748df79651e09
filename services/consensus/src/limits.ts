/** Every bound of this room, with what happens when it is met. */
import { assert } from '@internode/prelude';

export const CONSENSUS_LIMITS = {
  /** A fuller block is never made and never accepted (protocol 2.5). */
  payloadBytesMax: 4 * 1024 * 1024,
  payloadMessagesMax: 1_000,
  /** Ingress waiting for a block; more is dropped, and p2p offers it again. */
  ingressMessagesMax: 20_000,
  ingressBytesMax: 64 * 1024 * 1024,
  /** Of what peers bring, which may be as much again: one author's part; more is dropped. A peer's part is 1 / (f + 1). */
  ingressPerAuthorMax: 4_000,
  ingressBytesPerAuthorMax: 16 * 1024 * 1024,
  /** Byte-different messages with one request id; more are dropped, a block may still name them. */
  ingressVersionsMax: 4,
  /** Calls of one peer whose signatures are not checked yet; more are dropped. */
  unprovenPerPeerMax: 2_000,
  unprovenBytesPerPeerMax: 16 * 1024 * 1024,
  /** Calls checked in one task of the solver: few enough that votes hardly wait for it. */
  inspectedAtOnceMax: 32,
  inspectedBytesAtOnceMax: 1024 * 1024,
  /** Calls whose signatures were judged, by the hash of their bytes, the oldest forgotten first. */
  ingressVerdictsMax: 32_768,
  /** Bodies missing for a block are asked for again after so long, each time twice as long, up to … */
  bodiesAgainMs: 100,
  bodiesAgainMaxMs: 2_000,
  /** Request ids remembered as final until they expire, oldest forgotten first (protocol 2.5). */
  recentIdsMax: 600_000,
  /** How far ahead of a block's time an ingress expiry may lie: TTL and drift. */
  ingressAheadNanos: 330_000_000_000n,
  /** Notarised heights without certification or catch-up package: nothing is notarised beyond (protocol 2.4). */
  hardGap: 70,
  /** Heights above the own ones from which shares are kept; certificates and blocks up to `hardGap`. */
  lookAhead: 10,
  /** Unvalidated artifacts of one peer; more are dropped. */
  unvalidatedPerPeerMax: 1_024,
  unvalidatedBytesPerPeerMax: 32 * 1024 * 1024,
  /** Artifacts judged for ever that are remembered, the oldest forgotten first. */
  settledIdsMax: 16_384,
  /** Final heights kept for peers that lag (protocol 2.4: minimum chain length). */
  chainKept: 50,
  /** Journal entries of heights that the state holds, before the journal is compacted. */
  compactHeights: 256,
  compactBytes: 16 * 1024 * 1024,
  /** What is missing is asked for again after so long. */
  askAgainMs: 250,
  /** A batch that execution has not finished is said again after so long: it may be lost, or long. */
  batchAgainMs: 2_000,
  /** Final heights that the state does not hold durably: no block is made beyond. */
  uncommittedHeightsMax: 2_000,
  uncommittedBytesMax: 512 * 1024 * 1024,
} as const;

assert(CONSENSUS_LIMITS.lookAhead < CONSENSUS_LIMITS.hardGap, 'limits: lookAhead');
assert(
  CONSENSUS_LIMITS.ingressBytesMax >= CONSENSUS_LIMITS.payloadBytesMax,
  'limits: a full block must fit into the pool',
);
assert(
  CONSENSUS_LIMITS.unvalidatedBytesPerPeerMax > 2 * CONSENSUS_LIMITS.payloadBytesMax,
  'limits: a full block must be receivable',
);
