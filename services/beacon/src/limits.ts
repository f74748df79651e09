/** Every bound of this room, with what happens when it is met. */
import { assert } from '@internode/prelude';

export const BEACON_LIMITS = {
  /** Heights above the own ones for which shares of peers are kept; others are dropped. Values: `historyHeights`. */
  lookAhead: 10,
  /** Values kept of each kind, the oldest forgotten first; peers that lag further need a catch-up package. */
  historyHeights: 128,
  /** Values said to a consensus that asks for one of them: it holds no more ahead of its turn. */
  saidAtOnce: 10,
  /** Beacon values are journalled in groups of so many; what a crash loses is signed again. */
  journalEvery: 16,
  /** Entries at which the journal is cut back to `historyHeights`. */
  journalEntriesMax: 2_048,
  /** Heights whose certification may be under way at once; the oldest is given up, and state asks again. */
  certificationsMax: 128,
  /** How long an epoch runs before this node deals, so that after a restart the chain can show what it dealt before. */
  dealAfterMs: 300,
  /** How often the own dealing and complaints are said again to the own consensus, and missing dealings asked for. */
  repeatMs: 5_000,
  /** The longest time between two questions for dealings that are missing; each in vain doubles it. */
  repeatMsMax: 60_000,
  /** Consensus is asked at most so often for news that final blocks show to be lost; in an epoch so many times for dealings. */
  askEpochMs: 1_000,
  dealingAsksMax: 3,
  /** How long the own chain may take to tell dealings before peers are asked for what was dealt. */
  sharingAskAfterMs: 300,
  /** A peer that has not answered by then has no answer. */
  sharingTimeoutMs: 3_000,
  /** The longest time between two such questions; it doubles once nobody has had an answer. */
  sharingAskMsMax: 30_000,
  /** Rows of encrypted shares in one answer or journal entry; one row at least. */
  sharingRowsBytesMax: 1024 * 1024,
  /** Answers to one peer at once, and the time after which it may have one more; other questions are not heard. */
  sharingAnswersAtOnce: 16,
  sharingAnswerAgainMs: 250,
  /** Peers whose questions are counted, the oldest forgotten first. */
  sharingPeersMax: 1_024,
  /** State is asked for its certified height at most so often. */
  askStateMs: 500,
  /**
   * How long a round with enough shares waits for so many that they need no check: what a check takes when several processes share
   * a core (4 ms alone, 5 to 8 then), twice. Four replicas on two cores: 4 ms are in vain a third of the time, 16 once in 40.
   */
  agreementWaitMs: 16,
  /** After a wait in vain the next height does not wait, after another the next three, seven, at most so many. */
  agreementPauseMax: 63,
  /** So many shares cost two thirds of a check to hold against each other; where more are needed, the check is made. */
  agreeingSharesMax: 16,
  /** Holders up to which shares go to everybody; above, to a few members who put values together. */
  flatHoldersMax: 40,
  /** Members that get the shares of a round at each step. */
  relays: 8,
  /** How long a step may take before the next members get them. */
  relayAfterMs: 400,
  /** After so many steps everybody gets them. */
  relaySteps: 3,
} as const;

assert(BEACON_LIMITS.journalEvery < BEACON_LIMITS.historyHeights, 'limits: journalEvery');
assert(BEACON_LIMITS.journalEntriesMax > 2 * BEACON_LIMITS.historyHeights, 'limits: journal');
assert(
  BEACON_LIMITS.relays * BEACON_LIMITS.relaySteps <= BEACON_LIMITS.flatHoldersMax,
  'limits: relays',
);
