// The canister that load runs against, installed by the replica's own command.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INTERNODE = fileURLToPath(new URL('../../replica/src/main.ts', import.meta.url));
const COUNTER = fileURLToPath(new URL('../counter.mo', import.meta.url));

/** Compiles the counter (`inc`: update, `get`: query; no arguments) and installs it. Answers its textual id. */
export async function deployCounter(url: string): Promise<string> {
  // The command remembers names in a data directory: not in the user's.
  const dataDir = mkdtempSync(join(tmpdir(), 'internode-load-'));
  const args = ['deploy', COUNTER, '--url', url, '--data-dir', dataDir, '--json'];
  try {
    const output = await outputOf(process.execPath, [INTERNODE, ...args]);
    const { canisterId } = JSON.parse(output) as { readonly canisterId?: string };
    if (canisterId === undefined) throw new Error(`deploying the counter: ${output}`);
    return canisterId;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function outputOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(stdout) : reject(new Error(`deploying the counter: ${stderr}`)),
    );
  });
}
