// Pure: the simulator uses these disks too.
export { StorageFault } from './fault.ts';
export { MemoryJournal } from './memory-journal.ts';
export { HeldMemory, MemoryStore } from './memory-store.ts';
