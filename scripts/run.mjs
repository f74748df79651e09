// The door of every npm script. Plain JavaScript, because it must run on whatever Node the machine has: it installs what is
// missing, finds a Node that can run TypeScript by stripping types, and hands over.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_MIN = [24, 12];

/**
 * A call lives for some 30 ms: with 8 MiB most of what it allocates survived two collections and became old before it died. This
 * costs 80 MB of memory and saves a sixth of all CPU time under load. And so much may gather before old objects are collected first:
 * while few of them live, V8 would look at them all again after each few megabytes (replica/src/main.ts says what follows). Cannot be
 * set once the process runs.
 */
const REPLICA_FLAGS = [
  '--min-semi-space-size=32',
  '--max-semi-space-size=32',
  '--initial-heap-size=256',
  // V8's helpers, four by default: more than there are cores get into each other's way.
  `--v8-pool-size=${Math.min(4, availableParallelism())}`,
];

/**
 * glibc keeps what threads freed in so many pools: with one for each of twenty threads 50 MB lie idle. What comes from the system and goes
 * back to it, by default from 128 KiB on, is cleared page by page: a megabyte costs 0.5 to 2 ms, five times what copying it does. So messages
 * and parts of a state come from the pools, of whose free ends 32 MiB are kept. Pages of stable memory come from the system all the same.
 */
const REPLICA_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: String(1280 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(32 * 1024 * 1024),
};

const COMMANDS = {
  start: ['replica/src/main.ts', 'start'],
  network: ['replica/src/main.ts', 'network'],
  internode: ['replica/src/main.ts'],
  test: ['scripts/ci.ts', 'test'],
  check: ['scripts/ci.ts', 'check'],
  e2e: ['scripts/ci.ts', 'e2e'],
  chart: ['scripts/chart.ts'],
  containers: ['scripts/ci.ts', 'e2e-containers'],
  ci: ['scripts/ci.ts'],
  sim: ['sim/main.ts'],
  bench: ['bench/main.ts'],
  load: ['loadtest/load.ts'],
  k6: ['scripts/k6.ts'],
  gen: ['scripts/gen.ts'],
};

const [command = 'start', ...rest] = process.argv.slice(2);
const target = COMMANDS[command];
if (!target) fail(`unknown command ${command}; one of: ${Object.keys(COMMANDS).join(', ')}`);
await installMissing();
handOver(await findNode(), [...target, ...rest]);

function fail(message) {
  console.error(`internode: ${message}`);
  process.exit(1);
}

/** True when node_modules holds every package of the lock file in the locked version (optional ones of other platforms aside). */
function isInstalled() {
  const installedFile = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const locked = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(locked).every(
    ([path, entry]) =>
      !path.includes('node_modules/') ||
      entry.optional ||
      (installed[path] !== undefined && installed[path].version === entry.version),
  );
}

async function installMissing() {
  if (isInstalled()) return;
  const startedAt = Date.now();
  console.error('internode: installing packages (first run only, about half a minute) …');
  const npm = process.env.npm_execpath;
  const [program, ...args] = npm ? [process.execPath, npm] : ['npm'];
  const child = spawn(program, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: !npm && process.platform === 'win32',
  });
  const ticker = setInterval(() => {
    console.error(
      `internode: … still installing, ${Math.round((Date.now() - startedAt) / 1000)} s`,
    );
  }, 5000);
  const code = await new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('exit', resolve);
  });
  clearInterval(ticker);
  if (code !== 0)
    fail('`npm ci` failed (above). Is the network up? Then run the same command again.');
  console.error(
    `internode: packages installed in ${Math.round((Date.now() - startedAt) / 1000)} s`,
  );
}

function isEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
}

async function findNode() {
  if (isEnough(process.version)) return process.execPath;
  const require = createRequire(import.meta.url);
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  try {
    return join(dirname(require.resolve(`${name}/package.json`)), 'bin/node');
  } catch {
    return fail(
      `this machine has Node ${process.version}; Internode needs Node ${NODE_MIN.join('.')} or newer ` +
        `(package ${name} is not available here). Install it from nodejs.org or your version manager and run again.`,
    );
  }
}

function handOver(node, args) {
  const flags = args[0].startsWith('replica/') ? REPLICA_FLAGS : [];
  const child = spawn(node, [...flags, join(ROOT, args[0]), ...args.slice(1)], {
    cwd: ROOT,
    stdio: 'inherit',
    env: {
      ...(flags.length > 0 ? REPLICA_ENVIRONMENT : {}),
      ...process.env,
      PATH: `${dirname(node)}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}`,
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 128 + 15 : (code ?? 1)));
}
