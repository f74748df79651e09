// The package has no types of its own; this is the part of it that we use.
declare module '@nxtedition/rocksdb' {
  export interface Batch {
    _put(key: Buffer, value: Buffer): void;
    _del(key: Buffer): void;
    _writeSync(options: { readonly sync: boolean }): void;
    _clear(): void;
    /** Until then the database holds it. */
    close(): Promise<void>;
  }

  export interface RowIterator {
    nextv(size: number): Promise<[Buffer, never][]>;
    seek(target: Buffer): void;
    close(): Promise<void>;
  }

  export class RocksLevel {
    constructor(path: string, options: { keyEncoding: 'buffer'; valueEncoding: 'buffer' });
    open(options: {
      readonly createIfMissing: boolean;
      readonly parallelism: number;
      readonly walCompression: boolean;
      readonly compression?: boolean;
      readonly compaction?: 'level' | 'universal';
      readonly memtableMemoryBudget?: number;
      readonly blockSize?: number;
    }): Promise<void>;
    close(): Promise<void>;
    batch(): Batch;
    getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]>;
    iterator(options: {
      readonly gte?: Buffer;
      readonly lt?: Buffer;
      readonly limit?: number;
      readonly values?: boolean;
      readonly fillCache?: boolean;
      readonly highWaterMarkBytes?: number;
    }): RowIterator;
    getProperty(name: string): string;
  }
}
