// A journal in one file: group commit, checksums, a torn tail dropped at open, atomic compaction. Writing and syncing
// happen on the thread pool; only opening and replaying read synchronously.
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import type { Journal } from '@internode/actor';
import { assert } from '@internode/prelude';
import { faultOf, StorageFault } from './fault.ts';
import { decodeFileHeader, encodeFileHeader, encodeFrame, scanFrames } from './journal-frame.ts';

export interface FileJournalOptions {
  /** The file; its directory is made when missing. `<path>.new` is used while compacting. */
  readonly path: string;
  /**
   * Told when the disk fails. After `full` the write is tried again every second, for as long as it takes; after
   * anything else nothing becomes durable any more and the process should stop.
   */
  readonly onFault: (fault: StorageFault) => void;
}

/** One group commit holds about so much. */
const FRAME_BYTES_MAX = 8 * 1024 * 1024;
/** More than this waiting for a disk stops the service. */
const WAITING_BYTES_MAX = 256 * 1024 * 1024;
const RETRY_MS = 1000;

type Work =
  | { readonly kind: 'append'; readonly entry: Uint8Array; readonly durable: () => void }
  | {
      readonly kind: 'compact';
      readonly entries: readonly Uint8Array[];
      readonly durable: () => void;
    };

/** Where the next frame goes. */
interface Tail {
  fd: number;
  salt: Uint8Array;
  position: number;
  sequence: number;
}

export class FileJournal implements Journal {
  readonly #options: FileJournalOptions;
  readonly #tail: Tail;
  /** Work not durable yet, oldest first. The first `#busy` of it are being written. */
  #waiting: Work[] = [];
  #busy = 0;
  #waitingBytes = 0;
  #broken = false;
  #closed: (() => void) | undefined;

  /** Opens or creates. Throws a `StorageFault`: `corrupt` when a durable entry was damaged. */
  static open(options: FileJournalOptions): FileJournal {
    try {
      return new FileJournal(options, openTail(options.path));
    } catch (error) {
      throw faultOf(error, options.path);
    }
  }

  private constructor(options: FileJournalOptions, tail: Tail) {
    this.#options = options;
    this.#tail = tail;
  }

  append(entry: Uint8Array, durable: () => void): void {
    this.#put({ kind: 'append', entry: new Uint8Array(entry), durable }, entry.length);
  }

  compact(entries: readonly Uint8Array[], durable: () => void): void {
    const own = entries.map((entry) => new Uint8Array(entry));
    this.#put({ kind: 'compact', entries: own, durable }, sizeOf(own));
  }

  replay(visit: (entry: Uint8Array) => void): void {
    let entries = [...readEntries(this.#options.path, this.#tail)];
    for (const work of this.#waiting) {
      if (work.kind === 'append') entries.push(work.entry);
      else entries = [...work.entries];
    }
    for (const entry of entries) visit(new Uint8Array(entry));
  }

  /** Waits for what was appended, seals the file and closes it. A full or broken disk is not waited for. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#closed = () => {
        fs.close(this.#tail.fd, () => resolve());
      };
      if (this.#broken) this.#closed();
      else this.#next();
    });
  }

  #put(work: Work, bytes: number): void {
    assert(this.#closed === undefined, 'journal: written after close');
    if (this.#waitingBytes + bytes > WAITING_BYTES_MAX) {
      throw new StorageFault('full', `${this.#options.path}: too much waits for the disk`);
    }
    this.#waitingBytes += bytes;
    this.#waiting.push(work);
    if (this.#waiting.length === 1) queueMicrotask(() => this.#next());
  }

  /** Starts the next write unless one is under way. */
  #next(): void {
    if (this.#busy > 0 || this.#broken) return;
    const first = this.#waiting[0];
    if (first === undefined) return this.#seal();
    if (first.kind === 'compact') {
      this.#busy = 1;
      return this.#writeCompacted(first.entries);
    }
    const entries: Uint8Array[] = [];
    let bytes = 0;
    for (const work of this.#waiting) {
      if (work.kind === 'compact' || bytes > FRAME_BYTES_MAX) break;
      entries.push(work.entry);
      bytes += work.entry.length;
    }
    this.#busy = entries.length;
    this.#writeFrame(entries, (end) => this.#durable(end));
  }

  #writeFrame(entries: readonly Uint8Array[], then: (end: number) => void): void {
    const { fd, salt, position, sequence } = this.#tail;
    const frame = encodeFrame(salt, sequence, entries);
    writeAll(fd, frame, position, (writeError) => {
      if (writeError) return this.#failed(writeError, false);
      fs.fdatasync(fd, (syncError) => {
        // After a failed sync nobody knows what is on the disk: never trust this file again.
        if (syncError) return this.#failed(syncError, true);
        this.#tail.sequence += 1;
        then(position + frame.length);
      });
    });
  }

  #durable(end: number): void {
    this.#tail.position = end;
    const done = this.#waiting.splice(0, this.#busy);
    this.#busy = 0;
    for (const work of done) {
      this.#waitingBytes -= work.kind === 'append' ? work.entry.length : sizeOf(work.entries);
    }
    this.#next();
    for (const work of done) work.durable();
  }

