/** Every bound of this room, with what happens when it is met. */
import { assert } from '@internode/prelude';

export const STATE_LIMITS = {
  /** Hashed heights that wait for their certification. With one more the oldest is passed over. */
  inFlightMax: 128,
  /** Requests of heights that were passed over, told with the next certified one. Older ones are not told. */
  passedOverMax: 10_000,
  /** Hashes said again in one turn of the timer, oldest first, and the newest. */
  repeatedMax: 8,
  /** Bytes and heights that wait for the store. One more is not taken; execution is asked again later. */
  pendingBytesMax: 256 * 1024 * 1024,
  pendingHeightsMax: 4_096,
  /** Batches of the store begin no closer to each other: heights in between share one. Nobody waits for a batch. */
  commitEveryMs: 25,
  /** A batch of the store is synced when the last one was so long or so many heights ago. */
  syncMs: 1_000,
  syncHeights: 256,
  /** A full disk is tried again after so long. */
  retryMs: 1_000,
  /** Hashes without certification, and questions without answer, are said again after so long. */
  repeatMs: 500,
  askAgainMs: 250,
  /** Missing heights are not asked for more often. */
  askAtMostMs: 20,
  /** After TipLoaded nothing new is taken until the request history was loaded, or nothing was asked for so long. */
  loadQuietMs: 1_000,
  /** Memory, module and tip requests being answered. One more is not heard; the asker asks again. */
  loadsMax: 256,
  /** Followers that wait for the tip at once. One more asks again. */
  readersMax: 16,
  /** Pages of one MemoryLoaded: below 1 MiB with their indices. */
  pagesPerMessageMax: 250,
  /** Entries of one RequestsLoaded (contract). */
  requestsPerMessageMax: 10_000,
  /** Rows that one read of the store answers. */
  rowsPerReadMax: 4_096,
  statesPerReadMax: 64,
  /** Of one read (interface spec 1.10). More is refused. */
  pathsMax: 1_000,
  labelsMax: 127,
} as const;

export const CHECKPOINT_LIMITS = {
  /** Values of one chunk; a longer row is cut into pieces of so many bytes. Part of what manifests mean. */
  pieceBytesMax: 1024 * 1024,
  /** Rows of one chunk. Part of what manifests mean. */
  chunkRowsMax: 4_096,
  /** Longest key of a row of a checkpoint. */
  keyBytesMax: 48,
  /** Bytes of one chunk with its keys. A manifest that says more is refused. */
  chunkBytesMax: 1024 * 1024 + 4_096 * 64,
  /** The encoded manifest is cut so. Part of what manifests mean. */
  subManifestBytes: 1024 * 1024,
  /** Checkpoints that are kept and served. The oldest goes when another is made. */
  keptMax: 2,
  /** What is remembered of one is stored in rows of so many bytes. */
  rememberedPartBytes: 1024 * 1024,
  /** Rows are read so many bytes at a time: a whole unit of pages. */
  readBytes: 1280 * 1024,
  /** Chunks of one question, and their bytes together unless it is one. More is refused. */
  askedChunksMax: 1_024,
  askedBytesMax: 1024 * 1024 + 4_096 * 64,
  /** A sync of so much opens the store for being filled. */
  filledBytesMin: 64 * 1024 * 1024,
  /** Chunks are written in their order; the next one is waited for so long. */
  turnMs: 500,
  /** Content from so many bytes on is compressed, if as many of its first bytes shrink to this part or less. */
  compressedBytesMin: 16 * 1024,
  compressedPartMax: 0.7,
  /** Trials in vain are followed by up to so many parts without one. */
  untriedMax: 15,
} as const;

/** Between replicas. */
export const SYNC_LIMITS = {
  /** Questions of peers in work, together and of one. More are answered with BUSY. */
  servingMax: 32,
  servingOfPeerMax: 8,
  /** Indices of one question that are looked at; one with more is refused. */
  indicesMax: 1_024,
  /** Summary heights that are waited for. The one heard of first is forgotten for one more. */
  wantedMax: 16,
  /** Checkpoints being made. One more is not made; the next epoch has its own. */
  makingMax: 2,
  /** Peers that are asked. More are not used. */
  peersMax: 64,
  /** Questions open at one peer. */
  askedOfPeerMax: 4,
  /** Parts asked for, or here and not stored yet: bounds memory. Others wait. */
  partsMax: 24,
  /** Without an answer for so long the peer has failed; the grace is for word of our own p2p. */
  answerMs: 10_000,
  answerGraceMs: 2_000,
  /** A peer that failed is not asked for so long, doubled with each failure in a row. */
  restMs: 500,
  restMsMax: 30_000,
  /** One that does not have the checkpoint, and one that is busy. */
  unknownRestMs: 2_000,
  busyRestMs: 100,
  /** Late answers are looked for, and progress is said. */
  tickMs: 500,
  /** When nothing moved for so long a newer package is taken, if there is one. */
  stuckMs: 15_000,
} as const;

export const PAGE_BYTES = 4_096;
export const PRINCIPAL_BYTES_MAX = 29;
export const HASH_BYTES = 32;

assert(
  STATE_LIMITS.pagesPerMessageMax * (PAGE_BYTES + 16) < 1024 * 1024,
  'limits: a MemoryLoaded stays below 1 MiB',
);
assert(
  STATE_LIMITS.syncHeights < STATE_LIMITS.pendingHeightsMax,
  'limits: syncing happens before the queue is full',
);
