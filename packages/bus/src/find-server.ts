// Finds a nats-server, or installs it: INTERNODE_NATS_SERVER, PATH, apt (as root), Go, Homebrew, Docker, in this order.
// Never skips: where none is possible it throws with how to get one.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../../.cache/bin', import.meta.url));
const BINARY = 'nats-server';

/** Path of a nats-server that answers `--version`. */
export function findNatsServer(log: (line: string) => void): string {
  for (const [name, attempt] of ATTEMPTS) {
    const path = attempt(log);
    if (path !== undefined && run(path, ['--version']).status === 0) {
      log(`nats-server: ${path} (${name})`);
      return path;
    }
  }
  throw new Error(
    'a nats-server is needed and none could be found or installed. Get one by any of: ' +
      '`apt-get install nats-server` (as root), `go install github.com/nats-io/nats-server/v2@latest`, ' +
      '`brew install nats-server`, a running Docker; or put the binary on PATH.',
  );
}

type Attempt = (log: (line: string) => void) => string | undefined;

const ATTEMPTS: readonly (readonly [string, Attempt])[] = [
  ['INTERNODE_NATS_SERVER', () => process.env['INTERNODE_NATS_SERVER'] || undefined],
  ['PATH', onPath],
  ['installed earlier', () => existing(join(CACHE, BINARY))],
  ['apt', withApt],
  ['go install', withGo],
  ['Homebrew', withBrew],
  ['Docker', withDocker],
];

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(program, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

function existing(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

function onPath(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, BINARY)).find((path) => existsSync(path));
}

function has(program: string): boolean {
  return run(program, ['--version']).error === undefined;
}

function withApt(log: (line: string) => void): string | undefined {
  if (process.getuid?.() !== 0 || !has('apt-get')) return undefined;
  log('nats-server: installing with apt-get …');
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  if (run('apt-get', ['install', '-y', '--no-install-recommends', BINARY], env).status !== 0) {
    run('apt-get', ['update', '-qq'], env);
    run('apt-get', ['install', '-y', '--no-install-recommends', BINARY], env);
  }
  return onPath();
}

function withGo(log: (line: string) => void): string | undefined {
  if (run('go', ['version']).status !== 0) return undefined;
  log('nats-server: installing with go install (about a minute) …');
  mkdirSync(CACHE, { recursive: true });
  run('go', ['install', 'github.com/nats-io/nats-server/v2@latest'], { GOBIN: CACHE });
  return existing(join(CACHE, BINARY));
}

function withBrew(log: (line: string) => void): string | undefined {
  if (!has('brew')) return undefined;
  log('nats-server: installing with Homebrew …');
  run('brew', ['install', BINARY]);
  return onPath();
}

/** A script that runs the server from its image on the host's network, so that tests can pass ports as usual. */
function withDocker(log: (line: string) => void): string | undefined {
  if (run('docker', ['info']).status !== 0) return undefined;
  log('nats-server: using the Docker image nats:2 …');
  mkdirSync(CACHE, { recursive: true });
  const script = join(CACHE, BINARY);
  writeFileSync(
    script,
    '#!/bin/sh\nexec docker run --rm -i --init --network host -v /tmp:/tmp nats:2 "$@"\n',
  );
  chmodSync(script, 0o755);
  return script;
}
