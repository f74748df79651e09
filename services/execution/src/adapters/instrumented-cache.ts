/**
 * Instrumented modules on disk, so that a restart does not instrument again. A file is a SHA-256 of
 * the rest, then the bytes; a damaged one is as good as none. The cache never fails: without a disk
 * everything works, slower.
 */
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { InstrumentedCache } from '../sandbox/ports.ts';

const CHECKSUM_BYTES = 32;
/** Beyond, the files not used for longest go when the cache is opened. */
const CACHE_BYTES_MAX = 1_073_741_824;

const checksum = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

export function openInstrumentedCache(directory: string): InstrumentedCache | undefined {
  try {
    mkdirSync(directory, { recursive: true });
    trim(directory);
  } catch {
    return undefined;
  }
  const fileOf = (key: string): string => join(directory, `${key}.wasm`);
  return {
    load: (key) => load(fileOf(key)),
    store: (key, bytes) => store(fileOf(key), bytes),
  };
}

function load(file: string): Uint8Array | undefined {
  let content: Uint8Array;
  try {
    content = readFileSync(file);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(content.subarray(CHECKSUM_BYTES));
  const sum = content.subarray(0, CHECKSUM_BYTES);
  if (Buffer.compare(checksum(bytes), sum) === 0) return bytes;
  rmSync(file, { force: true });
  return undefined;
}

function store(file: string, bytes: Uint8Array): void {
  const unfinished = `${file}.${process.pid}.part`;
  try {
    writeFileSync(unfinished, Buffer.concat([checksum(bytes), bytes]));
    renameSync(unfinished, file);
  } catch {
    rmSync(unfinished, { force: true });
  }
}

function trim(directory: string): void {
  const files = readdirSync(directory)
    .map((name) => join(directory, name))
    .map((path) => ({ path, ...pick(path) }))
    .sort((left, right) => right.usedMs - left.usedMs);
  let total = 0;
  for (const { path, bytes } of files) {
    total += bytes;
    if (total > CACHE_BYTES_MAX || path.endsWith('.part')) rmSync(path, { force: true });
  }
}

function pick(path: string): { bytes: number; usedMs: number } {
  const { size, atimeMs, mtimeMs } = statSync(path);
  return { bytes: size, usedMs: Math.max(atimeMs, mtimeMs) };
}
