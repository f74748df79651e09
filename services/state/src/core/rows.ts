/**
 * Keys and values of the store. All rows of one height are written in one batch with its tip, so the store always holds
 * exactly one height.
 *
 *   t                                             StoredTip
 *   z                                             StoredCertification
 *   m                                             StoredCheckpoint
 *   k                                             StoredSync, while state is being fetched; then there is no tip
 *   s                                             execution's subnet-wide state
 *   y <canister>                                  execution's state of a canister
 *   l <canister>                                  StoredLayout
 *   c <canister>                                  digest of its subtree, CanisterRecord
 *   r <request id>                                digest of its subtree, RequestChange
 *   w <hash>                                      a module as uploaded
 *   p <canister> <memory> <generation> <index>    4096 bytes of a memory
 *   g <first key of the garbage>                  StoredGarbage
 *   b <height> <part>                             a checkpoint that is kept (checkpoint/remembered.ts)
 *   d <since> <unit>                              a unit of checkpoints that was written
 *
 * A canister id stands behind its length, so no id is the beginning of another key.
 */
import {
  type CanisterRecord,
  contract,
  decodeCanisterRecord,
  decodeRequestChange,
  decodeStoredCertification,
  decodeStoredCheckpoint,
  decodeStoredGarbage,
  decodeStoredLayout,
  decodeStoredSync,
  decodeStoredTip,
  encodeCanisterRecord,
  encodeRequestChange,
  encodeStoredCertification,
  encodeStoredCheckpoint,
  encodeStoredGarbage,
  encodeStoredLayout,
  encodeStoredSync,
  encodeStoredTip,
  type MemoryKind,
  type RequestChange,
} from '@internode/contracts';
import { assert, concatBytes, type Verdict } from '@internode/prelude';
import { HASH_BYTES } from '../limits.ts';
import type { RowChange } from './task.ts';

/** Layout of the store. A store of another format is refused. */
export const STORE_FORMAT = 1;
const HEIGHT_BYTES = 6;

export interface KeyRange {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

const TYPES = 'types';
export const TIP = contract('StoredTip', TYPES, 'stored_tip', encodeStoredTip, decodeStoredTip);
export const CERTIFICATION = contract(
  'StoredCertification',
  TYPES,
  'stored_certification',
  encodeStoredCertification,
  decodeStoredCertification,
);
export const CHECKPOINT = contract(
  'StoredCheckpoint',
  TYPES,
  'stored_checkpoint',
  encodeStoredCheckpoint,
  decodeStoredCheckpoint,
);
export const SYNC = contract(
  'StoredSync',
  TYPES,
  'stored_sync',
  encodeStoredSync,
  decodeStoredSync,
);
export const LAYOUT = contract(
  'StoredLayout',
  TYPES,
  'stored_layout',
  encodeStoredLayout,
  decodeStoredLayout,
);
export const GARBAGE = contract(
  'StoredGarbage',
  TYPES,
  'stored_garbage',
  encodeStoredGarbage,
  decodeStoredGarbage,
);
export const CANISTER = contract(
  'CanisterRecord',
  TYPES,
  'canister_record',
  encodeCanisterRecord,
  decodeCanisterRecord,
);
export const REQUEST = contract(
  'RequestChange',
  TYPES,
  'request_change',
  encodeRequestChange,
  decodeRequestChange,
);

/** Rows that have a table of their own, by the first byte of their keys. */
export const TABLES = {
  base: letter('b'),
  canister: letter('c'),
  written: letter('d'),
  garbage: letter('g'),
  layout: letter('l'),
  page: letter('p'),
  request: letter('r'),
  module: letter('w'),
  system: letter('y'),
} as const;
export type Table = keyof typeof TABLES;

export const TIP_KEY = Uint8Array.of(letter('t'));
export const CERTIFICATION_KEY = Uint8Array.of(letter('z'));
export const CHECKPOINT_KEY = Uint8Array.of(letter('m'));
export const SYNC_KEY = Uint8Array.of(letter('k'));
export const SUBNET_STATE_KEY = Uint8Array.of(letter('s'));

function letter(text: string): number {
  return text.charCodeAt(0);
}

export function tableRange(table: Table): KeyRange {
  return { gte: Uint8Array.of(TABLES[table]), lt: Uint8Array.of(TABLES[table] + 1) };
}

/** The first key after `key`. */
export function keyAfter(key: Uint8Array): Uint8Array {
  return concatBytes(key, Uint8Array.of(0));
}

export function requestKey(requestId: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(TABLES.request), requestId);
}

