// Pure: the simulator uses these disks too.
export { MemoryJournal } from './memory-journal.ts';
