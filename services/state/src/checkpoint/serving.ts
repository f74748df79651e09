import { bytesEqual, joinBytes } from '@internode/prelude';
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

/**
 * The chunks one after the other; undefined when the question is not one that may be asked, `other` when the rows are
 * not what they were (`compares`).
 */
export function* serveChunks<Held>(
  held: Held,
  { base, chunks }: Served,
  { indices, compares }: { readonly indices: readonly number[]; readonly compares: boolean },
): Work<Held, Uint8Array | 'other' | undefined> {
  if (!isOrderly(chunks, indices)) return undefined;
  const reader = new ChunkReader(held, base);
  const parts: Uint8Array[] = [];
  for (const index of indices) {
    const asked = chunks[index] as FlatChunk;
    const part = yield* reader.read(asked);
    if (part === undefined) return compares ? 'other' : undefined;
    if (compares && !bytesEqual(hashOfChunk(part), asked.chunk.hash)) return 'other';
    parts.push(part);
  }
  return parts.length === 1 ? parts[0] : joinBytes(parts);
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

class ChunkReader<Held> {
  readonly #held: Held;
  readonly #base: Base;
  #found: Uint8Array | undefined;
  readonly #cutter = new Cutter((bytes) => {
    this.#found ??= new Uint8Array(bytes);
  });

  constructor(held: Held, base: Base) {
    this.#held = held;
    this.#base = base;
  }

  *read({ unit, nth, chunk }: FlatChunk): Work<Held, Uint8Array | undefined> {
    const range = rangeOfUnit(unit, (memory) => placeOf(this.#base.places, memory));
    if (range === undefined) return undefined;
    const start = nth === 0 ? range.gte : storedKeyOf(chunk.key);
    this.#found = undefined;
    let isFirst = true;
    for (let gte = start; this.#found === undefined; ) {
      const rows = yield* read(this.#held, { gte, lt: range.lt });
      for (const row of rows) {
        const logical = logicalOf(row);
        if (logical !== undefined) {
          this.#cutter.add(logical.key, logical.value, isFirst ? chunk.offset : 0);
          isFirst = false;
        }
        if (this.#found !== undefined) break;
      }
      const last = rows.at(-1);
      if (last === undefined) break;
      gte = keyAfter(last.key);
    }
    this.#cutter.end();
    return this.#found;
  }
}
