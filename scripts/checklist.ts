// Which rows of the conformance checklist (interface spec, section 10) have a test: those that a title begins with, as in `row 7: …`,
// `rows 1, 2 and 4: …` or `rows 3 to 5: …`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOMS = ['packages', 'services', 'replica', 'sim', 'e2e', 'loadtest'];
const TITLE = /\b(?:test|it|describe)\b[^'"`\n]*(?:\n\s*)?['"`]rows? ([^:'"`]{1,60}):/g;

/** The rows in the titles of one test file. */
export function rowsOf(source: string): number[] {
  const rows: number[] = [];
  for (const [, list = ''] of source.matchAll(TITLE)) {
    for (const part of list.split(/\s*(?:,|and)\s*/)) {
      const [first, last = first] = part.split(/\s*(?:to|–|-)\s*/).map(Number);
      for (let row = first ?? 0; row <= (last ?? 0); row++) rows.push(row);
    }
  }
  return rows;
}

/** Every test file's rows, by path from the root of the repository. */
export function testedRows(root: string): ReadonlyMap<number, readonly string[]> {
  const files = ROOMS.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true })
      .map((name) => join(room, String(name)))
      .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules')),
  );
  const tested = new Map<number, string[]>();
  for (const file of files) {
    for (const row of new Set(rowsOf(readFileSync(join(root, file), 'utf8'))))
      tested.set(row, [...(tested.get(row) ?? []), file]);
  }
  return tested;
}
