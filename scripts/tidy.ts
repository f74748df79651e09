// House rules as a check: the table of rooms, words that cores may not use, sizes, titles, and documents that must agree with code.
// Each finding is one line `file:line: what is wrong: what to do`.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { documentFindings } from './documents.ts';
import {
  OWNED_LIBRARIES,
  PURE_LIBRARIES,
  PURE_PACKAGES,
  SERVICES,
  SHELL_FOLDERS,
  SHELL_PACKAGES,
} from './rooms.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LINES_MAX = 400;
const README_LINES_MAX = 120;

/** Files whose length is their subject: tables of opcodes, mathematics, vectors. */
const LONG_FILES = [/\/gen\//, /\/test\//, /\/vectors?/, /\/bench\//];

export interface Source {
  readonly path: string;
  readonly text: string;
}

export function findingsOf(source: Source): string[] {
  if (!source.path.endsWith('.ts') || source.path.endsWith('.d.ts')) return titleFindings(source);
  return [...sizeFindings(source), ...importFindings(source), ...coreFindings(source)];
}

function titleFindings({ path, text }: Source): string[] {
  if (!path.endsWith('.md')) return [];
  const found: string[] = [];
  if (!text.startsWith('# ')) found.push(`${path}:1: no title: start with "# "`);
  const lines = text.split('\n').length;
  if (/^(services|packages)\/[^/]+\/README\.md$/.test(path) && lines > README_LINES_MAX) {
    found.push(`${path}: ${lines} lines: a room's README has at most ${README_LINES_MAX}`);
  }
  return found;
}

function sizeFindings({ path, text }: Source): string[] {
  const lines = text.split('\n').length;
  if (lines <= LINES_MAX || LONG_FILES.some((pattern) => pattern.test(path))) return [];
  return [`${path}: ${lines} lines: split it by idea, ${LINES_MAX} is the limit`];
}

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

interface Import {
  readonly target: string;
  readonly line: number;
}

function importsOf(path: string, text: string): Import[] {
  const erased = path.endsWith('.ts') ? stripTypeScriptTypes(text) : text;
  const code = erased.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, (comment) =>
    comment.replace(/[^\n]/g, ' '),
  );
  return [...code.matchAll(IMPORT)].map((match) => ({
    target: match[1] ?? match[2] ?? '',
    line: code.slice(0, match.index + match[0].length).split('\n').length,
  }));
}

function isPure(path: string): boolean {
  if (SHELL_FOLDERS.some((folder) => path.startsWith(folder))) return false;
  const [kind = '', room = '', source = '', part = ''] = path.split('/');
  if (source !== 'src') return false;
  if (kind === 'packages') return room in PURE_PACKAGES;
  return kind === 'services' && part === 'core';
}

function importFindings({ path, text }: Source): string[] {
  const found: string[] = [];
  const say = (line: number, what: string) => found.push(`${path}:${line}: ${what}`);
  for (const { target, line } of importsOf(path, text)) {
    for (const rule of [pureRule, roomRule, ownerRule, doorRule, declaredRule]) {
      const wrong = rule(path, target);
      if (wrong !== undefined) say(line, `imports ${target}: ${wrong}`);
    }
  }
  return found;
}

function pureRule(path: string, target: string): string | undefined {
  if (!isPure(path)) return undefined;
  if (target.startsWith('node:'))
    return 'a pure room does not touch the machine: move it to an adapter';
  if (target.startsWith('.') || target.startsWith('@internode/')) return undefined;
  const allowed = PURE_LIBRARIES.some(
    (library) => target === library || target.startsWith(`${library}/`),
  );
  return allowed ? undefined : 'not a library of pure rooms (scripts/rooms.ts)';
}

