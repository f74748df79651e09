import type { RocksLevel, RowIterator } from '@nxtedition/rocksdb';
import { StorageFault } from './fault.ts';
import type { Held } from './inside.ts';
import { USER_PREFIX } from './rocksdb-protocol.ts';
import type { Entry, Range } from './store.ts';

const ROWS_AT_ONCE = 257;
const BYTES_AT_ONCE = 1280 * 1024;

/**
 * An iterator sees the database as it was when it was made, and can be sent anywhere. It keeps memtables and files of
 * that moment alive: whoever holds one closes it.
 */
export class HeldRows implements Held {
  readonly #rows: RowIterator;
  /** Read and not given yet: they stand in the range that was read last, or just behind it. */
  #ahead: [Buffer, Buffer][] = [];
  /** Where reading goes on without seeking; undefined before the first read. */
  #next: Buffer | undefined;
  #isAtEnd = false;

  constructor(db: RocksLevel) {
    const gte = Buffer.of(USER_PREFIX);
    const lt = Buffer.of(USER_PREFIX + 1);
    // Whoever holds all reads most of it once, and would push out what others read again.
    this.#rows = db.iterator({ gte, lt, highWaterMarkBytes: BYTES_AT_ONCE, fillCache: false });
  }

  async read({ gte, lt, bytesMax }: Range & { readonly bytesMax: number }): Promise<Entry[]> {
    try {
      return await this.#read(prefixed(gte), prefixed(lt), bytesMax);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const isClosed = (error as { code?: unknown }).code === 'LEVEL_ITERATOR_NOT_OPEN';
      if (isClosed) throw new StorageFault('full', 'held rows: the store was opened again');
      throw new StorageFault('corrupt', `held rows: ${text}`);
    }
  }

  async close(): Promise<void> {
    await this.#rows.close();
  }

  async #read(gte: Buffer, lt: Buffer, bytesMax: number): Promise<Entry[]> {
    if (this.#next === undefined || !this.#next.equals(gte)) {
      this.#ahead = [];
      this.#isAtEnd = false;
      this.#rows.seek(gte);
    }
    const entries: Entry[] = [];
    let bytes = 0;
    while (bytes < bytesMax) {
      if (this.#ahead.length === 0) await this.#readAhead();
      bytes += this.#take(entries, lt, bytesMax - bytes);
      if (this.#ahead.length > 0 || this.#isAtEnd) break;
    }
    const last = entries.at(-1);
    this.#next = last === undefined ? gte : Buffer.concat([prefixed(last.key), Buffer.of(0)]);
    return entries;
  }

  async #readAhead(): Promise<void> {
    if (this.#isAtEnd) return;
    this.#ahead = await this.#rows.nextv(ROWS_AT_ONCE);
    this.#isAtEnd = this.#ahead.length === 0;
  }

  /** Gives of those ahead what fits; answers their bytes. */
  #take(into: Entry[], lt: Buffer, bytesMax: number): number {
    let bytes = 0;
    let count = 0;
    for (const [key, value] of this.#ahead) {
      if (bytes >= bytesMax || key.compare(lt) >= 0) break;
      into.push({ key: key.subarray(1), value });
      bytes += key.length + value.length;
      count += 1;
    }
    this.#ahead = count === this.#ahead.length ? [] : this.#ahead.slice(count);
    return bytes;
  }
}

function prefixed(key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(key.length + 1);
  bytes[0] = USER_PREFIX;
  bytes.set(key, 1);
  return bytes;
}
