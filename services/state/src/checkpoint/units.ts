/**
 * What a checkpoint covers: the rows of a height as every honest replica has them, whatever way it took. Keys and values
 * are freed of what is local: generations of memories, digests that follow from the rest, the identity of the store.
 * Pages of zeros are as if absent. Garbage and certifications are not part of it.
 *
 * Rows fall into units by their keys alone, so that a change touches one unit and moves no other. Keys of units and rows
 * are kept as text of one character per byte, which sorts as the bytes do.
 */
import { canisterEntry, requestEntry } from '../core/content.ts';
import {
  CANISTER,
  type KeyRange,
  keyAfter,
  LAYOUT,
  type MemoryPlace,
  pageKey,
  REQUEST,
  SUBNET_STATE_KEY,
  TABLES,
  TIP,
  TIP_KEY,
} from '../core/rows.ts';
import type { Row } from '../core/task.ts';
import { HASH_BYTES, PAGE_BYTES } from '../limits.ts';

/** First byte of the keys of units and of logical rows. Layouts come before pages: who applies a page knows its place. */
export const RANKS = {
  subnet: 1,
  layout: 2,
  canister: 3,
  system: 4,
  request: 5,
  module: 6,
  page: 7,
} as const;

export const PAGE_RANK = RANKS.page;
/** Scanned one after the other; pages follow, memory by memory. */
export const PLAIN_TABLES = ['layout', 'canister', 'system', 'request', 'module'] as const;
type Plain = (typeof PLAIN_TABLES)[number];

const RANK_OF_LETTER = new Map<number, number>(
  PLAIN_TABLES.map((table) => [TABLES[table], RANKS[table]]),
);
/** In the order in which their rows stand in the store. Layouts stand before pages there, too. */
export const RANKS_AS_STORED: readonly number[] = [
  ...RANK_OF_LETTER,
  [TABLES.page, RANKS.page] as const,
  [SUBNET_STATE_KEY[0] as number, RANKS.subnet] as const,
]
  .toSorted(([left], [right]) => left - right)
  .map(([, rank]) => rank);
const TABLE_OF_RANK = new Map<number, Plain>(PLAIN_TABLES.map((table) => [RANKS[table], table]));

/** Canister ids of the sequence have 10 bytes, the eighth counts: 64 of them are a unit. */
const SEQUENCE_ID_BYTES = 10;
/** Of a key: behind table, length and seven bytes of the id. */
const COUNTING_BYTE = 9;
const CANISTERS_MASK = 0xc0;
/** Request ids are hashes: units by their first 12 bits. */
const REQUESTS_MASK = 0xf0;
const BLOCK_PAGES = 256;
const GENERATION_BYTES = 6;

export interface LogicalRow {
  readonly key: Buffer;
  readonly value: Uint8Array;
}

export function textOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('latin1');
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The unit of a stored row; undefined for what no checkpoint covers. */
export function unitOfStored(key: Uint8Array): string | undefined {
  const bytes = bufferOf(key);
  const letter = bytes[0] as number;
  if (letter === TABLES.page) {
    const end = 3 + (bytes[1] as number);
    const index = end + GENERATION_BYTES;
    return `\x07${bytes.toString('latin1', 1, end)}${bytes.toString('latin1', index, index + 3)}`;
  }
  if (letter === SUBNET_STATE_KEY[0] || letter === TIP_KEY[0]) return '\x01';
  const rank = RANK_OF_LETTER.get(letter);
  return rank === undefined ? undefined : plainUnit(rank, bytes);
}

/** True of stored keys of pages of one unit; quicker than to name their units. */
export function areOfOneBlock(left: Uint8Array, right: Uint8Array): boolean {
  if (left[0] !== TABLES.page || left.length !== right.length) return false;
  for (let at = left.length - 2; at >= 0; at--) if (left[at] !== right[at]) return false;
  return true;
}

