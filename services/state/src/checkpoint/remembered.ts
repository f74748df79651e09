/**
 * What a later life has to know of a checkpoint to serve it, and to make the next manifest from what was written since:
 * the chunks with their cuts, and where the memories are. Rows of the store, so they are never of another moment.
 *
 *   b <height> <part>   a part of it, 1 MiB
 *   d <since> <unit>    the unit was written; `since` grows when a checkpoint is begun
 *
 * A note is written in the batch that writes to its unit first, and deleted in the one that makes a checkpoint of a later
 * moment known. So the notes that are there always name all that was written since the newest checkpoint that is known.
 */
import { bytesEqual, joinBytes } from '@internode/prelude';
import { partKey, TABLES, writtenKey } from '../core/rows.ts';
import type { Row, RowChange } from '../core/task.ts';
import { CHECKPOINT_LIMITS, HASH_BYTES } from '../limits.ts';
import { type Base, type Generations, type LocalChunk, layoutUnitOf } from './build.ts';
import { type EncodedManifest, encodeManifest } from './manifest.ts';
import { bufferOf, textOf } from './units.ts';

export interface Remembered {
  readonly height: number;
  readonly stateRoot: Uint8Array;
  readonly base: Base;
  readonly manifest: EncodedManifest;
  /** Under which the store keeps its rows; empty when it does not. */
  readonly name: string;
}

const HEIGHT_BYTES = 6;
const NOWHERE = 2 ** (8 * HEIGHT_BYTES) - 1;

export function rowsOf(remembered: Remembered): RowChange[] {
  const whole = encode(remembered);
  const rows: RowChange[] = [];
  for (let at = 0; at < whole.length; at += CHECKPOINT_LIMITS.rememberedPartBytes) {
    const value = whole.subarray(at, at + CHECKPOINT_LIMITS.rememberedPartBytes);
    rows.push({ key: partKey(remembered.height, rows.length), value });
  }
  return rows;
}

/** By height, the newest last. Undefined for one that is not what was written. */
export function rememberedOf(rows: readonly Row[]): Map<number, Remembered | undefined> {
  const parts = new Map<number, Uint8Array[]>();
  for (const { key, value } of rows) {
    const height = heightOfPart(key);
    parts.set(height, [...(parts.get(height) ?? []), value]);
  }
  return new Map([...parts].map(([height, values]) => [height, decode(height, joinBytes(values))]));
}

export function heightOfPart(key: Uint8Array): number {
  return bufferOf(key).readUIntBE(1, HEIGHT_BYTES);
}

/** Notes that these units were written. */
export function notesOf(since: number, units: Iterable<string>): RowChange[] {
  const value = new Uint8Array(0);
  return [...units].map((unit) => ({ key: writtenKey(since, Buffer.from(unit, 'latin1')), value }));
}

export interface Note {
  readonly since: number;
  readonly unit: string;
}

/** The unit of a note by whoever writes without notes (`UNNOTED`): nothing that was known counts. */
export const ANYTHING = '';

export function noteOf({ key }: Row): Note {
  const since = bufferOf(key).readUIntBE(1, HEIGHT_BYTES);
  return { since, unit: textOf(key.subarray(1 + HEIGHT_BYTES)) };
}

export const PARTS_RANGE = { gte: Uint8Array.of(TABLES.base), lt: Uint8Array.of(TABLES.base + 1) };
export const NOTES_RANGE = {
  gte: Uint8Array.of(TABLES.written),
  lt: Uint8Array.of(TABLES.written + 1),
};

function encode({ stateRoot, base, manifest, name }: Remembered): Buffer {
  const parts: Uint8Array[] = [short(name), stateRoot, manifest.root, number(4, base.units.size)];
  for (const [unit, chunks] of base.units) {
    parts.push(short(unit), number(4, chunks.length));
    for (const { bytes, hash, key, offset } of chunks) {
      parts.push(number(4, bytes), hash, short(textOf(key)), number(4, offset));
    }
  }
  for (const canisters of base.places.values()) {
    for (const [canister, { heap, stable }] of canisters) {
      parts.push(short(canister));
      for (const each of [heap, stable]) parts.push(number(HEIGHT_BYTES, each ?? NOWHERE));
    }
  }
  return Buffer.concat(parts);
}

function short(text: string): Buffer {
  return Buffer.from(String.fromCharCode(text.length) + text, 'latin1');
}

function number(bytes: number, value: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

/** The checksums of rows vouch for the bytes, and the manifest root for what they mean. */
function decode(height: number, bytes: Uint8Array): Remembered | undefined {
  try {
    return decoded(height, new Reader(bytes));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function decoded(height: number, reader: Reader): Remembered | undefined {
  const name = reader.text();
  const stateRoot = reader.bytes(HASH_BYTES);
  const manifestRoot = reader.bytes(HASH_BYTES);
  const units = new Map<string, readonly LocalChunk[]>();
  for (let left = reader.number(4); left > 0; left--) {
    const unit = reader.text();
    const chunks: LocalChunk[] = [];
    for (let count = reader.number(4); count > 0; count--) {
      const [length, hash] = [reader.number(4), reader.bytes(HASH_BYTES)];
      const key = Buffer.from(reader.text(), 'latin1');
      chunks.push({ bytes: length, hash, key, offset: reader.number(4) });
    }
    units.set(unit, chunks);
  }
  const places = new Map<string, Map<string, Generations>>();
  while (!reader.isAtEnd) {
    const canister = reader.text();
    const unit = layoutUnitOf(canister);
    const generations = { heap: reader.generation(), stable: reader.generation() };
    places.set(unit, (places.get(unit) ?? new Map()).set(canister, generations));
  }
  const manifest = encodeManifest(units, { height, root: stateRoot });
  if (!bytesEqual(manifest.root, manifestRoot)) return undefined;
  return { height, stateRoot, base: { units, places }, manifest, name };
}

/** Throws a RangeError where the bytes end too early. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bufferOf(bytes);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  bytes(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new RangeError('too short');
    this.#at += count;
    return new Uint8Array(this.#bytes.subarray(this.#at - count, this.#at));
  }

  number(count: number): number {
    const value = this.#bytes.readUIntBE(this.#at, count);
    this.#at += count;
    return value;
  }

  generation(): number | undefined {
    const value = this.number(HEIGHT_BYTES);
    return value === NOWHERE ? undefined : value;
  }

  text(): string {
    return textOf(this.bytes(this.number(1)));
  }
}
