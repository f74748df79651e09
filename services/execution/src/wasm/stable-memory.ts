/**
 * Stable memory of one canister: up to 500 GiB of 64 KiB pages, of which only touched ones exist.
 *
 * A transaction opens with the first change after `commit` or `rollback`. Pages are copied when a
 * transaction first writes them, so a rollback costs what was written. Pages never written are zero
 * and take no room.
 *
 * The pages of a stored memory are absent until they are supplied. Touching one is noted, and ends the
 * execution like a trap: whoever runs it rolls back, sees `absence`, and runs it again later.
 */
import { assert } from '@internode/prelude';
import { type PageRange, PageRanges } from './page-ranges.ts';
import { HostTrap, STABLE_OUT_OF_BOUNDS, textTrap } from './traps.ts';

export const STABLE_PAGE_BYTES = 65_536;
/** 500 GiB (interface-spec 4.3). */
export const STABLE_PAGES_MAX = (500 * 2 ** 30) / STABLE_PAGE_BYTES;

/** The unit in which changes are told: smaller than a page, so that small writes store little. */
export const STABLE_PIECE_BYTES = 4_096;
export const STABLE_PIECES_PER_PAGE = STABLE_PAGE_BYTES / STABLE_PIECE_BYTES;

export interface StablePiece {
  /** Offset in stable memory, in units of 4 KiB. */
  readonly index: number;
  /** 4 KiB. */
  readonly bytes: Uint8Array;
}

export interface StableChanges {
  /** In ascending order. */
  readonly pieces: readonly StablePiece[];
  /** In 64 KiB pages. */
  readonly size: number;
}

export interface StablePage {
  readonly index: number;
  /** 64 KiB. */
  readonly bytes: Uint8Array;
}

/** A page that was touched and is not here, and those around it that are not here either. */
export interface Absence {
  readonly page: number;
  readonly around: PageRange;
}

/** Never seen by anybody: the execution is run again. */
const ABSENT = textTrap('a page of the stable memory is not here yet');

export class StableMemory {
  readonly #pages = new Map<number, Uint8Array>();
  /** Of the stored memory, and not supplied yet. */
  readonly #absent: PageRanges;
  #absence: Absence | undefined;
  #size: number;
  #sizeCommitted: number;
  /** Pages of this transaction as they were before; undefined stands for absent. */
  readonly #undo = new Map<number, Uint8Array | undefined>();
  /** Pieces that this transaction wrote. */
  readonly #written = new Set<number>();
  /** Pieces written by committed transactions since the last collection. */
  readonly #dirty = new Set<number>();

  /** `sizeStored` in pages, all of them absent. */
  constructor(sizeStored = 0) {
    this.#absent = new PageRanges(sizeStored);
    this.#size = sizeStored;
    this.#sizeCommitted = sizeStored;
  }

  /** In 64 KiB pages. */
  get size(): number {
    return this.#size;
  }

  /** Pages written by the open transaction. */
  get pagesWritten(): number {
    return this.#undo.size;
  }

  /** The old size in pages, or -1 when the result would pass `pagesMax` or 500 GiB. */
  grow(pages: number, pagesMax = STABLE_PAGES_MAX): number {
    const wanted = this.#size + pages;
    if (!(pages >= 0 && wanted <= Math.min(pagesMax, STABLE_PAGES_MAX))) return -1;
    const before = this.#size;
    this.#size = wanted;
    return before;
  }

  /** Copies `target.length` bytes from `offset` into `target`; traps out of bounds. */
  read(offset: number, target: Uint8Array): void {
    this.#checkRange(offset, target.length);
    for (let done = 0; done < target.length; ) {
      const { index, start, length } = pieceAt(offset + done, target.length - done);
      const page = this.#page(index);
      if (page === undefined) target.fill(0, done, done + length);
      else target.set(page.subarray(start, start + length), done);
      done += length;
    }
  }

  /** Writes as part of the transaction; traps out of bounds. */
  write(offset: number, bytes: Uint8Array): void {
    this.#checkRange(offset, bytes.length);
    for (let done = 0; done < bytes.length; ) {
      const { index, start, length } = pieceAt(offset + done, bytes.length - done);
      this.#writable(index).set(bytes.subarray(done, done + length), start);
      const last = Math.floor((start + length - 1) / STABLE_PIECE_BYTES);
      for (let piece = Math.floor(start / STABLE_PIECE_BYTES); piece <= last; piece += 1) {
        this.#written.add(index * STABLE_PIECES_PER_PAGE + piece);
      }
      done += length;
    }
  }

