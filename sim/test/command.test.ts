import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

function run(...flags: string[]): Promise<{ status: unknown; lines: string[]; errors: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...flags], (error, stdout, stderr) => {
      resolve({ status: error?.code ?? 0, lines: stdout.trimEnd().split('\n'), errors: stderr });
    });
  });
}

test('the last line says what ran, in one thread and in several', async () => {
  const alone = await run('--seed', 'one');
  expect(alone.status).toBe(0);
  expect(alone.lines[0]).toBe('first seed one');
  // What the seed drew comes before the life.
  expect(alone.lines[1]).toMatch(/^options {4}busDelayMsMin=[\d.]+ /);
  expect(alone.lines[2]).toMatch(/^faults /);
  expect(alone.lines.at(-1)).toMatch(/^1 seeds, \d+ events, .* seeds\/s: no violation$/);
  const trace = alone.lines.find((line) => line.startsWith('trace '));
  expect(trace).toMatch(/^trace [0-9a-f]{16}$/);
  const two = await run('--seed', 'one', '--seeds', '2', '--workers', '2', '--json');
  expect(two.status).toBe(0);
  expect(JSON.parse(two.lines[0] ?? '')).toMatchObject({ base: 'one', seeds: 2, violations: 0 });
});

test('flags that make no sense are refused with status 2', async () => {
  for (const flags of [['--seeds', 'x'], ['--crypto', 'none'], ['--nothing']]) {
    const { status, errors } = await run(...flags);
    expect(status).toBe(2);
    expect(errors).toContain(flags[0]);
  }
});

test('the printed command repeats the life, whatever was left out of it', async () => {
  const shape = ['--without', 'busLoss,splitEveryMs', '--draws', '300', '--trouble-ms', '900'];
  const flags = ['--nodes', '4', '--crypto', 'stand-in', '--faults', '2=twin', ...shape];
  const first = await run('--seed', 'again', ...flags);
  expect(first.status).toBe(0);
  const command = first.lines.find((line) => line.startsWith('repeat ')) ?? '';
  const words = command.replaceAll("'", '').split(' -- ')[1]?.split(' ') ?? [];
  const second = await run(...words);
  const traceOf = (lines: readonly string[]) => lines.find((line) => line.startsWith('trace '));
  expect(traceOf(second.lines)).toBe(traceOf(first.lines));
  expect(traceOf(first.lines)).toBeDefined();
  const other = await run('--seed', 'again', ...flags, '--workers', '1', '--trouble-ms', '800');
  expect(traceOf(other.lines)).not.toBe(traceOf(first.lines));
});

test('a page of the first life is written when none failed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'internode-sim-'));
  const file = join(directory, 'life.html');
  const { status, lines } = await run('--seed', 'page', '--nodes', '1', '--report', file);
  expect(status).toBe(0);
  expect(lines).toContain(`report ${file}`);
  expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>.*Simulated life page.*<\/html>\n$/s);
  rmSync(directory, { recursive: true });
});
