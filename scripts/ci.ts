// All checks by stage. `ci.ts test` runs every stage and ends with `N passed, N failed`, the counts of all suites together.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNatsServer } from '@internode/bus/server';
import { buildImages, prepareEngine, removeProjects } from './containers.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIN = join(ROOT, 'node_modules/.bin');
/** Set by .ci/run. */
const IS_GATE = process.env['INTERNODE_CONTAINERS'] === '1';

interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

type Stage = (args: readonly string[]) => Promise<Outcome>;

const STAGES: Readonly<Record<string, Stage>> = {
  gen: () =>
    command('generated contracts are current', process.execPath, ['scripts/gen.ts', '--check']),
  types: () => command('types', join(BIN, 'tsc'), ['-p', 'tsconfig.json']),
  pure: () => command('pure rooms stay pure', join(BIN, 'tsc'), ['-p', 'tsconfig.pure.json']),
  lint: () => command('lint and format', join(BIN, 'biome'), ['ci', '--reporter=summary', '.']),
  tidy: () =>
    command('tidy', process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/tidy.ts']),
  unit: (args) => vitest('unit', args),
  compliance: (args) => vitest('compliance', args),
  e2e: (args) => vitest('e2e', args),
  'e2e-threads': (args) => vitest('e2e-threads', args),
  'e2e-processes': (args) => vitest('e2e-processes', args),
  'e2e-containers': containers,
  sim: () =>
    command('simulator, 60 s', process.execPath, ['sim/main.ts', '--ci', '--seconds', '60']),
};

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  check: ['gen', 'types', 'pure', 'lint', 'tidy', 'unit'],
  test: [
    'gen',
    'types',
    'pure',
    'lint',
    'tidy',
    'unit',
    'compliance',
    'e2e',
    'e2e-threads',
    'e2e-processes',
    'sim',
  ],
};

async function main(): Promise<void> {
  const [name = 'test', ...args] = process.argv.slice(2);
  const stages = stagesOf(name);
  if (!stages) {
    console.error(
      `unknown stage ${name}; one of: ${[...Object.keys(GROUPS), ...Object.keys(STAGES)].join(', ')}`,
    );
    process.exit(2);
  }
  if (stages.some((stage) => stage === 'compliance' || stage.startsWith('e2e'))) {
    process.env['INTERNODE_NATS_SERVER'] ??= findNatsServer((line) => console.log(line));
  }
  let passed = 0;
  let failed = 0;
  for (const stage of stages) {
    const startedAt = performance.now();
    const outcome = await STAGES[stage]?.(args);
    passed += outcome?.passed ?? 0;
    failed += outcome?.failed ?? 1;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`[${stage}] ${outcome?.passed} passed, ${outcome?.failed} failed in ${seconds} s`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

function stagesOf(name: string): readonly string[] | undefined {
  const group = GROUPS[name] ?? (STAGES[name] ? [name] : undefined);
  const withContainers = name === 'test' && IS_GATE;
  return withContainers && group !== undefined ? [...group, 'e2e-containers'] : group;
}

function execute(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(127));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** A check without cases of its own counts as one. */
async function command(title: string, program: string, args: readonly string[]): Promise<Outcome> {
  console.log(`\n== ${title}`);
  const ok = (await execute(program, args)) === 0;
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
}

/**
 * Part of the gate (.ci/run), not of `npm test`, which must pass where there is no engine: images and five minutes. Where the gate cannot
 * run containers at all it says so, loudly, and why: nothing of the repository could change that.
 */
async function containers(args: readonly string[]): Promise<Outcome> {
  const log = (line: string): void => console.log(line);
  let stop: () => Promise<void>;
  try {
    stop = await prepareEngine(log);
  } catch (fault) {
    if (!IS_GATE) throw fault;
    console.log(`\n!! NOT RUN: tests of containers, for this machine runs none: ${fault}`);
    return { passed: 0, failed: 0 };
  }
  try {
    buildImages(log);
    return await vitest('e2e-containers', args);
  } catch (fault) {
    console.log(`\n${fault}`);
    return { passed: 0, failed: 1 };
  } finally {
    try {
      removeProjects('internode-e2e-');
    } catch (fault) {
      log(`containers: not all of them could be removed: ${fault}`);
    }
    await stop();
  }
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
}

async function vitest(project: string, args: readonly string[]): Promise<Outcome> {
  console.log(`\n== vitest: ${project}`);
  const folder = mkdtempSync(join(tmpdir(), 'internode-ci-'));
  const file = join(folder, 'report.json');
  const code = await execute(process.execPath, [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--project',
    project,
    '--reporter=dot',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...args,
  ]);
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    // A suite that could not even load, or a skipped test, counts as a failure: nothing is silently left out.
    const broken = report.numFailedTests === 0 && code !== 0 ? 1 : 0;
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + report.numPendingTests + broken,
    };
  } catch {
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
