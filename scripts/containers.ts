// Whatever `docker compose` needs on this machine: an engine, Compose, base images. What is there is used; what is not is installed
// from Debian (root) or started, and stopped again at the end.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = join(ROOT, '.cache/docker');
const BASES = ['debian:bookworm-slim', 'node:24-bookworm-slim', 'nats:2'] as const;
const CA_FILES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/ssl/cert.pem'];
const ENGINE_MS_MAX = 60_000;

/**
 * An engine, Compose and base images; settles with what stops again whatever was started. Throws with what is missing where nothing can
 * be had: whatever is in this repository, such a machine runs no containers.
 */
export async function prepareEngine(log: (line: string) => void): Promise<() => Promise<void>> {
  const stop = await findEngine(log);
  try {
    findCompose(log);
    findBases(log);
    // An engine may start where it can run nothing.
    must('docker', ['run', '--rm', '--publish', '127.0.0.1::8000', BASES[0], 'true']);
    return stop;
  } catch (fault) {
    await stop();
    throw fault;
  }
}

/** The images of this repository. Throws when they cannot be built, or the command in them does not run. */
export function buildImages(log: (line: string) => void): void {
  log('containers: building images …');
  const ca = CA_FILES.find(existsSync);
  const env = { BUILD_CA_FILE: process.env['BUILD_CA_FILE'] ?? ca ?? '/dev/null' };
  must('docker', ['compose', 'build', '--quiet', 'prepare', 'broker'], env);
  must('docker', ['run', '--rm', 'internode:dev', 'help']);
}

async function findEngine(log: (line: string) => void): Promise<() => Promise<void>> {
  if (succeeds('docker', ['info'])) return async () => {};
  install(log, 'dockerd', ['docker.io', 'iptables']);
  log('containers: starting a docker engine …');
  mkdirSync(CACHE, { recursive: true });
  const output = openSync(join(CACHE, 'dockerd.log'), 'w');
  const engine = spawn('dockerd', ['--data-root', join(CACHE, 'data')], {
    stdio: ['ignore', output, output],
    detached: true,
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
  });
  let isGone = false;
  const gone = new Promise<void>((resolve) => {
    for (const event of ['exit', 'error'])
      engine.once(event, () => {
        isGone = true;
        resolve();
      });
  });
  const stop = async (): Promise<void> => {
    if (!isGone) engine.kill('SIGTERM');
    await gone;
  };
  const deadline = performance.now() + ENGINE_MS_MAX;
  while (!succeeds('docker', ['info'])) {
    if (isGone || performance.now() > deadline) {
      await stop();
      throw new Error(`no docker engine: see ${join(CACHE, 'dockerd.log')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return stop;
}

/** Compose 2 is a plug-in; Debian 12 has none, the one of Debian 13 is a single static program. */
function findCompose(log: (line: string) => void): void {
  if (succeeds('docker', ['compose', 'version'])) return;
  const plugins = join(CACHE, 'cli-plugins');
  if (!existsSync(join(plugins, 'docker-compose'))) {
    log('containers: installing Compose …');
    const work = join(CACHE, 'apt');
    for (const folder of ['lists/partial', 'cache/archives/partial', 'root'])
      mkdirSync(join(work, folder), { recursive: true });
    const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
    const source = `deb [signed-by=${key}] http://deb.debian.org/debian trixie main`;
    must('sh', ['-c', `echo "${source}" > "${work}/sources.list"`]);
    const options = [
      `Dir::Etc::sourcelist=${work}/sources.list`,
      'Dir::Etc::sourceparts=/dev/null',
      `Dir::State::lists=${work}/lists`,
      `Dir::Cache=${work}/cache`,
    ].flatMap((option) => ['-o', option]);
    must('apt-get', [...options, '-qq', 'update']);
    must('apt-get', [...options, '-q', 'download', 'docker-compose'], {}, work);
    const [archive = ''] = readdirSync(work).filter((name) => name.endsWith('.deb'));
    must('dpkg-deb', ['-x', join(work, archive), join(work, 'root')]);
    cpSync(join(work, 'root/usr/libexec/docker/cli-plugins'), plugins, { recursive: true });
    chmodSync(join(plugins, 'docker-compose'), 0o755);
    rmSync(work, { recursive: true });
  }
  process.env['DOCKER_CONFIG'] = CACHE;
  must('docker', ['compose', 'version']);
}

function findBases(log: (line: string) => void): void {
  const isMissing = (image: string): boolean => !succeeds('docker', ['image', 'inspect', image]);
  const pulled = BASES.filter(isMissing).every((image) => succeeds('docker', ['pull', image]));
  if (pulled && !BASES.some(isMissing)) return;
  install(log, 'mmdebstrap', ['mmdebstrap']);
  install(log, 'nats-server', ['nats-server']);
  log('containers: making base images (once) …');
  must(join(ROOT, 'deploy/base-images.sh'), []);
}

function install(log: (line: string) => void, program: string, packages: readonly string[]): void {
  if (succeeds('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${program}`])) return;
  if (process.getuid?.() !== 0 || !succeeds('apt-get', ['--version']))
    throw new Error(`${program} is needed and can only be installed by root on Debian: install it`);
  log(`containers: installing ${packages.join(', ')} …`);
  must('apt-get', ['-qq', 'update']);
  must('apt-get', ['-qq', '-y', 'install', '--no-install-recommends', ...packages]);
}

function succeeds(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', cwd: ROOT }).status === 0;
}

function must(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  folder = ROOT,
): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', ...environment };
  const done = spawnSync(program, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe', env });
  if (done.status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed:\n${done.stderr || done.error?.message}`);
}

/** What tests have left: containers, networks, volumes of their projects. */
export function removeProjects(prefix: string): void {
  const listed = (args: readonly string[]): string[] =>
    spawnSync('docker', args, { encoding: 'utf8' })
      .stdout.split('\n')
      .filter((name) => name !== '');
  const filter = ['--filter', `name=${prefix}`, '--quiet'];
  const removals: readonly (readonly [readonly string[], readonly string[]])[] = [
    [
      ['ps', '--all'],
      ['rm', '--force'],
    ],
    [
      ['network', 'ls'],
      ['network', 'rm'],
    ],
    [
      ['volume', 'ls'],
      ['volume', 'rm'],
    ],
  ];
  for (const [list, remove] of removals) {
    const found = listed([...list, ...filter]);
    if (found.length > 0) must('docker', [...remove, ...found]);
  }
}
