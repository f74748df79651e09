/** Bounds memory, and the log that is read again after a kill. */
const MEMTABLE_BYTES = 32 * 1024 * 1024;

/**
 * Four pages of canisters each. With one, writing and packing cost an eighth more (12.3 against 10.8 ms of processor time a MB of pages), and
 * reading all of it a fifth (3.3 against 2.7); a row is found as fast, 20 to 50 us.
 */
const BLOCK_BYTES = 16 * 1024;

/** How tables are shaped: what was put aside is opened with the same, or it would be written anew. */
export const SHAPE = {
  blockSize: BLOCK_BYTES,
  parallelism: 1,
  walCompression: false,
  compaction: 'level',
  // Blocks from the third level on are packed each by itself: training a dictionary for each table is half of what compaction costs.
  compression: false,
  memtableMemoryBudget: MEMTABLE_BYTES,
} as const;

/**
 * While a state is filled in, in order of its keys: memtables of 64 MiB and the same packing, which is none, on all levels, so that a table
 * is written once and then moved. With `SHAPE` two thirds of what is filled in are read and written again. Measured with rows of 4 KiB:
 * 3.6 ms of processor time a MB against 6.3; out of order 5.3.
 */
export const FILLING_SHAPE = {
  blockSize: BLOCK_BYTES,
  parallelism: 1,
  walCompression: false,
  compression: false,
} as const;