  #writeCompacted(entries: readonly Uint8Array[]): void {
    const { path } = this.#options;
    const temporary = `${path}.new`;
    const salt = randomBytes(8);
    const frames = framesOf(salt, entries);
    fs.open(temporary, 'w', 0o600, (openError, fd) => {
      if (openError) return this.#failed(openError, false);
      const giveUp = (error: Error): void =>
        fs.close(fd, () => fs.rm(temporary, { force: true }, () => this.#failed(error, false)));
      writeAll(fd, frames.bytes, 0, (writeError) => {
        if (writeError) return giveUp(writeError);
        fs.fsync(fd, (syncError) => {
          if (syncError) return giveUp(syncError);
          fs.rename(temporary, path, (renameError) => {
            if (renameError) return giveUp(renameError);
            this.#adopt({ fd, salt, position: frames.bytes.length, sequence: frames.count });
          });
        });
      });
    });
  }

  #adopt(tail: Tail): void {
    const replaced = this.#tail.fd;
    Object.assign(this.#tail, tail);
    fs.close(replaced, () => {});
    fs.open(dirname(this.#options.path), 'r', (openError, directory) => {
      if (openError) return this.#failed(openError, true);
      fs.fsync(directory, (syncError) => {
        fs.close(directory, () => {});
        if (syncError) return this.#failed(syncError, true);
        this.#durable(tail.position);
      });
    });
  }

  #failed(error: Error, beyondRepair: boolean): void {
    this.#busy = 0;
    const fault = faultOf(error, this.#options.path);
    this.#broken = beyondRepair || fault.code !== 'full';
    this.#options.onFault(this.#broken ? new StorageFault('broken', fault.message) : fault);
    if (this.#closed !== undefined) return this.#closed();
    if (!this.#broken) setTimeout(() => this.#next(), RETRY_MS).unref();
  }

  /** An empty last frame: damage to the frame before it can then be told from a torn tail. */
  #seal(): void {
    const closed = this.#closed;
    if (closed === undefined) return;
    this.#busy = 1;
    this.#writeFrame([], () => closed());
  }
}

function sizeOf(entries: readonly Uint8Array[]): number {
  return entries.reduce((sum, entry) => sum + entry.length, 0);
}

function framesOf(salt: Uint8Array, entries: readonly Uint8Array[]) {
  const parts: Uint8Array[] = [encodeFileHeader(salt)];
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) {
    bytes += entries[i]?.length ?? 0;
    if (bytes <= FRAME_BYTES_MAX) continue;
    parts.push(encodeFrame(salt, parts.length - 1, entries.slice(from, i + 1)));
    from = i + 1;
    bytes = 0;
  }
  if (from < entries.length) parts.push(encodeFrame(salt, parts.length - 1, entries.slice(from)));
  return { bytes: Buffer.concat(parts), count: parts.length - 1 };
}

/** Writes every byte: the system may take fewer than it was given. */
function writeAll(
  fd: number,
  bytes: Uint8Array,
  position: number,
  done: (error: Error | null) => void,
): void {
  fs.write(fd, bytes, 0, bytes.length, position, (error, written) => {
    if (error || written === bytes.length) return done(error);
    writeAll(fd, bytes.subarray(written), position + written, done);
  });
}

function openTail(path: string): Tail {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.rmSync(`${path}.new`, { force: true });
  if (!fs.existsSync(path)) createEmpty(path);
  const fd = fs.openSync(path, 'r+');
  const { salt, end, nextSequence } = readFrames(path);
  fs.ftruncateSync(fd, end);
  fs.fsyncSync(fd);
  return { fd, salt, position: end, sequence: nextSequence };
}

function createEmpty(path: string): void {
  const fd = fs.openSync(`${path}.new`, 'w', 0o600);
  fs.writeSync(fd, encodeFileHeader(randomBytes(8)));
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  fs.renameSync(`${path}.new`, path);
  syncDirectory(dirname(path));
}

function readEntries(path: string, tail: Tail): readonly Uint8Array[] {
  return readFrames(path, tail.position).entries;
}

function readFrames(path: string, end?: number) {
  const bytes = new Uint8Array(fs.readFileSync(path)).subarray(0, end);
  const salt = decodeFileHeader(bytes);
  const scan = salt === undefined ? undefined : scanFrames(salt, bytes);
  if (salt !== undefined && scan?.kind === 'whole') return { salt, ...scan };
  const where = scan?.kind === 'damaged' ? `at byte ${scan.offset}` : 'in its head';
  throw new StorageFault(
    'corrupt',
    `${path} is damaged ${where}: an entry that was safe on disk is no longer what was written. ` +
      'Check the disk. Restore the data directory from a backup, or start over with --clean.',
  );
}

function syncDirectory(path: string): void {
  const fd = fs.openSync(path, 'r');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}
