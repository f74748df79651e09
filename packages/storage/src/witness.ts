// Remembers beside RocksDB which commit was last known to be safe. RocksDB silently cuts its log at the first damaged
// record; with a witness that loss is noticed. Two slots are written in turn without a sync: a torn one is ignored, and
// an old one only notices less.
import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';

const SLOT_BYTES = 12;
/** Slots lie in disk sectors of their own. */
const SLOT_STRIDE = 4096;

export class Witness {
  readonly existed: boolean;
  /** The last safe commit, or 0. */
  readonly commit: number;
  readonly #fd: number;
  #slot = 0;

  constructor(path: string) {
    this.existed = fs.existsSync(path);
    this.#fd = fs.openSync(path, this.existed ? 'r+' : 'w+', 0o600);
    const commits = [0, 1].map((slot) => this.#read(slot));
    this.commit = Math.max(...commits);
    this.#slot = commits[0] === this.commit ? 1 : 0;
  }

  /** A full disk is no harm: the slots exist after the first two notes. */
  note(commit: number): void {
    const bytes = Buffer.alloc(SLOT_BYTES);
    bytes.writeBigUInt64BE(BigInt(commit));
    bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8);
    fs.writeSync(this.#fd, bytes, 0, SLOT_BYTES, this.#slot * SLOT_STRIDE);
    this.#slot = 1 - this.#slot;
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  #read(slot: number): number {
    const bytes = Buffer.alloc(SLOT_BYTES);
    const length = fs.readSync(this.#fd, bytes, 0, SLOT_BYTES, slot * SLOT_STRIDE);
    const isWhole = length === SLOT_BYTES && crc32(bytes.subarray(0, 8)) === bytes.readUInt32BE(8);
    return isWhole ? Number(bytes.readBigUInt64BE(0)) : 0;
  }
}
