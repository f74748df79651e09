// Signed files of operators, read from paths; an error names the file.
import { readFileSync, statSync } from 'node:fs';
import type { Verdict } from '@internode/prelude';
import { StartFault } from '../start-fault.ts';
import { DOCUMENT_BYTES_MAX, type Document, readDocument } from './documents.ts';

export function documentsIn(
  files: readonly string[],
): { readonly file: string; readonly document: Document }[] {
  return files.map((file) => {
    let text: string;
    try {
      if (statSync(file).size > DOCUMENT_BYTES_MAX) throw new Error('it is too large');
      text = readFileSync(file, 'utf8');
    } catch (fault) {
      throw new StartFault(`${file} cannot be read: ${(fault as Error).message}`);
    }
    return { file, document: said(file, readDocument(text)) };
  });
}

/** What a file says, or the end with its name. */
export function said<T>(file: string, verdict: Verdict<T>): T {
  if (verdict.kind === 'valid') return verdict.value;
  throw new StartFault(`${file}: ${verdict.reason}`);
}