export function moduleKey(hash: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(TABLES.module), hash);
}

export function garbageKey(first: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(TABLES.garbage), first);
}

export function canisterKey(
  table: 'canister' | 'layout' | 'system',
  canisterId: Uint8Array,
): Uint8Array {
  return concatBytes(Uint8Array.of(TABLES[table], canisterId.length), canisterId);
}

export function partKey(height: number, part: number): Uint8Array {
  const key = new Uint8Array(1 + HEIGHT_BYTES + INDEX_BYTES);
  key[0] = TABLES.base;
  writeNumber(key, 1, HEIGHT_BYTES, height);
  writeNumber(key, 1 + HEIGHT_BYTES, INDEX_BYTES, part);
  return key;
}

export function writtenKey(since: number, unit: Uint8Array): Uint8Array {
  const key = new Uint8Array(1 + HEIGHT_BYTES + unit.length);
  key[0] = TABLES.written;
  writeNumber(key, 1, HEIGHT_BYTES, since);
  key.set(unit, 1 + HEIGHT_BYTES);
  return key;
}

/** Written by whoever does not note what it writes: see checkpoint/remembered.ts. */
export const UNNOTED: RowChange = {
  key: writtenKey(0, new Uint8Array(0)),
  value: new Uint8Array(0),
};

/** The id in a key of `canisterKey`; undefined when it is not one. */
export function canisterOfKey(key: Uint8Array): Uint8Array | undefined {
  return key.length >= 2 && key[1] === key.length - 2 ? key.subarray(2) : undefined;
}

const MEMORY_BYTE: Readonly<Record<MemoryKind, number>> = { heap: 0, stable: 1 };
const GENERATION_BYTES = 6;
const INDEX_BYTES = 4;
const INDEX_END = 2 ** (8 * INDEX_BYTES);

export interface MemoryPlace {
  readonly canisterId: Uint8Array;
  readonly memory: MemoryKind;
  readonly generation: number;
}

/** Key of a page; `index` 2^32 is the end of the memory. */
export function pageKey(place: MemoryPlace, index: number): Uint8Array {
  assert(index <= INDEX_END, 'page index');
  const { canisterId, memory, generation } = place;
  const past = index === INDEX_END;
  const head = 2 + canisterId.length;
  const key = new Uint8Array(head + 1 + GENERATION_BYTES + INDEX_BYTES);
  key[0] = TABLES.page;
  key[1] = canisterId.length;
  key.set(canisterId, 2);
  key[head] = MEMORY_BYTE[memory];
  writeNumber(key, head + 1, GENERATION_BYTES, past ? generation + 1 : generation);
  writeNumber(key, head + 1 + GENERATION_BYTES, INDEX_BYTES, past ? 0 : index);
  return key;
}

/** Index in a key of `pageKey`. */
export function pageIndexOf(key: Uint8Array): number {
  let index = 0;
  for (const byte of key.subarray(-INDEX_BYTES)) index = index * 256 + byte;
  return index;
}

/** All pages of a memory from `fromIndex` on. */
export function pageRange(place: MemoryPlace, fromIndex: number): KeyRange {
  return { gte: pageKey(place, fromIndex), lt: pageKey(place, INDEX_END) };
}

/** The pages of all generations of a memory before `place.generation`. */
export function olderPages(place: MemoryPlace): KeyRange {
  return { gte: pageKey({ ...place, generation: 0 }, 0), lt: pageKey(place, 0) };
}

function writeNumber(into: Uint8Array, at: number, bytes: number, value: number): void {
  let rest = value;
  for (let i = bytes - 1; i >= 0; i--) {
    into[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** A row of the tree: what it certifies, behind the digest of the subtree it makes. */
export function canisterRow(digest: Uint8Array, record: CanisterRecord): Uint8Array {
  return concatBytes(digest, CANISTER.encode(record));
}

export function requestRow(digest: Uint8Array, change: RequestChange): Uint8Array {
  return concatBytes(digest, REQUEST.encode(change));
}

export function canisterOfRow(row: Uint8Array): CanisterRecord {
  return own(CANISTER.decode(row.subarray(HASH_BYTES)));
}

export function requestOfRow(row: Uint8Array): RequestChange {
  return own(REQUEST.decode(row.subarray(HASH_BYTES)));
}

/** What we wrote and the store's checksums vouch for. */
function own<T>(verdict: Verdict<T>): T {
  assert(verdict.kind === 'valid', 'a row of our own does not decode');
  return verdict.value;
}
