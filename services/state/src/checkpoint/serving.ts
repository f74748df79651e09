import { bytesEqual, joinBytes, type Pool } from '@internode/prelude';
import { keyAfter } from '../core/rows.ts';
import { CHECKPOINT_LIMITS } from '../limits.ts';
import { type Base, type LocalChunk, placeOf } from './build.ts';
import { Cutter, hashOfChunk } from './chunks.ts';
import { logicalOf, rangeOfUnit, storedKeyOf } from './units.ts';
import { read, type Work } from './work.ts';

/** A chunk by its index in the manifest. */
export interface FlatChunk {
  readonly unit: string;
  readonly nth: number;
  readonly chunk: LocalChunk;
}

export function flatten(units: Base['units']): FlatChunk[] {
  const flat: FlatChunk[] = [];
  for (const [unit, chunks] of units) {
    for (const [nth, chunk] of chunks.entries()) flat.push({ unit, nth, chunk });
  }
  return flat;
}

interface Served {
  readonly base: Base;
  readonly chunks: readonly FlatChunk[];
}

interface Question {
  readonly indices: readonly number[];
  readonly compares: boolean;
  readonly cutters: Pool<PartCutter>;
}

/** Cuts one chunk. */
export class PartCutter {
  /** The first chunk that was cut. */
  found: Uint8Array | undefined;
  readonly rows = new Cutter((bytes) => {
    this.found ??= this.#isLast ? bytes : new Uint8Array(bytes);
  });
  /** No rows are added to what is cut: it need not be copied. */
  #isLast = false;

  begin(): void {
    this.rows.clear();
    this.found = undefined;
    this.#isLast = false;
  }

  end(): void {
    this.#isLast = true;
    this.rows.end();
  }

  /** Whoever looked for the end of a chunk would read a megabyte that nobody wants: others have read elsewhere meanwhile. */
  has(bytes: number): boolean {
    return this.found !== undefined || this.rows.bytes >= bytes;
  }
}

export interface Found {
  readonly part: Uint8Array;
  /** The part's memory will be used again. */
  readonly giveBack: () => void;
}

/**
 * The chunks one after the other; undefined when the question is not one that may be asked, `other` when the rows are
 * not what they were (`compares`).
 */
export function* serveChunks<Held>(
  held: Held,
  { base, chunks }: Served,
  { indices, compares, cutters }: Question,
): Work<Held, Found | 'other' | undefined> {
  if (!isOrderly(chunks, indices)) return undefined;
  const cutter = cutters.take();
  const parts: Uint8Array[] = [];
  for (const index of indices) {
    const asked = chunks[index] as FlatChunk;
    const found = yield* readChunk({ held, base, cutter }, asked);
    if (found === undefined) return compares ? 'other' : undefined;
    if (compares && !bytesEqual(hashOfChunk(found), asked.chunk.hash)) return 'other';
    const part = indices.length === 1 ? found : new Uint8Array(found);
    parts.push(part);
  }
  const part = parts.length === 1 ? (parts[0] as Uint8Array) : joinBytes(parts);
  return { part, giveBack: () => cutters.giveBack(cutter) };
}

function isOrderly(chunks: readonly FlatChunk[], indices: readonly number[]): boolean {
  const { askedChunksMax, askedBytesMax } = CHECKPOINT_LIMITS;
  if (indices.length === 0 || indices.length > askedChunksMax) return false;
  let bytes = 0;
  let last = -1;
  for (const index of indices) {
    const found = chunks[index];
    if (found === undefined || index <= last) return false;
    bytes += found.chunk.bytes;
    last = index;
  }
  return indices.length === 1 || bytes <= askedBytesMax;
}

interface Reading<Held> {
  readonly held: Held;
  readonly base: Base;
  readonly cutter: PartCutter;
}

function* readChunk<Held>(
  { held, base, cutter }: Reading<Held>,
  { unit, nth, chunk }: FlatChunk,
): Work<Held, Uint8Array | undefined> {
  const range = rangeOfUnit(unit, (memory) => placeOf(base.places, memory));
  if (range === undefined) return undefined;
  const start = nth === 0 ? range.gte : storedKeyOf(chunk.key);
  cutter.begin();
  let isFirst = true;
  for (let gte = start; !cutter.has(chunk.bytes); ) {
    const rows = yield* read(held, { gte, lt: range.lt });
    for (const row of rows) {
      const logical = logicalOf(row);
      if (logical !== undefined) {
        cutter.rows.add(logical.key, logical.value, isFirst ? chunk.offset : 0);
        isFirst = false;
      }
      if (cutter.has(chunk.bytes)) break;
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    gte = keyAfter(last.key);
  }
  cutter.end();
  return cutter.found;
}
