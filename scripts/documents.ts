// Documents that must agree with the code, in both directions.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { limitsDocument } from './limits-table.ts';
import type { Source } from './tidy.ts';

export function documentFindings(root: string, sources: readonly Source[]): string[] {
  return [
    ...limitFindings(root, sources),
    ...errorFindings(root, sources),
    ...dependencyFindings(root, sources),
  ];
}

function document(root: string, path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
}

/** docs/limits.md is made from the rooms' limits.ts. */
function limitFindings(root: string, sources: readonly Source[]): string[] {
  const files = sources.filter(({ path }) => path.endsWith('/limits.ts'));
  const stale = document(root, 'docs/limits.md') !== limitsDocument(files);
  return stale ? ['docs/limits.md: stale: run `npm run gen`'] : [];
}

/** Every `IC0xxx` code in the sources is a row of docs/errors.md, and no row is dead. */
function errorFindings(root: string, sources: readonly Source[]): string[] {
  const text = document(root, 'docs/errors.md');
  const inCode = new Set<string>();
  for (const source of sources.filter(({ path }) =>
    /^services\/[^/]+\/src\/|^packages\/[^/]+\/src\//.test(path),
  )) {
    for (const match of source.text.matchAll(/\bIC0\d{3}\b/g)) inCode.add(match[0]);
  }
  const inText = new Set([...text.matchAll(/^\| (IC0\d{3}) \|/gm)].map((match) => match[1] ?? ''));
  return differences('docs/errors.md', inCode, inText);
}

/** Every third-party dependency of a workspace has a row in docs/dependencies.md, and no row is dead. */
function dependencyFindings(root: string, sources: readonly Source[]): string[] {
  const text = document(root, 'docs/dependencies.md');
  const rooms = new Set(
    sources.map(
      ({ path }) =>
        /^((?:packages|services)\/[^/]+|replica|sim|e2e|loadtest)\//.exec(path)?.[1] ?? '',
    ),
  );
  const inCode = new Set<string>();
  for (const room of rooms) {
    const manifest = document(root, join(room, 'package.json'));
    if (manifest === '') continue;
    const parsed = JSON.parse(manifest) as Record<string, Record<string, string>>;
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      for (const name of Object.keys(parsed[kind] ?? {}))
        if (!name.startsWith('@internode/')) inCode.add(name);
    }
  }
  const inText = new Set([...text.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? ''));
  return differences('docs/dependencies.md', inCode, inText);
}

function differences(
  file: string,
  inCode: ReadonlySet<string>,
  inText: ReadonlySet<string>,
): string[] {
  return [
    ...[...inCode]
      .filter((name) => !inText.has(name))
      .map((name) => `${file}: ${name} is missing: add its row`),
    ...[...inText]
      .filter((name) => !inCode.has(name))
      .map((name) => `${file}: ${name} is no longer in the code: remove its row`),
  ];
}
