import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new directory, removed after the test. */
export function temporaryDir(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), 'internode-storage-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Changes one bit of a file. A negative offset counts from the end. */
export function flipBit(path: string, offset: number): void {
  const bytes = fs.readFileSync(path);
  const at = offset < 0 ? bytes.length + offset : offset;
  bytes[at] = (bytes[at] as number) ^ 0x10;
  fs.writeFileSync(path, bytes);
}
