// RocksDB lives in a thread of its own: its writes and syncs block the calling thread, up to 25 ms.
// Requests are performed one at a time, in order.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { RocksLevel, type RowIterator } from '@nxtedition/rocksdb';
import { StorageFault } from './fault.ts';
import type { Extend, Extension, Inside } from './inside.ts';
import { packRows, type Row, unpackRows } from './packing.ts';
import { yieldToOthers } from './priority.ts';
import { Batches, bufferOf } from './rocksdb-batch.ts';
import { type PlainFault, plainFault } from './rocksdb-fault.ts';
import { HeldRows } from './rocksdb-held.ts';
import { Keeper } from './rocksdb-kept.ts';
import { FILLING_SHAPE, SHAPE } from './rocksdb-options.ts';
import { type StoreAnswer, type StoreRequest, USER_PREFIX } from './rocksdb-protocol.ts';
import type { Change } from './store.ts';
import { Witness } from './witness.ts';

/** The number of the last commit. Users' keys lie above it, behind a prefix. */
const COMMIT_KEY = Buffer.from([0]);
/** What is checked whole before it is opened, about 4 ms a MiB; a larger store is checked while it serves. */
const VERIFY_BYTES_MAX = 64 * 1024 * 1024;
const SWEEP_ROWS = 500;
const SWEEP_EVERY_MS = 20;
/** Who is answered when nobody asked. */
const NOBODY = -1;
const REOPEN_EVERY_MS = 500;
const NO_ROWS = new Uint8Array(0);

const { path, extension: extensionUrl } = workerData as { path: string; extension?: string };
const port = parentPort;
if (port === null) throw new Error('rocksdb-worker runs in a worker thread');

/** Undefined while closed: before `open`, and when opening again failed. */
let opened:
  | { readonly db: RocksLevel; readonly witness: Witness; readonly batches: Batches }
  | undefined;
let commit = 0;
/** After a failed write RocksDB refuses all others until it is opened again. */
let mustReopen = false;
let reopenAtMs = 0;
let lastError: unknown;
let isFilling = false;
let isClosed = false;
let fillingAgain: NodeJS.Timeout | undefined;

let extension: Extension | undefined;
const keeper = new Keeper(path);

/** A request, the next piece of checking a large store, or what the extension wants. */
type Work = StoreRequest | Sweep | Own | Fill;

interface Fill {
  readonly kind: 'fill';
  readonly isFilling: boolean;
  readonly settle: PromiseWithResolvers<void>;
}

interface Own {
  readonly kind: 'own';
  readonly batch: readonly Change[];
  readonly sync: boolean;
  readonly settle: PromiseWithResolvers<void>;
}

interface Sweep {
  readonly kind: 'sweep';
  readonly db: RocksLevel;
  readonly sweep: RowIterator;
}

const waiting: Work[] = [];
let busy = false;

port.on('message', enqueue);

function enqueue(work: Work): void {
  waiting.push(work);
  if (!busy) void performAll();
}

async function performAll(): Promise<void> {
  busy = true;
  for (;;) {
    const work = waiting.shift();
    if (work === undefined) break;
    if (work.kind === 'own') {
      await performOwn(work);
      continue;
    }
    if (work.kind === 'fill') {
      await settled(work.settle, performFill(work));
      continue;
    }
    if (work.kind === 'call') {
      call(work.id, work.request);
      continue;
    }
    const id = work.kind === 'sweep' ? NOBODY : work.id;
    const answer = await perform(work).then(
      (rows): StoreAnswer => ({ id, rows }),
      (error): StoreAnswer => ({ id, fault: plainFaultOf(error) }),
    );
    port?.postMessage(answer, 'rows' in answer ? [answer.rows.buffer] : []);
  }
  busy = false;
}

/** The extension answers when it likes; others do not wait for it. */
function call(id: number, request: unknown): void {
  const answered = extension?.call(request) ?? Promise.reject(new Error('there is no extension'));
  answered.then(
    ({ answer, transfer = [] }) => port?.postMessage({ id, answer }, [...transfer]),
    (error) => port?.postMessage({ id, fault: plainFaultOf(error) }),
  );
}

async function performOwn({ batch, sync, settle }: Own): Promise<void> {
  const rows: Row[] = [];
  for (const { key, value } of batch) rows.push(prefixed(key), value);
  const written = write(rows, { sync, counts: sync });
  written.catch(() => extension?.failed());
  await settled(settle, written);
}

