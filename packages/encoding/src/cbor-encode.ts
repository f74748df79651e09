import { assert } from '@internode/prelude';
import { ByteWriter } from './byte-writer.ts';
import type { CborInput } from './cbor-value.ts';

const UINT64_END = 1n << 64n;
const SELF_DESCRIBE_TAG = 55799;

/** Encodes under the self-describe tag 55799; maps keep the order of their fields. */
export function encodeCbor(value: CborInput): Uint8Array {
  const writer = new ByteWriter();
  head(writer, 6, SELF_DESCRIBE_TAG);
  write(writer, value);
  return writer.finish();
}

/** Items one after the other, for what would be many small objects before it is bytes. As many follow an array's or map's head as it says. */
export class CborWriter {
  readonly #writer = new ByteWriter();

  selfDescribe(): void {
    head(this.#writer, 6, SELF_DESCRIBE_TAG);
  }

  array(length: number): void {
    head(this.#writer, 4, length);
  }

  map(length: number): void {
    head(this.#writer, 5, length);
  }

  item(value: CborInput): void {
    write(this.#writer, value);
  }

  /** A byte string with the bytes of a text of code units below 256. */
  binary(text: string): void {
    head(this.#writer, 2, text.length);
    for (let i = 0; i < text.length; i++) this.#writer.byte(text.charCodeAt(i));
  }

  /** The head of a byte string of `4 · count` bytes; as many `word`s follow. */
  words(count: number): void {
    head(this.#writer, 2, 4 * count);
  }

  /** 32 bits, big-endian. */
  word(word: number): void {
    this.#writer.uint(word, 4);
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}

/** Encodes without the self-describe tag. */
export function encodeCborUntagged(value: CborInput): Uint8Array {
  const writer = new ByteWriter();
  write(writer, value);
  return writer.finish();
}

function write(writer: ByteWriter, value: CborInput): void {
  if (typeof value === 'string') writer.text(value, (length) => head(writer, 3, length));
  else if (typeof value === 'number') writeNumber(writer, value);
  else if (typeof value === 'bigint') writeBigint(writer, value);
  else if (value === null) writer.byte(0xf6);
  else if (typeof value === 'boolean') writer.byte(value ? 0xf5 : 0xf4);
  else if (value instanceof Uint8Array) {
    head(writer, 2, value.length);
    writer.bytes(value);
  } else if (isArray(value)) {
    head(writer, 4, value.length);
    for (const item of value) write(writer, item);
  } else {
    writeMap(writer, value);
  }
}

function writeMap(
  writer: ByteWriter,
  map: { readonly [key: string]: CborInput | undefined },
): void {
  let size = 0;
  for (const key in map) if (map[key] !== undefined) size += 1;
  head(writer, 5, size);
  for (const key in map) {
    const value = map[key];
    if (value === undefined) continue;
    writer.text(key, (length) => head(writer, 3, length));
    write(writer, value);
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  assert(Number.isSafeInteger(value), 'cbor: number is not a safe integer');
  if (value >= 0) head(writer, 0, value);
  else head(writer, 1, -1 - value);
}

function writeBigint(writer: ByteWriter, value: bigint): void {
  const magnitude = value >= 0n ? value : -1n - value;
  if (magnitude < UINT64_END) {
    head(writer, value >= 0n ? 0 : 1, magnitude);
    return;
  }
  writer.byte(value >= 0n ? 0xc2 : 0xc3);
  const bytes: number[] = [];
  for (let rest = magnitude; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  head(writer, 2, bytes.length);
  writer.bytes(Uint8Array.from(bytes));
}

function head(writer: ByteWriter, major: number, argument: number | bigint): void {
  const high = major << 5;
  if (argument < 24) {
    writer.byte(high | Number(argument));
  } else if (argument <= 0xff) {
    writer.byte(high | 24);
    writer.uint(Number(argument), 1);
  } else if (argument <= 0xffff) {
    writer.byte(high | 25);
    writer.uint(Number(argument), 2);
  } else if (argument <= 0xffff_ffff) {
    writer.byte(high | 26);
    writer.uint(Number(argument), 4);
  } else {
    writer.byte(high | 27);
    writer.uint64(BigInt(argument));
  }
}

function isArray(value: CborInput): value is readonly CborInput[] {
  return Array.isArray(value);
}
