/**
 * What a store is to become: the manifest of a proven package, fetched piece by piece, and the chunks that are missing.
 * Everything from a peer is compared with its hash before anything else is done with it.
 *
 * Rows are replaced in place: a chunk that is there already is left where it is. Memories keep the generation they have
 * here; new ones get the target's height, which is above every range that still waits to be swept.
 */
import type { ManifestHead } from '@internode/contracts';
import { bytesEqual, joinBytes } from '@internode/prelude';
import type { EngineAnswer, Group } from '../core/engine.ts';
import { type KeyRange, keyAfter, LAYOUT } from '../core/rows.ts';
import type { RowChange } from '../core/task.ts';
import { CHECKPOINT_LIMITS, PAGE_BYTES } from '../limits.ts';
import { type Base, type Generations, type LocalChunk, layoutUnitOf, placeOf } from './build.ts';
import { type Chunk, hashOfChunk, type Piece, piecesOf } from './chunks.ts';
import { decodeHead, decodeManifest, hashOfPart, manifestRootOf, type Units } from './manifest.ts';
import type { Notes } from './notes.ts';
import {
  memoryOfUnit,
  PAGE_RANK,
  PageKeys,
  RANKS,
  RANKS_AS_STORED,
  rangeOfUnit,
  storedKeyOf,
  storedOf,
  TIP_ROW,
  textOf,
  unitOfLogical,
} from './units.ts';
import { read, type Work } from './work.ts';

interface Wanted {
  readonly unit: string;
  readonly nth: number;
  readonly chunk: Chunk;
}

/** A row that comes in pieces. */
interface Partial {
  readonly value: Uint8Array;
  readonly offsets: Set<number>;
  bytes: number;
}

export class Target {
  readonly head: ManifestHead;
  readonly #notes: Notes;
  readonly #parts: (Uint8Array | undefined)[];
  #missingParts: number;
  #units: Units = new Map();
  #chunks: Wanted[] = [];
  #base: Base | undefined;
  /** Chunks that were applied of units that are not whole. */
  readonly #applied = new Map<string, (LocalChunk | undefined)[]>();
  readonly #partials = new Map<string, Partial>();
  /** Of units of layouts on their way to the store. */
  readonly #layouts = new Map<string, ReadonlyMap<string, Generations>>();
  #tip: Uint8Array | undefined;

  /** Undefined when the head is not the one whose hash this is. */
  static of(manifestRoot: Uint8Array, bytes: Uint8Array, notes: Notes): Target | undefined {
    if (!bytesEqual(manifestRootOf(bytes), manifestRoot)) return undefined;
    const head = decodeHead(bytes);
    return head && new Target(head, notes);
  }

  private constructor(head: ManifestHead, notes: Notes) {
    this.head = head;
    this.#notes = notes;
    this.#parts = head.subManifests.map(() => undefined);
    this.#missingParts = this.#parts.length;
  }

  get isWhole(): boolean {
    return this.#missingParts === 0;
  }

  /** Encoded; undefined before its chunk was applied. */
  get tip(): Uint8Array | undefined {
    return this.#tip;
  }

