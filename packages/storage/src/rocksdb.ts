import { Worker } from 'node:worker_threads';
import { StorageFault } from './fault.ts';
import { packRows, type Row, unpackRows } from './packing.ts';
import { type StoreAnswer, type StoreRequest, USER_PREFIX } from './rocksdb-protocol.ts';
import type { Change, Entry, Range, Store } from './store.ts';

/** A request as the caller words it; the id is added here. */
type Wording = StoreRequest extends infer Request
  ? Request extends { id: number }
    ? Omit<Request, 'id'>
    : never
  : never;

interface Pending {
  readonly resolve: (rows: Row[], answer: unknown) => void;
  readonly reject: (fault: StorageFault) => void;
}

export interface RocksOptions {
  readonly path: string;
  /** A module that exports `extend` (`Extend`): it works in the store's thread, see `call`. */
  readonly extension?: URL;
}

/** A megabyte of a sync is some 250 rows, which live until they are written: in less, half of them grow old, and all of the heap is looked at. */
const YOUNG_MB = 24;

/** A `Store` on RocksDB, in a worker thread of its own. */
export class RocksStore implements Store {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #count = 0;
  /** Set for good once nothing that is stored can be trusted. */
  #fault: StorageFault | undefined;
  /** A thread that has ended answers nothing. */
  #ended = false;
  #closing: Promise<void> | undefined;

  /**
   * Opens or creates the store in a directory of its own. Rejects with a `StorageFault`: `corrupt` when any file is
   * damaged or missing, `locked`, `full`, `broken`.
   */
  static async open(options: RocksOptions): Promise<RocksStore> {
    const store = new RocksStore(options);
    try {
      await store.#ask({ kind: 'open' });
      return store;
    } catch (fault) {
      await store.#worker.terminate();
      throw fault;
    }
  }

  private constructor({ path, extension }: RocksOptions) {
    const url = new URL('./rocksdb-worker.ts', import.meta.url);
    this.#worker = new Worker(url, {
      workerData: { path, extension: extension?.href },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker.on('message', (answer: StoreAnswer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#fail(path, error.message));
    this.#worker.on('exit', () => {
      this.#ended = true;
      this.#fail(path, 'closed');
    });
  }

  async write(batch: readonly Change[], { sync }: { readonly sync: boolean }): Promise<void> {
    const rows: Row[] = [];
    for (const { key, value } of batch) rows.push(key, value);
    await this.#ask({ kind: 'write', rows: packRows(rows, USER_PREFIX), sync });
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return (await this.getMany([key]))[0];
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const rows = packRows(keys.map(prefixed));
    return this.#ask({ kind: 'getMany', rows });
  }

  async range({ gte, lt, limit }: Range & { readonly limit: number }): Promise<Entry[]> {
    const asked = packRows([prefixed(gte), prefixed(lt)]);
    const rows = await this.#ask({ kind: 'range', rows: asked, limit });
    const entries: Entry[] = [];
    for (let i = 0; i < rows.length; i += 2) {
      entries.push({ key: rows[i] as Uint8Array, value: rows[i + 1] as Uint8Array });
    }
    return entries;
  }

  async deleteRange({ gte, lt }: Range, { sync }: { readonly sync: boolean }): Promise<void> {
    const rows = packRows([prefixed(gte), prefixed(lt)]);
    await this.#ask({ kind: 'deleteRange', rows, sync });
  }

  /** Asks the extension. The buffers given are gone afterwards. */
  call(request: unknown, give: readonly ArrayBuffer[] = []): Promise<unknown> {
    return this.#post({ kind: 'call', request }, (_, answer) => answer, give);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (!this.#ended) await this.#ask({ kind: 'close' }).catch(() => {});
    await this.#worker.terminate();
  }

  #ask(wording: Wording): Promise<Row[]> {
    return this.#post(wording, (rows) => rows);
  }

  #post<T>(
    wording: Wording,
    take: (rows: Row[], answer: unknown) => T,
    give: readonly ArrayBuffer[] = [],
  ): Promise<T> {
    if (this.#fault !== undefined && wording.kind !== 'close') return Promise.reject(this.#fault);
    return new Promise((resolve, reject) => {
      const id = this.#count++;
      this.#pending.set(id, { resolve: (rows, answer) => resolve(take(rows, answer)), reject });
      const transfer = 'rows' in wording ? [wording.rows.buffer] : [...give];
      this.#worker.postMessage({ ...wording, id } as StoreRequest, transfer);
    });
  }

  #settle(answer: StoreAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('rows' in answer) return pending?.resolve(unpackRows(answer.rows), undefined);
    if ('answer' in answer) return pending?.resolve([], answer.answer);
    const fault = new StorageFault(answer.fault.code, answer.fault.message);
    if (fault.code !== 'full') this.#fault = fault;
    pending?.reject(fault);
  }

  #fail(path: string, reason: string): void {
    this.#fault ??= new StorageFault('broken', `${path}: ${reason}`);
    for (const { reject } of this.#pending.values()) reject(this.#fault);
    this.#pending.clear();
  }
}

function prefixed(key: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(key.length + 1);
  bytes[0] = USER_PREFIX;
  bytes.set(key, 1);
  return bytes;
}
