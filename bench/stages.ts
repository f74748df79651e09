// Runs the benchmarks that live beside the code and collects what they print.
import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Household } from './household.ts';
import { describeMachine } from './measure.ts';
import { machineLine } from './report.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TIMEOUT_MS = 300_000;

export interface Stage {
  /** Path of the benchmark. */
  readonly path: string;
  readonly output: string;
  /** What went wrong, if anything. */
  readonly problem?: string;
}

/** A benchmark prints markdown tables or plain lines, and ends by itself. */
export async function runStages(
  household: Household,
  log: (line: string) => void,
): Promise<Stage[]> {
  const paths = globSync(['packages/*/bench/*.bench.ts', 'services/*/bench/*.bench.ts'], {
    cwd: ROOT,
  });
  const stages: Stage[] = [];
  for (const path of paths.sort()) {
    log(path);
    stages.push(await runStage(household, path));
  }
  return stages;
}

function runStage(household: Household, path: string): Promise<Stage> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--expose-gc', join(ROOT, path)], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    household.keep(child);
    let [output, faults] = ['', ''];
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (faults += text));
    child.on('error', (fault) => resolve({ path, output, problem: fault.message }));
    child.on('close', (code, signal) => {
      if (code === 0) return resolve({ path, output });
      const ended = signal ? `ended by ${signal}` : `ended with ${code}`;
      resolve({
        path,
        output,
        problem: `${ended}: ${faults.trim().split('\n').slice(-5).join(' ')}`,
      });
    });
  });
}

/** What the benchmark says of itself: the first comment of its source, without the line on how to run it. */
export function purposeOf(source: string): string {
  const lines: string[] = [];
  for (const line of source.split('\n')) {
    const text = /^(?:\/\/|\/\*\*| \*(?!\/)) ?(.*)$/.exec(line)?.[1];
    if (text === undefined) break;
    lines.push(text.trim());
  }
  const told = lines.filter((line) => !/^node |^`npm run/.test(line)).join(' ');
  return told.replace(/: ?node [^ ]*.*$/, '.').trim();
}

/** Tables stay tables; runs of other lines become literal blocks. */
export function markdownOfOutput(output: string): string {
  const parts: string[] = [];
  let plain: string[] = [];
  const flush = (): void => {
    const text = plain.join('\n').replace(/^\n+|\n+$/g, '');
    if (text !== '') parts.push(`\`\`\`\n${text}\n\`\`\``);
    plain = [];
  };
  const rows: string[] = [];
  for (const line of [...output.split('\n'), '']) {
    if (line.startsWith('|')) {
      flush();
      rows.push(line);
      continue;
    }
    if (rows.length > 0) parts.push(rows.splice(0).join('\n'));
    plain.push(line);
  }
  flush();
  return parts.join('\n\n');
}

export function stagesMarkdown(stages: readonly Stage[]): string {
  const sections = stages.map(({ path, output, problem }) => {
    const purpose = purposeOf(readFileSync(join(ROOT, path), 'utf8'));
    return [`## ${path}`, purpose, markdownOfOutput(output), problem && `**Failed**: ${problem}`]
      .filter(Boolean)
      .join('\n\n');
  });
  const head = `# Figures: each stage\n\n${machineLine(describeMachine())} Written by \`npm run bench -- stages\`.`;
  return `${[head, ...sections].join('\n\n')}\n`;
}