  addPart(index: number, content: Uint8Array): EngineAnswer {
    const hash = this.head.subManifests[index];
    if (hash === undefined || !bytesEqual(hashOfPart(content), hash)) {
      return { kind: 'rejected', reason: 'not this part of the manifest' };
    }
    if (this.#parts[index] !== undefined) return { kind: 'done' };
    this.#parts[index] = content;
    this.#missingParts -= 1;
    if (this.#missingParts > 0) return { kind: 'done' };
    const units = decodeManifest(joinBytes(this.#parts as Uint8Array[]));
    if (units === undefined) return { kind: 'rejected', reason: 'the manifest makes no sense' };
    this.#units = units;
    for (const [unit, chunks] of units) {
      for (const [nth, chunk] of chunks.entries()) this.#chunks.push({ unit, nth, chunk });
    }
    return { kind: 'done' };
  }

  *plan<Held>(held: Held, base: Base): Work<Held, EngineAnswer> {
    this.#base = base;
    this.#applied.clear();
    this.#partials.clear();
    // Pages before layouts: while they are there, it is known where they are.
    for (const unit of [...base.units.keys()].reverse()) {
      if (this.#isHere(unit) || unit.charCodeAt(0) === RANKS.subnet) continue;
      const isLayout = unit.charCodeAt(0) === RANKS.layout;
      if (isLayout && this.#units.has(unit)) continue;
      yield* deleteUnit(held, base, unit);
      base.units.delete(unit);
      if (isLayout) base.places.delete(unit);
      this.#notes.settled(unit);
    }
    let reusedBytes = 0;
    let bytes = 0;
    const missing: number[] = [];
    this.#chunks.forEach(({ unit, chunk }, index) => {
      if (this.#isHere(unit)) reusedBytes += chunk.bytes;
      else missing.push(index);
      if (!this.#isHere(unit)) bytes += chunk.bytes;
    });
    const of = (ranks: readonly number[]) =>
      ranks.flatMap((rank) =>
        this.#groups(missing.filter((index) => this.#chunks[index]?.unit.charCodeAt(0) === rank)),
      );
    // What comes in the order of its keys is written once: a table that spans others makes the store write them all again.
    const pagesAt = RANKS_AS_STORED.indexOf(PAGE_RANK);
    const phases = [
      of(RANKS_AS_STORED.slice(0, pagesAt)),
      of(RANKS_AS_STORED.slice(pagesAt)),
    ] as const;
    return { kind: 'plan', phases, bytes, reusedBytes };
  }

  /** All of a unit is in the store. The tip never is: it is written last. */
  #isHere(unit: string): boolean {
    const wanted = this.#units.get(unit);
    const local = this.#base?.units.get(unit);
    if (wanted === undefined || local?.length !== wanted.length) return false;
    if (unit.charCodeAt(0) === RANKS.subnet) return false;
    return wanted.every((chunk, nth) => bytesEqual(chunk.hash, (local[nth] as Chunk).hash));
  }

  #groups(indices: readonly number[]): Group[] {
    const groups: Group[] = [];
    let group: number[] = [];
    let bytes = 0;
    const { askedBytesMax, askedChunksMax } = CHECKPOINT_LIMITS;
    for (const index of indices) {
      const next = (this.#chunks[index] as Wanted).chunk.bytes;
      if (group.length > 0 && (bytes + next > askedBytesMax || group.length === askedChunksMax)) {
        groups.push({ indices: group, bytes });
        group = [];
        bytes = 0;
      }
      group.push(index);
      bytes += next;
    }
    if (group.length > 0) groups.push({ indices: group, bytes });
    return groups;
  }

  *apply<Held>(indices: readonly number[], content: Uint8Array): Work<Held, EngineAnswer> {
    const base = this.#base;
    if (base === undefined) return { kind: 'rejected', reason: 'there is no plan' };
    const found: { readonly wanted: Wanted; readonly pieces: Piece[] }[] = [];
    let at = 0;
    for (const index of indices) {
      const wanted = this.#chunks[index];
      if (wanted === undefined) return { kind: 'rejected', reason: 'no such chunk' };
      const chunk = content.subarray(at, at + wanted.chunk.bytes);
      at += wanted.chunk.bytes;
      const isWanted = bytesEqual(hashOfChunk(chunk), wanted.chunk.hash);
      const pieces = isWanted ? piecesOf(chunk) : undefined;
      if (pieces === undefined)
        return { kind: 'rejected', reason: 'not the chunk that was asked for' };
      found.push({ wanted, pieces });
    }
    if (at !== content.length) return { kind: 'rejected', reason: 'more than was asked for' };
    const batch: RowChange[] = [];
    for (const { wanted, pieces } of found) {
      if (!this.#take(base, wanted, { pieces, batch }))
        return { kind: 'rejected', reason: 'a chunk makes no sense' };
    }
    yield { kind: 'write', batch };
    for (const { wanted, pieces } of found) this.#finish(base, wanted, pieces);
    return { kind: 'applied', bytes: content.length };
  }

  #take(
    base: Base,
    { unit }: Wanted,
    { pieces, batch }: { pieces: readonly Piece[]; batch: RowChange[] },
  ): boolean {
    if (unit.charCodeAt(0) === RANKS.layout)
      return this.#takeLayouts(base, unit, { pieces, batch });
    if (unit.charCodeAt(0) === PAGE_RANK) return takePages(base, unit, { pieces, batch });
    for (const piece of pieces) {
      if (unitOfLogical(piece.key) !== unit) return false;
      const value = this.#wholeValue(piece);
      if (value === undefined) continue;
      if (piece.key.equals(TIP_ROW)) {
        this.#tip = new Uint8Array(value);
        continue;
      }
      const row = storedOf({ key: piece.key, value });
      if (row === undefined) return false;
      batch.push(row);
    }
    return true;
  }

  /** Undefined while pieces of it are missing. The same piece may come again: the disk was full the first time. */
  #wholeValue({ key, valueBytes, offset, content }: Piece): Uint8Array | undefined {
    if (content.length === valueBytes) return content;
    const text = textOf(key);
    const fresh = () => ({
      value: new Uint8Array(valueBytes),
      offsets: new Set<number>(),
      bytes: 0,
    });
    const partial: Partial = this.#partials.get(text) ?? fresh();
    this.#partials.set(text, partial);
    if (!partial.offsets.has(offset)) {
      partial.value.set(content, offset);
      partial.offsets.add(offset);
      partial.bytes += content.length;
    }
    return partial.bytes === valueBytes ? partial.value : undefined;
  }

  #takeLayouts(
    base: Base,
    unit: string,
    { pieces, batch }: { pieces: readonly Piece[]; batch: RowChange[] },
  ): boolean {
    if (this.#units.get(unit)?.length !== 1) return false;
    const before = base.places.get(unit);
    const after = new Map<string, Generations>();
    for (const { key, content } of pieces) {
      const layout = LAYOUT.decode(content);
      const canister = key.toString('latin1', 1);
      if (layout.kind !== 'valid' || layoutUnitOf(canister) !== unit) return false;
      const { heapBytes, stableBytes } = layout.value;
      const local = before?.get(canister);
      const heapGeneration = local?.heap ?? this.head.height;
      const stableGeneration = local?.stable ?? this.head.height;
      batch.push({
        key: storedKeyOf(key),
        value: LAYOUT.encode({ heapBytes, heapGeneration, stableBytes, stableGeneration }),
      });
      after.set(canister, {
        heap: heapBytes > 0 ? heapGeneration : undefined,
        stable: stableBytes > 0 ? stableGeneration : undefined,
      });
    }
    for (const canister of before?.keys() ?? []) {
      if (after.has(canister)) continue;
      batch.push({ key: Buffer.from(`l${canister}`, 'latin1'), value: undefined });
    }
    this.#layouts.set(unit, after);
    return true;
  }

  /** The unit counts as here when all its chunks were applied; one that never is was written, by its notes. */
  #finish(base: Base, { unit, nth, chunk }: Wanted, pieces: readonly Piece[]): void {
    const wanted = this.#units.get(unit) ?? [];
    const applied = this.#applied.get(unit) ?? wanted.map(() => undefined);
    const first = pieces[0];
    const cut = { key: Buffer.from(first?.key ?? []), offset: first?.offset ?? 0 };
    applied[nth] = { ...chunk, ...cut };
    if (applied.some((each) => each === undefined)) {
      this.#applied.set(unit, applied);
      return;
    }
    this.#applied.delete(unit);
    for (const { key } of applied as LocalChunk[]) this.#partials.delete(textOf(key));
    base.units.set(unit, applied as LocalChunk[]);
    const layouts = this.#layouts.get(unit);
    if (layouts !== undefined) base.places.set(unit, layouts);
    this.#layouts.delete(unit);
    this.#notes.settled(unit);
  }
}

/** There are 256 of them a chunk. */
function takePages(
  base: Base,
  unit: string,
  { pieces, batch }: { pieces: readonly Piece[]; batch: RowChange[] },
): boolean {
  const place = placeOf(base.places, memoryOfUnit(unit));
  const keys = place && new PageKeys(unit, place);
  for (const { key, valueBytes, content } of pieces) {
    const stored = keys?.storedOf(key);
    if (stored === undefined || valueBytes !== PAGE_BYTES || content.length !== PAGE_BYTES)
      return false;
    batch.push({ key: stored, value: content });
  }
  return true;
}

function* deleteUnit<Held>(held: Held, base: Base, unit: string): Work<Held, void> {
  const range = rangeOfUnit(unit, (memory) => placeOf(base.places, memory));
  if (range === undefined) return;
  yield* deleteRows(held, range);
}

function* deleteRows<Held>(held: Held, range: KeyRange): Work<Held, void> {
  for (let { gte } = range; ; ) {
    const rows = yield* read(held, { gte, lt: range.lt });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield { kind: 'write', batch: rows.map(({ key }) => ({ key, value: undefined })) };
    gte = keyAfter(last.key);
  }
}
