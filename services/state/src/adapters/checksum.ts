/**
 * Each value is stored behind the CRC-32 of its key and itself, so a value that was damaged, or that stands under
 * another key, is never taken for state.
 */
import { crc32 } from 'node:zlib';
import { type Entry, StorageFault } from '@internode/storage';
import type { Row, RowChange } from '../core/task.ts';

const CHECKSUM_BYTES = 4;

export function withChecksum({ key, value }: RowChange): RowChange {
  if (value === undefined) return { key, value };
  const bytes = new Uint8Array(value.length + CHECKSUM_BYTES);
  bytes.set(value, CHECKSUM_BYTES);
  new DataView(bytes.buffer).setUint32(0, crc32(value, crc32(key)));
  return { key, value: bytes };
}

const NO_MEMORY = Buffer.alloc(0);

/** The same for a batch, in one array: thousands of small ones are dear. In `memory` when it is large enough. */
export function withChecksums(changes: readonly RowChange[], memory = NO_MEMORY): RowChange[] {
  let length = 0;
  for (const { value } of changes)
    length += value === undefined ? 0 : value.length + CHECKSUM_BYTES;
  const all = length <= memory.length ? memory : Buffer.allocUnsafeSlow(length);
  let at = 0;
  return changes.map(({ key, value }) => {
    if (value === undefined) return { key, value };
    const bytes = all.subarray(at, at + value.length + CHECKSUM_BYTES);
    bytes.writeUInt32BE(crc32(value, crc32(key)));
    bytes.set(value, CHECKSUM_BYTES);
    at += bytes.length;
    return { key, value: bytes };
  });
}

/** Throws a `StorageFault` (`corrupt`) for anything that `withChecksum` did not make. */
export function withoutChecksum({ key, value: bytes }: Entry): Row {
  if (bytes.length >= CHECKSUM_BYTES) {
    const value = bytes.subarray(CHECKSUM_BYTES);
    const stored = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    if (stored === crc32(value, crc32(key))) return { key, value };
  }
  const row = `${String.fromCharCode(key[0] ?? 0)}, ${bytes.length} bytes`;
  throw new StorageFault('corrupt', `a stored row (${row}) is not what was written`);
}
