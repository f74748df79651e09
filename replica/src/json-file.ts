// JSON files that are written whole and checked when they are read.
import { readFileSync } from 'node:fs';
import { fromHex, isHex } from '@internode/prelude';
import { writeDurably } from './data-dir.ts';
import { StartFault } from './start-fault.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function readJson<T>(file: string, read: (fields: Fields) => T): T {
  try {
    const fields: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof fields !== 'object' || fields === null) throw new Error('it is not a JSON object');
    return read(fields as Fields);
  } catch (fault) {
    throw new StartFault(
      `${file} cannot be read: ${(fault as Error).message}`,
      'restore the file from a backup; it was written once and is never changed',
    );
  }
}

export function writeJson(file: string, mode: number, content: object): void {
  writeDurably(file, `${JSON.stringify(content, null, 2)}\n`, mode);
}

export function hexOf(fields: Fields, name: string): Uint8Array {
  const text = fields[name];
  if (typeof text !== 'string' || !isHex(text)) throw new Error(`"${name}" is not hexadecimal`);
  return fromHex(text);
}
