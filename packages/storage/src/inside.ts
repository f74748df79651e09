import type { Change, Entry, Range } from './store.ts';

/** What was stored at one moment, readable for as long as it is held, whatever is written meanwhile. */
export interface Held {
  /**
   * Entries of the range in order, about `bytesMax` of them and at least one; none when there is no more. Reading on
   * where the last read ended is cheapest. Rejects with a `StorageFault`: `full` when the disk was, and the store was
   * opened again since, so that this is gone but others can be held. One read at a time.
   */
  read(range: Range & { readonly bytesMax: number }): Promise<Entry[]>;
  close(): Promise<void>;
}

/** A store as a module beside the data sees it. */
export interface Inside {
  /** What the batches asked for before this call have made. */
  hold(): Held;
  /**
   * Puts what `hold` would see aside under a new name, for later lives too. What is there now is kept; resolves when a
   * power cut cannot undo it. It costs the files that are not shared with the store any more.
   */
  keep(name: string): Promise<void>;
  /** The names of what was put aside. */
  kept(): string[];
  /** Opened by the first read, which rejects when it cannot be. */
  holdKept(name: string): Held;
  /** What was put aside is gone for good. */
  drop(name: string): Promise<void>;
  /**
   * True: very much is about to be written, in order of its keys, and until false, or another life, that is what the store is good at;
   * it holds some 100 MiB more. Done in turn with the batches; what is held is gone when it begins and when it ends.
   */
  fill(isFilling: boolean): Promise<void>;
  /** While true nobody waits for what this process does, and others on the machine go first, where that can be taken back. */
  yieldToOthers(isYielding: boolean): void;
  /** In turn with the batches from outside. */
  write(batch: readonly Change[], options: { readonly sync: boolean }): Promise<void>;
}

/** A module that works where the data is, so that what it reads and writes crosses to no other thread. */
export interface Extension {
  /** Called in the order of asking, among the store's other operations; answered when it likes. */
  call(request: unknown): Promise<ExtensionAnswer>;
  /** The keys of a batch from outside, just before it is written. The answer is written with it, in one. */
  writing(keys: Iterable<Uint8Array>): readonly Change[];
  /** A batch was not written, or nobody knows: it may come again. */
  failed(): void;
}

export interface ExtensionAnswer {
  readonly answer: unknown;
  /** Buffers of the answer that are given away. */
  readonly transfer?: readonly ArrayBuffer[];
}

/** What the module of an extension exports as `extend`. */
export type Extend = (inside: Inside) => Extension;
