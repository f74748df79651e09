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
  /** So many times in vain, and who has the block is asked for the bodies themselves. */
  bodyAsksBeforeQuestion: 3,
  /** Request ids remembered as final until they expire, oldest forgotten first (protocol 2.5). */
  recentIdsMax: 600_000,
  /** How far ahead of a block's time an ingress expiry may lie: TTL and drift. */
  ingressAheadNanos: 330_000_000_000n,
  /** Notarised heights without certification or catch-up package: nothing is notarised beyond (protocol 2.4). */
  hardGap: 70,
  /** Members up to which votes are lists (limits.md 5.5), and the hard gap above (protocol 8.7). */
  listVotesMax: 40,
  hardGapOfMany: 20,
  /** Ranks that propose in their turn; later ones wait two units more (protocol 8.3). */
  ranksAtOnce: 26,
  /** Blocks of one height and purpose for which votes of one member are kept unchecked; more are dropped. */
  votedBlocksMax: 3,
  /** Who puts votes together: at first, but no more than a third of all, and as many again when that takes too long; and at most
   * before votes go to all (protocol 8.3). */
  aggregatorsEach: 8,
  aggregatorsMax: 24,
  aggregationMinMs: 50,
  /** Members remembered for a bad vote or a bad certificate; the oldest are forgotten first. */
  culpritsMax: 1_024,
  /** Heights above the own ones from which shares are kept; certificates and blocks up to `hardGap`. */
  lookAhead: 10,
  /** Unvalidated artifacts of one peer; more are dropped. */
  unvalidatedPerPeerMax: 1_024,
  /** Those of one height: what an honest member shows there, and room for many equivocations. */
  unvalidatedPerPeerAndHeightMax: 128,
  unvalidatedBytesPerPeerMax: 32 * 1024 * 1024,
  /** Artifacts judged for ever that are remembered, the oldest forgotten first. */
  settledIdsMax: 16_384,
  /** An answer to a peer that catches up, besides its first block; a longer range takes several questions. */
  answerBytesMax: 1024 * 1024,
  rangeHeightsMax: 64,
  /** Questions of one peer in a row, and how soon there may be one more; others are not answered. */
  answersAtOnceMax: 16,
  answerAgainMs: 50,
  /** A peer that has not answered is asked again after so long; one that has lied after … */
  answerTimeoutMs: 2_000,
  peerSilentMs: 1_000,
  peerLiedMs: 30_000,
  /** Nothing became final for so long although a peer shows more: its blocks are asked for. */
  stalledMs: 500,
  /** Beacons and tapes of peers passed to the own beacon ahead of their turn; it holds no more. */
  valuesAhead: 8,
  valueAgainMs: 500,
  /** By how much the clocks of honest members may differ, for a member that has lost its vote log. */
  clockSkewNanos: 60_000_000_000n,
  /** Heights over which the speed of quorums is measured. */
  tempoSamples: 32,
  /** Least slow-down per height that certification lags more than it may. */
  lagDelayMinMs: 20,
  /** Peers of which is remembered how far they are. */
  peersMax: 1_024,
  /** Final heights that wait for the own execution; further ones are neither judged nor asked for. */
  executionLagMax: 400,
  /** Final heights and bytes that the journal keeps for peers, beyond what the state needs: those that lag further need a package. */
  journalHeightsKept: 1_024,
  journalBytesKept: 64 * 1024 * 1024,
  /** Final heights kept in memory for peers that lag (protocol 2.4: minimum chain length). */
  chainKept: 50,
  /** Journal entries of heights that the state holds, before the journal is compacted. */
  compactHeights: 128,
  compactBytes: 16 * 1024 * 1024,
  /** What is missing is asked for again after so long. */
  askAgainMs: 250,
  /** A batch that execution has not finished is said again after so long: it may be lost. After that more rarely: it may be long. */
  batchAgainMs: 500,
  batchAgainMaxMs: 2_000,
  /** Parts of key generation in a block (protocol 2.6, 2.9); a block with more is refused. */
  dealingsPerBlock: 1,
  complaintsPerBlock: 4,
  /** Dealings and complaints that wait for a block; of one peer, those included that are not examined yet. More are dropped. */
  keyPartsMax: 2_048,
  keyPartsPerPeerMax: 32,
  /** What was found of dealings and complaints, the oldest forgotten first: they are examined again. */
  examinationsRemembered: 4_096,
  /** Generated keys, the oldest forgotten first: they are computed again. */
  transcriptsRemembered: 16,
  /** Larger artifacts of these kinds are refused unread. */
  keyPartBytesMax: 256 * 1024,
  packageBytesMax: 4 * 1024 * 1024,
  /** Peers whose catch-up packages wait to be checked, one each; the oldest is forgotten. */
  packagesOfferedMax: 64,
  /** A package that this node might reach by itself is adopted when it has not moved for so long. */
  adoptAfterMs: 5_000,
  /** State is told to fetch the state of an adopted package again after so long; at start it has longer to load its own. */
  syncAgainMs: 1_000,
  syncStartMs: 5_000,
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
