// docs/limits.md, made from every limits.ts: the comment beside a bound says what happens when it is met. `tidy` refuses a stale table.
import { readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

export interface LimitsFile {
  readonly path: string;
  readonly text: string;
}

const HEAD = `# Limits

Every bound of every room, made from the rooms' \`limits.ts\` by \`npm run gen\`. The comment says what happens when a bound is met.
Rows without a comment belong to the one above.
`;

interface Row {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
}

/** Comments, exported constants, and the keys of exported objects, in order. */
const ITEM =
  /\/\*\*([\s\S]*?)\*\/|\/\/([^\n]*)|^export const ([A-Z][A-Z0-9_]+) = (\{)?|^ {2}(\w+): ([^\n]*?),?$|^\}/gm;

function rowsOf(text: string): Row[] {
  const rows: Row[] = [];
  let comment = '';
  let owner: string | undefined;
  const body = text.replace(/^assert\([\s\S]*?\);$/gm, '');
  for (const match of body.matchAll(ITEM)) {
    const [, block, line, constant, opens, key, value] = match;
    if (block !== undefined || line !== undefined) {
      comment = (block ?? line ?? '').replace(/\s*\n\s*\*?\s*/g, ' ').trim();
      continue;
    }
    if (constant !== undefined && opens !== undefined) owner = constant;
    else if (constant !== undefined) {
      const start = match.index + match[0].length;
      rows.push({
        name: constant,
        value: body.slice(start, body.indexOf(';', start)),
        meaning: comment,
      });
    } else if (key !== undefined && owner !== undefined) {
      rows.push({ name: `${owner}.${key}`, value: value ?? '', meaning: comment });
    } else owner = undefined;
    comment = '';
  }
  return rows;
}

/** The whole document. */
export function limitsDocument(files: readonly LimitsFile[]): string {
  const sections = [...files]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, text }) => {
      const rows = rowsOf(text).map(({ name, value, meaning }) => {
        const cell = (words: string): string =>
          words.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();
        return `| \`${name}\` | ${cell(stripTypeScriptTypes(`(${value})`))
          .slice(1, -1)
          .trim()} | ${cell(meaning)} |`;
      });
      return `\n## ${path}\n\n| bound | value | meaning, and what happens |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
    });
  return HEAD + sections.join('');
}

export function writeLimits(root: string, paths: readonly string[]): void {
  const files = paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
  writeFileSync(join(root, 'docs/limits.md'), limitsDocument(files));
}