async function performFill(asked: Fill): Promise<void> {
  if (isClosed || (asked.isFilling === isFilling && opened !== undefined)) return;
  isFilling = asked.isFilling;
  try {
    await reopen({ checks: false });
  } catch (error) {
    if (plainFaultOf(error).code !== 'full') throw error;
    // Nobody may read or write while a state is filled in: it is opened again when there is space.
    clearTimeout(fillingAgain);
    fillingAgain = setTimeout(() => inside.fill(isFilling).catch(() => {}), REOPEN_EVERY_MS);
    throw error;
  }
}

function settled(settle: PromiseWithResolvers<void>, work: Promise<void>): Promise<void> {
  return work.then(settle.resolve, (error) => settle.reject(faultFor(error)));
}

/** For the extension, which is told what those outside are told. */
function faultFor(error: unknown): StorageFault {
  const { code, message } = plainFaultOf(error);
  return new StorageFault(code, message);
}

const inside: Inside = {
  hold: () => {
    if (opened !== undefined) return new HeldRows(opened.db);
    throw faultFor(lastError ?? new StorageFault('broken', `${path} is closed`));
  },
  keep: (name) => keeper.keep(name),
  kept: () => keeper.names(),
  holdKept: (name) => keeper.hold(name),
  drop: (name) => keeper.drop(name),
  fill: (isFilling) => {
    const settle = Promise.withResolvers<void>();
    enqueue({ kind: 'fill', isFilling, settle });
    return settle.promise;
  },
  yieldToOthers,
  write: (batch, { sync }) => {
    const settle = Promise.withResolvers<void>();
    enqueue({ kind: 'own', batch, sync, settle });
    return settle.promise;
  },
};

const plainFaultOf = (error: unknown): PlainFault => plainFault(error, path);

function prefixed(key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(key.length + 1);
  bytes[0] = USER_PREFIX;
  bytes.set(key, 1);
  return bytes;
}

function* keysOf(rows: readonly Row[]): Generator<Uint8Array> {
  for (let i = 0; i < rows.length; i += 2) yield (rows[i] as Uint8Array).subarray(1);
}

type Answered = Exclude<Work, Own | Fill | { readonly kind: 'call' }>;

async function perform(request: Answered): Promise<Uint8Array<ArrayBuffer>> {
  switch (request.kind) {
    case 'open':
      await open();
      if (extensionUrl !== undefined && extension === undefined) {
        keeper.clear();
        const { extend } = (await import(extensionUrl)) as { extend: Extend };
        extension = extend(inside);
      }
      return NO_ROWS.slice();
    case 'write': {
      const rows = unpackRows(request.rows);
      for (const { key, value } of extension?.writing(keysOf(rows)) ?? []) {
        rows.push(prefixed(key), value);
      }
      await write(rows, { sync: request.sync }).catch((error) => {
        extension?.failed();
        throw error;
      });
      return NO_ROWS.slice();
    }
    case 'getMany': {
      const { db } = await reopened(false);
      return packRows(await db.getMany(unpackRows(request.rows).map(bufferOf)));
    }
    case 'range':
      return packRows(await range(unpackRows(request.rows), request.limit));
    case 'deleteRange':
      await deleteRange(unpackRows(request.rows), request.sync);
      return NO_ROWS.slice();
    case 'sweep': {
      const { db, sweep } = request;
      // It may have been closed or opened again meanwhile.
      if (opened?.db === db && (await sweepSome(sweep))) sweepLater(db, sweep);
      return NO_ROWS.slice();
    }
    case 'close':
      isClosed = true;
      clearTimeout(fillingAgain);
      yieldToOthers(false);
      await keeper.close();
      await close();
      port?.unref();
      return NO_ROWS.slice();
  }
}

