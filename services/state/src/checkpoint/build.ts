/** The units of a store and their chunks: from all its rows, or from those of units that were written since. */
import { assert } from '@internode/prelude';
import {
  canisterOfKey,
  type KeyRange,
  keyAfter,
  LAYOUT,
  type MemoryPlace,
  pageRange,
  TABLES,
  tableRange,
} from '../core/rows.ts';
import type { Row } from '../core/task.ts';
import { type Chunk, type Cut, Cutter } from './chunks.ts';
import {
  bufferOf,
  canisterOfMemory,
  logicalOf,
  memoryOfUnit,
  PAGE_RANK,
  PLAIN_TABLES,
  RANKS,
  rangeOfUnit,
  textOf,
  unitOfLogical,
  unitOfStored,
} from './units.ts';
import { read, type Work } from './work.ts';

export type LocalChunk = Chunk & Cut;

/** The generations of a canister's memories; undefined for a memory without pages. */
export interface Generations {
  readonly heap: number | undefined;
  readonly stable: number | undefined;
}

/** What a store holds. */
export interface Base {
  /** In order of units. */
  readonly units: Map<string, readonly LocalChunk[]>;
  /** By unit of layouts, then by canister as it stands in keys, behind its length. */
  readonly places: Map<string, ReadonlyMap<string, Generations>>;
}

export interface Built {
  readonly base: Base;
  readonly hashedBytes: number;
}

/** One pass over held rows. */
class Pass<Held> {
  readonly held: Held;
  readonly units: Map<string, readonly LocalChunk[]>;
  readonly places: Base['places'];
  hashedBytes = 0;
  #chunks: LocalChunk[] = [];
  readonly #cutter = new Cutter((chunk, hash, { key, offset }) => {
    this.hashedBytes += chunk.length;
    this.#chunks.push({ bytes: chunk.length, hash: hash(), key: Buffer.from(key), offset });
  });

  constructor(held: Held, base?: Base) {
    this.held = held;
    this.units = new Map(base?.units);
    this.places = new Map(base?.places);
  }

  *scan(range: KeyRange): Work<Held, void> {
    let unit = '';
    for (let { gte } = range; ; ) {
      const rows = yield* read(this.held, { gte, lt: range.lt });
      for (const row of rows) {
        if (row.key[0] === TABLES.layout) this.#place(row);
        const logical = logicalOf(row);
        if (logical === undefined) continue;
        const next = unitOfLogical(logical.key);
        if (next !== unit) this.#endUnit(unit);
        unit = next;
        this.#cutter.add(logical.key, logical.value);
      }
      const last = rows.at(-1);
      if (last === undefined) break;
      gte = keyAfter(last.key);
    }
    this.#endUnit(unit);
  }

  #endUnit(unit: string): void {
    this.#cutter.end();
    if (this.#chunks.length > 0) this.units.set(unit, this.#chunks);
    this.#chunks = [];
  }

  #place({ key, value }: Row): void {
    const layout = LAYOUT.decode(value);
    const unit = unitOfStored(key);
    if (layout.kind !== 'valid' || unit === undefined) return;
    const { heapBytes, heapGeneration, stableBytes, stableGeneration } = layout.value;
    const heap = heapBytes > 0 ? heapGeneration : undefined;
    const stable = stableBytes > 0 ? stableGeneration : undefined;
    const canisters = new Map(this.places.get(unit));
    this.places.set(unit, canisters.set(textOf(key.subarray(1)), { heap, stable }));
  }

  built(): Built {
    const sorted = [...this.units].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      base: { units: new Map(sorted), places: this.places },
      hashedBytes: this.hashedBytes,
    };
  }
}

export function* buildAll<Held>(held: Held): Work<Held, Built> {
  const pass = new Pass(held);
  const none = () => undefined;
  yield* pass.scan(rangeOfUnit(String.fromCharCode(RANKS.subnet), none) as KeyRange);
  for (const table of PLAIN_TABLES) yield* pass.scan(tableRange(table));
  const canisters = [...pass.places.values()].flatMap((each) => [...each]);
  for (const [canister, generations] of canisters) {
    for (const memory of ['heap', 'stable'] as const) {
      const generation = generations[memory];
      if (generation === undefined) continue;
      const canisterId = canisterIdOf(canister);
      yield* pass.scan(pageRange({ canisterId, memory, generation }, 0));
    }
  }
  return pass.built();
}

/** The same from what was there before, and the units that were written since. */
export function* buildChanged<Held>(
  held: Held,
  base: Base,
  written: ReadonlySet<string>,
): Work<Held, Built> {
  const pass = new Pass(held, base);
  const changed = new Set(written);
  yield* refreshLayouts(pass, changed);
  for (const unit of [...changed].sort()) {
    const before = pass.units.get(unit);
    const range = rangeOfUnit(unit, (memory) => placeOf(pass.places, memory));
    if (range !== undefined) yield* pass.scan(range);
    if (pass.units.get(unit) === before) pass.units.delete(unit);
  }
  return pass.built();
}

/** A memory that was cleared has another generation: all its pages are other rows. Adds their units to `changed`. */
function* refreshLayouts<Held>(pass: Pass<Held>, changed: Set<string>): Work<Held, void> {
  const moved = new Set<string>();
  for (const unit of changed) {
    if (unit.charCodeAt(0) !== RANKS.layout) continue;
    const before = pass.places.get(unit) ?? new Map<string, Generations>();
    pass.places.delete(unit);
    const old = pass.units.get(unit);
    yield* pass.scan(rangeOfUnit(unit, () => undefined) as KeyRange);
    if (pass.units.get(unit) === old) pass.units.delete(unit);
    changed.delete(unit);
    const after = pass.places.get(unit);
    for (const [canister, { heap, stable }] of before) {
      const now = after?.get(canister);
      if (now?.heap !== heap) moved.add(`${canister}\0`);
      if (now?.stable !== stable) moved.add(`${canister}\x01`);
    }
  }
  if (moved.size === 0) return;
  for (const unit of pass.units.keys()) {
    if (unit.charCodeAt(0) === PAGE_RANK && moved.has(memoryOfUnit(unit))) changed.add(unit);
  }
}

/** Where a memory is, named as in units of pages. */
export function placeOf(places: Base['places'], memory: string): MemoryPlace | undefined {
  const canister = canisterOfMemory(memory);
  const unit = layoutUnitOf(canister);
  const generations = places.get(unit)?.get(canister);
  const kind = memory.endsWith('\0') ? 'heap' : 'stable';
  const generation = generations?.[kind];
  if (generation === undefined) return undefined;
  return { canisterId: canisterIdOf(canister), memory: kind, generation };
}

export function layoutUnitOf(canister: string): string {
  return unitOfLogical(Buffer.from(String.fromCharCode(RANKS.layout) + canister, 'latin1'));
}

function canisterIdOf(canister: string): Uint8Array {
  const id = canisterOfKey(Buffer.from(`l${canister}`, 'latin1'));
  assert(id !== undefined, 'a key of a layout holds a canister id');
  return bufferOf(id);
}
