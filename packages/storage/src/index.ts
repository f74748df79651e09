export type { StorageFaultCode } from './fault.ts';
export { StorageFault } from './fault.ts';
export type { FileJournalOptions } from './file-journal.ts';
export { FileJournal } from './file-journal.ts';
export type { Extend, Extension, ExtensionAnswer, Held, Inside } from './inside.ts';
export type { Change, Entry, Range, Store } from './store.ts';
