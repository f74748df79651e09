import { execFile } from 'node:child_process';
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