  commit(): void {
    for (const piece of this.#written) this.#dirty.add(piece);
    this.#written.clear();
    for (const before of this.#undo.values()) if (before !== undefined) release(before);
    this.#undo.clear();
    this.#sizeCommitted = this.#size;
  }

  rollback(): void {
    for (const [index, before] of this.#undo) {
      const written = this.#pages.get(index);
      if (written !== undefined) release(written);
      if (before === undefined) this.#pages.delete(index);
      else this.#pages.set(index, before);
    }
    this.#written.clear();
    this.#undo.clear();
    this.#size = this.#sizeCommitted;
  }

  /** All that is stored of a range of pages. What is here already stays: it may be newer. */
  supply(range: PageRange, pages: readonly StablePage[]): void {
    for (const { index, bytes } of pages) {
      if (this.#absent.find(index) !== undefined) this.#pages.set(index, pageOf(bytes));
    }
    this.#absent.remove(range);
  }

  /** Set when an absent page was touched, until it is taken. */
  get absence(): Absence | undefined {
    return this.#absence;
  }

  takeAbsence(): Absence {
    const absence = this.#absence;
    assert(absence !== undefined, 'nothing absent was touched');
    this.#absence = undefined;
    return absence;
  }

  /** Pieces committed since the last call; empties the dirty set. The bytes are copies. */
  collectDirty(): StableChanges {
    const changes = this.#changes(this.#dirty);
    this.#dirty.clear();
    return changes;
  }

  /** Changes of the open transaction, which stays open. */
  pendingChanges(): StableChanges {
    return this.#changes(this.#written);
  }

  /** Applies changes as part of the transaction. */
  applyChanges(changes: StableChanges): void {
    this.#size = Math.max(this.#size, changes.size);
    for (const { index, bytes } of changes.pieces) this.write(index * STABLE_PIECE_BYTES, bytes);
  }

  /** Changes that another instance of this memory committed. Those of absent pages are left out: they are supplied as they are by then. */
  follow({ pieces, size }: StableChanges): void {
    this.#size = size;
    this.#sizeCommitted = size;
    for (const { index: piece, bytes } of pieces) {
      const index = Math.floor(piece / STABLE_PIECES_PER_PAGE);
      if (this.#pages.get(index) === undefined && this.#absent.find(index) !== undefined) continue;
      const page = this.#pages.get(index) ?? newPage();
      page.set(bytes, (piece % STABLE_PIECES_PER_PAGE) * STABLE_PIECE_BYTES);
      this.#pages.set(index, page);
    }
  }

  #changes(indices: Iterable<number>): StableChanges {
    const pieces = [...indices]
      .sort((left, right) => left - right)
      .map((index) => {
        const bytes = new Uint8Array(STABLE_PIECE_BYTES);
        this.read(index * STABLE_PIECE_BYTES, bytes);
        return { index, bytes };
      });
    return { pieces, size: this.#size };
  }

  #page(index: number): Uint8Array | undefined {
    const found = this.#pages.get(index);
    if (found !== undefined) return found;
    const around = this.#absent.find(index);
    if (around === undefined) return undefined;
    this.#absence ??= { page: index, around };
    throw new HostTrap(ABSENT);
  }

  #writable(index: number): Uint8Array {
    const before = this.#page(index);
    if (before !== undefined && this.#undo.has(index)) return before;
    const page = before === undefined ? newPage() : pageOf(before);
    if (!this.#undo.has(index)) this.#undo.set(index, before);
    this.#pages.set(index, page);
    return page;
  }

  #checkRange(offset: number, length: number): void {
    const inside = offset >= 0 && offset + length <= this.#size * STABLE_PAGE_BYTES;
    if (!inside) throw new HostTrap(STABLE_OUT_OF_BOUNDS);
  }
}

/**
 * Zeros, in memory that comes from the system and goes back to it, as V8 takes it for what may be resized. Of the allocator's pools
 * only the end goes back: of 2 GiB that a message had written and lost, 1.2 stayed.
 */
function newPage(): Uint8Array {
  return new Uint8Array(
    new ArrayBuffer(STABLE_PAGE_BYTES, { maxByteLength: STABLE_PAGE_BYTES }),
    0,
    STABLE_PAGE_BYTES,
  );
}

function pageOf(bytes: Uint8Array): Uint8Array {
  const page = newPage();
  page.set(bytes);
  return page;
}

/**
 * Gives a page's bytes back at once. Left to the collector, the 2 GiB that one message may write would stay until
 * the thread allocates again, which an idle one does not.
 */
function release(page: Uint8Array): void {
  (page.buffer as ArrayBuffer).transferToFixedLength(0);
}

function pieceAt(offset: number, left: number): { index: number; start: number; length: number } {
  const index = Math.floor(offset / STABLE_PAGE_BYTES);
  const start = offset - index * STABLE_PAGE_BYTES;
  return { index, start, length: Math.min(left, STABLE_PAGE_BYTES - start) };
}
