// Pure: the simulator uses these disks too.
export { StorageFault } from './fault.ts';
export { MemoryJournal } from './memory-journal.ts';
export { MemoryStore } from './memory-store.ts';