function roomRule(path: string, target: string): string | undefined {
  const imported = /^@internode\/([^/]+)/.exec(target)?.[1];
  const [kind, room = '', source] = path.split('/');
  if (imported === undefined || source !== 'src') return undefined;
  if (kind === 'packages') {
    const allowed = PURE_PACKAGES[room] ?? SHELL_PACKAGES[room] ?? [];
    return imported === room || allowed.includes(imported)
      ? undefined
      : `packages/${room} may import: ${allowed.join(', ')}`;
  }
  if (kind !== 'services') return undefined;
  if (SERVICES.includes(imported)) return 'services never import services: use a contract';
  if (isPure(path) && !(imported in PURE_PACKAGES)) return 'a core imports pure packages only';
  return undefined;
}

function ownerRule(path: string, target: string): string | undefined {
  for (const [library, owner] of Object.entries(OWNED_LIBRARIES)) {
    if (target.startsWith(library) && !path.startsWith(owner) && path.includes('/src/'))
      return `only ${owner} does`;
  }
  return undefined;
}

/** Inside a room by file, across rooms by the door. */
function doorRule(path: string, target: string): string | undefined {
  if (!target.startsWith('.')) return undefined;
  const room = roomOf(path);
  const aim = join(dirname(path), target);
  if (room !== undefined && !aim.startsWith(`${room}/`))
    return 'another room is entered by its door (@internode/…)';
  if (path.includes('/src/') && aim.includes('/test/')) return 'src never imports test';
  if (path.includes('/src/core/') && aim.includes('/adapters/'))
    return 'a core never imports an adapter';
  return undefined;
}

function roomOf(path: string): string | undefined {
  const match = /^((?:packages|services)\/[^/]+|replica|sim|e2e|loadtest)\//.exec(path);
  return match?.[1];
}

function declaredRule(path: string, target: string): string | undefined {
  const room = roomOf(path);
  if (room === undefined || target.startsWith('.') || target.startsWith('node:')) return undefined;
  const name = target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
  const manifest = join(ROOT, room, 'package.json');
  if (!existsSync(manifest)) return undefined;
  const parsed = JSON.parse(readFileSync(manifest, 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  const own = (parsed['name'] as unknown as string) === name;
  const root = ['vitest', 'vite'].includes(name);
  const kinds = path.includes('/src/')
    ? ['dependencies', 'optionalDependencies']
    : ['dependencies', 'devDependencies', 'optionalDependencies'];
  const declared = kinds.some((kind) => parsed[kind]?.[name] !== undefined);
  return own || root || declared ? undefined : `not declared in ${room}/package.json`;
}

/** Words that have no place in a step: it is synchronous and knows neither time nor chance (laws 1 and 2). */
const CORE_BANS: readonly (readonly [RegExp, string])[] = [
  [/(?<!#)\b(?:async|await|Promise)\b/, 'a step ends: use an effect'],
  [/\bDate\b|\bperformance\b/, 'use `now`'],
  [/\bMath\.random\b|\brandomUUID\b|\bgetRandomValues\b/, 'ask the solver'],
  [/\blocaleCompare\b|\bIntl\b|\btoLocale/, 'depends on the machine: use compareBytes or <'],
  [/\bWeakRef\b|\bFinalizationRegistry\b/, 'not deterministic'],
  [/\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b/, 'use the `wait` effect'],
];

function coreFindings({ path, text }: Source): string[] {
  if (!/^services\/[^/]+\/src\/core\//.test(path)) return [];
  const code = stripTypeScriptTypes(text).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, (comment) =>
    comment.replace(/[^\n]/g, ' '),
  );
  const withoutText = code.replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
  return withoutText
    .split('\n')
    .flatMap((line, index) =>
      CORE_BANS.filter(([word]) => word.test(line)).map(
        ([word, remedy]) => `${path}:${index + 1}: ${word.exec(line)?.[0]} in a core: ${remedy}`,
      ),
    );
}

function main(): void {
  const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const sources = tracked
    .split('\n')
    .filter((path) => /\.(ts|mjs|md)$/.test(path) && existsSync(join(ROOT, path)))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
  const findings = [...sources.flatMap(findingsOf), ...documentFindings(ROOT, sources)];
  for (const finding of findings) console.error(finding);
  console.log(`tidy: ${sources.length} files, ${findings.length} findings`);
  process.exit(findings.length === 0 ? 0 : 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
