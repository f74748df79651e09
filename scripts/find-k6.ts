// Finds k6, or installs it: INTERNODE_K6, PATH, installed earlier, Go, Homebrew, in this order. Throws with how to get one.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../.cache/bin', import.meta.url));
const MODULE = 'go.k6.io/k6/v2';
const VERSION = 'v2.2.0';

type Log = (line: string) => void;
type Attempt = (log: Log) => string | undefined;

const ATTEMPTS: readonly (readonly [string, Attempt])[] = [
  ['INTERNODE_K6', () => process.env['INTERNODE_K6'] || undefined],
  ['PATH', onPath],
  ['installed earlier', () => existing(join(CACHE, 'k6'))],
  ['go install', withGo],
  ['Homebrew', withBrew],
];

/** Path of a k6 that answers `version`, and the version. */
export function findK6(log: Log): { readonly path: string; readonly version: string } {
  for (const [name, attempt] of ATTEMPTS) {
    const path = attempt(log);
    if (path === undefined) continue;
    const { status, stdout } = spawnSync(path, ['version'], { encoding: 'utf8' });
    if (status !== 0) continue;
    const version = /v(\d+\.\S+)/.exec(stdout)?.[1] ?? '';
    log(`k6: ${path} ${version} (${name})`);
    return { path, version };
  }
  throw new Error(
    `k6 is needed and none could be found or installed. Get it by any of: \`go install ${MODULE}\`, \`brew install k6\`; or put it on PATH. ` +
      'In containers: docker compose --profile load run --rm k6',
  );
}

function existing(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

function onPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'k6')).find((path) => existsSync(path));
}

/** `go install` would ask k6's own site for the newest version; a module that requires this one asks the proxy only. */
function withGo(log: Log): string | undefined {
  if (spawnSync('go', ['version']).status !== 0) return undefined;
  log('k6: building with Go (some minutes) …');
  const cwd = mkdtempSync(join(tmpdir(), 'internode-k6-'));
  try {
    mkdirSync(CACHE, { recursive: true });
    const steps = [
      ['mod', 'init', 'build'],
      ['mod', 'edit', `-require=${MODULE}@${VERSION}`],
      ['build', '-mod=mod', '-o', join(CACHE, 'k6'), MODULE],
    ];
    for (const step of steps)
      spawnSync('go', step, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    rmSync(cwd, { recursive: true });
  }
  return existing(join(CACHE, 'k6'));
}

function withBrew(log: Log): string | undefined {
  if (spawnSync('brew', ['--version']).status !== 0) return undefined;
  log('k6: installing with Homebrew …');
  spawnSync('brew', ['install', 'k6'], { stdio: 'inherit' });
  return onPath();
}