/** The unit of a logical row, whose first byte is its rank. */
export function unitOfLogical(key: Buffer): string {
  const rank = key[0] as number;
  if (rank === RANKS.subnet) return '\x01';
  if (rank === RANKS.page) return key.toString('latin1', 0, key.length - 1);
  return plainUnit(rank, key);
}

function plainUnit(rank: number, key: Buffer): string {
  const first = String.fromCharCode(rank);
  if (rank === RANKS.request) {
    return (
      first + key.toString('latin1', 1, 2) + String.fromCharCode((key[2] as number) & REQUESTS_MASK)
    );
  }
  if (rank === RANKS.module || key[1] !== SEQUENCE_ID_BYTES)
    return first + key.toString('latin1', 1);
  const counting = String.fromCharCode((key[COUNTING_BYTE] as number) & CANISTERS_MASK);
  return first + key.toString('latin1', 1, COUNTING_BYTE) + counting;
}

/** Where the rows of a unit are stored. `placeOf` says where the memory of a page's unit is; undefined when nowhere. */
export function rangeOfUnit(
  unit: string,
  placeOf: (memory: string) => MemoryPlace | undefined,
): KeyRange | undefined {
  const bytes = Buffer.from(unit, 'latin1');
  const rank = bytes[0] as number;
  if (rank === RANKS.subnet) return { gte: SUBNET_STATE_KEY, lt: keyAfter(TIP_KEY) };
  if (rank === RANKS.page) {
    const place = placeOf(memoryOfUnit(unit));
    if (place === undefined) return undefined;
    const first = bytes.readUIntBE(bytes.length - 3, 3) * BLOCK_PAGES;
    return { gte: pageKey(place, first), lt: pageKey(place, first + BLOCK_PAGES) };
  }
  const table = TABLE_OF_RANK.get(rank);
  if (table === undefined) return undefined;
  bytes[0] = TABLES[table];
  if (rank === RANKS.request) return { gte: bytes, lt: raised(bytes, ~REQUESTS_MASK & 0xff) };
  if (rank !== RANKS.module && bytes[1] === SEQUENCE_ID_BYTES) {
    return { gte: bytes, lt: raised(bytes, ~CANISTERS_MASK & 0xff) };
  }
  return { gte: bytes, lt: keyAfter(bytes) };
}

/**
 * The first key behind all that begin as `bytes` does, but for the bits of the mask. Bytes that overflow are left out: zeros in
 * their place would let shorter keys in between, such as the one behind the last request.
 */
function raised(bytes: Buffer, mask: number): Buffer {
  const end = Buffer.from(bytes);
  let last = end.length - 1;
  let sum = (end[last] as number) + mask + 1;
  while (sum > 0xff) sum = (end[--last] as number) + 1;
  end[last] = sum;
  return end.subarray(0, last + 1);
}

/** Canister and memory of a unit of pages, as text. */
export function memoryOfUnit(unit: string): string {
  return unit.slice(1, -3);
}

/** The canister of a `memoryOfUnit`, as it stands in keys: behind its length. */
export function canisterOfMemory(memory: string): string {
  return memory.slice(0, -1);
}

/** What a stored row is in a checkpoint; undefined when nothing. */
export function logicalOf({ key, value }: Row): LogicalRow | undefined {
  const bytes = bufferOf(key);
  const letter = bytes[0] as number;
  if (letter === TABLES.page) {
    if (isZero(value)) return undefined;
    const end = 3 + (bytes[1] as number);
    const logical = Buffer.allocUnsafe(bytes.length - GENERATION_BYTES);
    bytes.copy(logical, 0, 0, end);
    bytes.copy(logical, end, end + GENERATION_BYTES);
    logical[0] = PAGE_RANK;
    return { key: logical, value };
  }
  if (letter === SUBNET_STATE_KEY[0]) return { key: SUBNET_STATE, value };
  if (letter === TIP_KEY[0]) return { key: TIP_ROW, value: logicalTip(value) };
  const rank = RANK_OF_LETTER.get(letter);
  if (rank === undefined) return undefined;
  const logical = Buffer.from(bytes);
  logical[0] = rank;
  return { key: logical, value: logicalValue(rank, value) };
}