/** `checks`: reads all there is, at once or while it serves. */
async function open({ checks = true } = {}): Promise<void> {
  fs.mkdirSync(path, { recursive: true });
  const witness = new Witness(join(path, 'internode-witness'));
  const isNew = !witness.existed && !fs.readdirSync(path).some((name) => name.endsWith('.sst'));
  const db = new RocksLevel(path, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  opened = { db, witness, batches: new Batches(db) };
  try {
    await db.open({
      createIfMissing: isNew,
      ...(isFilling ? FILLING_SHAPE : SHAPE),
    });
    commit = numberOf((await db.getMany([COMMIT_KEY]))[0]);
    if (commit < witness.commit) {
      const lost = witness.commit - commit;
      throw new StorageFault(
        'corrupt',
        `the log ends ${lost} commits before the last that was safe`,
      );
    }
    if (!checks) return;
    const tableBytes = Number(db.getProperty('rocksdb.total-sst-files-size'));
    const sweep = db.iterator({ values: false, fillCache: false });
    if (tableBytes > VERIFY_BYTES_MAX) sweepLater(db, sweep);
    else while (await sweepSome(sweep));
  } catch (error) {
    await close();
    throw error;
  }
}

async function close(): Promise<void> {
  const closing = opened;
  opened = undefined;
  closing?.witness.close();
  // After a failed write closing complains about that write, but closes.
  await closing?.db.close().catch(() => {});
}

/** The open store; after a failed write it is opened again first, now and then, to see whether there is space. */
async function reopened(forWriting: boolean): Promise<NonNullable<typeof opened>> {
  if (isClosed) throw new StorageFault('broken', `${path} is closed`);
  if (opened !== undefined && !(forWriting && mustReopen)) return opened;
  if (performance.now() < reopenAtMs) throw lastError;
  reopenAtMs = performance.now() + REOPEN_EVERY_MS;
  return reopen();
}

async function reopen(options = {}): Promise<NonNullable<typeof opened>> {
  try {
    await close();
    await open(options);
  } catch (error) {
    lastError = error;
    throw error;
  }
  mustReopen = false;
  if (opened === undefined) throw lastError;
  return opened;
}

/** Reads on, which checks the blocks that are read. True while there is more. */
async function sweepSome(sweep: RowIterator): Promise<boolean> {
  if ((await sweep.nextv(SWEEP_ROWS)).length > 0) return true;
  await sweep.close();
  return false;
}

/** Between requests; damage is told like that of a request, and is for good. */
function sweepLater(db: RocksLevel, sweep: RowIterator): void {
  setTimeout(() => enqueue({ kind: 'sweep', db, sweep }), SWEEP_EVERY_MS).unref();
}

interface Writing {
  readonly sync: boolean;
  /**
   * Default true: the number of the commit is written with it, so that its loss is noticed. It stands before all other keys: the
   * tables of a large sync, which come one behind the other, would overlap by it, and all be written again and again.
   */
  readonly counts?: boolean;
}

async function write(rows: readonly Row[], { sync, counts = true }: Writing): Promise<void> {
  const { batches, witness } = await reopened(true);
  const all = counts ? [...rows, COMMIT_KEY, bytesOfNumber(commit + 1)] : rows;
  try {
    batches.write(all, { sync });
  } catch (error) {
    mustReopen = true;
    lastError = error;
    throw error;
  }
  if (counts) commit += 1;
  if (sync) witness.note(commit);
}

async function range([gte, lt]: readonly Row[], limit: number): Promise<Row[]> {
  const { db } = await reopened(false);
  const iterator = db.iterator({ gte: bufferOf(gte), lt: bufferOf(lt), limit });
  const rows: Row[] = [];
  try {
    for (;;) {
      const entries: [Buffer, Buffer][] = await iterator.nextv(1000);
      if (entries.length === 0) return rows;
      for (const [key, value] of entries) rows.push(key.subarray(1), value);
    }
  } finally {
    await iterator.close();
  }
}

/** By single deletions: the binding's own deletion of a range takes no `sync`. */
async function deleteRange([gte, lt]: readonly Row[], sync: boolean): Promise<void> {
  const { db } = await reopened(false);
  const iterator = db.iterator({ gte: bufferOf(gte), lt: bufferOf(lt), values: false });
  const rows: Row[] = [];
  try {
    for (;;) {
      const entries: [Buffer, undefined][] = await iterator.nextv(1000);
      if (entries.length === 0) break;
      for (const [key] of entries) rows.push(key, undefined);
    }
  } finally {
    await iterator.close();
  }
  await write(rows, { sync });
}

function numberOf(bytes: Uint8Array | undefined): number {
  if (bytes === undefined) return 0;
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0));
}

function bytesOfNumber(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
