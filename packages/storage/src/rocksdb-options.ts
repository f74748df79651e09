/** Bounds memory, and the log that is read again after a kill. */
const MEMTABLE_BYTES = 32 * 1024 * 1024;

/** How tables are shaped: what was put aside is opened with the same, or it would be written anew. */
export const SHAPE = {
  parallelism: 1,
  walCompression: false,
  compaction: 'level',
  // Blocks from the third level on are packed each by itself: training a dictionary for each table is half of what compaction costs.
  compression: false,
  memtableMemoryBudget: MEMTABLE_BYTES,
} as const;