const SUBNET_STATE = Buffer.of(RANKS.subnet, SUBNET_STATE_KEY[0] as number);
export const TIP_ROW = Buffer.of(RANKS.subnet, TIP_KEY[0] as number);
const NOTHING = new Uint8Array(0);

/** Which store it is says nothing about the height. */
function logicalTip(value: Uint8Array): Uint8Array {
  const tip = TIP.decode(value);
  return tip.kind === 'valid' ? TIP.encode({ ...tip.value, identity: NOTHING }) : NOTHING;
}

function logicalValue(rank: number, value: Uint8Array): Uint8Array {
  if (rank === RANKS.canister || rank === RANKS.request) return value.subarray(HASH_BYTES);
  if (rank !== RANKS.layout) return value;
  const layout = LAYOUT.decode(value);
  if (layout.kind !== 'valid') return NOTHING;
  return LAYOUT.encode({ ...layout.value, heapGeneration: 0, stableGeneration: 0 });
}

/**
 * The stored row of a logical one that is no page; undefined when it is malformed. Digests are computed anew. Layouts and the
 * tip are for others to place.
 */
export function storedOf({ key, value }: LogicalRow): Row | undefined {
  const rank = key[0] as number;
  if (rank === RANKS.subnet)
    return key.equals(SUBNET_STATE) ? { key: SUBNET_STATE_KEY, value } : undefined;
  const table = TABLE_OF_RANK.get(rank);
  const stored = table === undefined ? undefined : storedValue(rank, value);
  if (table === undefined || stored === undefined) return undefined;
  const storedKey = Uint8Array.from(key);
  storedKey[0] = TABLES[table];
  return { key: storedKey, value: stored };
}

/** Stored keys of the pages of a unit. */
export class PageKeys {
  readonly #logical: Buffer;
  readonly #stored: Buffer;

  constructor(unit: string, place: MemoryPlace) {
    this.#logical = Buffer.from(unit, 'latin1');
    const index = this.#logical.readUIntBE(this.#logical.length - 3, 3) * BLOCK_PAGES;
    this.#stored = bufferOf(pageKey(place, index));
  }

  /** Undefined when the logical key is not one of the unit. */
  storedOf(key: Buffer): Buffer | undefined {
    const unitBytes = this.#logical.length;
    if (
      key.length !== unitBytes + 1 ||
      key.compare(this.#logical, 0, unitBytes, 0, unitBytes) !== 0
    )
      return undefined;
    const stored = Buffer.from(this.#stored);
    stored[stored.length - 1] = key[unitBytes] as number;
    return stored;
  }
}

function storedValue(rank: number, value: Uint8Array): Uint8Array | undefined {
  if (rank === RANKS.canister) {
    const record = CANISTER.decode(value);
    return record.kind === 'valid' ? canisterEntry(record.value).row : undefined;
  }
  if (rank === RANKS.request) {
    const change = REQUEST.decode(value);
    return change.kind === 'valid' ? requestEntry(change.value).row : undefined;
  }
  return value;
}

const ZEROS = Buffer.alloc(PAGE_BYTES);

function isZero(value: Uint8Array): boolean {
  return value[0] === 0 && ZEROS.equals(value);
}

/** The stored key at which reading begins for a logical row that is no page. */
export function storedKeyOf(key: Buffer): Uint8Array {
  const rank = key[0] as number;
  if (rank === RANKS.subnet) return key.equals(SUBNET_STATE) ? SUBNET_STATE_KEY : TIP_KEY;
  const table = TABLE_OF_RANK.get(rank);
  const stored = Uint8Array.from(key);
  if (table !== undefined) stored[0] = TABLES[table];
  return stored;
}
