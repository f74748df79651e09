/**
 * Chunks: the rows of a unit one after the other, cut where a chunk would hold more than 1 MiB of values. A larger row is
 * cut into pieces of 1 MiB, each a chunk of its own. Where the cuts are depends on the unit's rows only.
 *
 *   length of the key (1) · key · length of the value (4) · offset of the piece (4) · length of the piece (4) · piece
 */
import { createHash } from 'node:crypto';
import { separator, sha256 } from '@internode/encoding';
import { CHECKPOINT_LIMITS } from '../limits.ts';

export interface Chunk {
  /** Of its bytes, without the domain separator. */
  readonly bytes: number;
  readonly hash: Uint8Array;
}

/** Where a chunk begins: so a later one is read without those before it. */
export interface Cut {
  readonly key: Buffer;
  readonly offset: number;
}

export interface Piece {
  readonly key: Buffer;
  readonly valueBytes: number;
  readonly offset: number;
  readonly content: Uint8Array;
}

const DOMAIN = separator('internode-state-chunk');
const OVERHEAD_BYTES = 13;
const { pieceBytesMax, chunkRowsMax, keyBytesMax } = CHECKPOINT_LIMITS;
const CAPACITY = DOMAIN.length + pieceBytesMax + chunkRowsMax * (OVERHEAD_BYTES + keyBytesMax);

export function hashOfChunk(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(DOMAIN).update(chunk).digest());
}

/** Takes rows in order and gives chunks. What it gives is valid until the next row is added. */
export class Cutter {
  readonly #emit: (chunk: Uint8Array, hash: () => Uint8Array, cut: Cut) => void;
  readonly #buffer = Buffer.allocUnsafe(CAPACITY);
  #at = DOMAIN.length;
  #valueBytes = 0;
  #rows = 0;
  #cut: Cut | undefined;

  constructor(emit: (chunk: Uint8Array, hash: () => Uint8Array, cut: Cut) => void) {
    this.#emit = emit;
    this.#buffer.set(DOMAIN);
  }

  /** Of the chunk so far. */
  get bytes(): number {
    return this.#at - DOMAIN.length;
  }

  /** `from` is where to begin in the first row. */
  add(key: Buffer, value: Uint8Array, from = 0): void {
    if (value.length > pieceBytesMax) {
      this.end();
      for (let offset = from; offset < value.length; offset += pieceBytesMax) {
        this.#put(key, value.length, {
          offset,
          content: value.subarray(offset, offset + pieceBytesMax),
        });
        this.end();
      }
      return;
    }
    if (this.#valueBytes + value.length > pieceBytesMax || this.#rows === chunkRowsMax) this.end();
    this.#put(key, value.length, { offset: 0, content: value });
  }

  /** Forgets what was added. */
  clear(): void {
    this.#at = DOMAIN.length;
    this.#valueBytes = 0;
    this.#rows = 0;
    this.#cut = undefined;
  }

  /** The unit ends, or the chunk does. */
  end(): void {
    if (this.#cut === undefined) return;
    const whole = this.#buffer.subarray(0, this.#at);
    this.#emit(whole.subarray(DOMAIN.length), () => sha256(whole), this.#cut);
    this.clear();
  }

  #put(
    key: Buffer,
    valueBytes: number,
    { offset, content }: { offset: number; content: Uint8Array },
  ): void {
    this.#cut ??= { key, offset };
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = key.length;
    at += key.copy(buffer, at);
    at = buffer.writeUInt32BE(valueBytes, at);
    at = buffer.writeUInt32BE(offset, at);
    at = buffer.writeUInt32BE(content.length, at);
    buffer.set(content, at);
    this.#at = at + content.length;
    this.#valueBytes += content.length;
    this.#rows += 1;
  }
}

/** The pieces of a chunk, as views of it; undefined when it is none. */
export function piecesOf(chunk: Uint8Array): Piece[] | undefined {
  const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  const pieces: Piece[] = [];
  let at = 0;
  while (at < buffer.length) {
    const keyEnd = at + 1 + (buffer[at] as number);
    if (keyEnd + OVERHEAD_BYTES - 1 > buffer.length || keyEnd === at + 1) return undefined;
    const key = buffer.subarray(at + 1, keyEnd);
    const valueBytes = buffer.readUInt32BE(keyEnd);
    const offset = buffer.readUInt32BE(keyEnd + 4);
    const start = keyEnd + 12;
    const end = start + buffer.readUInt32BE(keyEnd + 8);
    if (end > buffer.length || offset + end - start > valueBytes) return undefined;
    pieces.push({ key, valueBytes, offset, content: buffer.subarray(start, end) });
    at = end;
  }
  return pieces;
}
