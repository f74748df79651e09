// npm run k6 -- SCRIPT: runs a script of k6/ against a replica on this machine, started for it when none is named.
import { spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startReplica } from '../e2e/runner/replica.ts';
import { deployCounter } from '../loadtest/src/counter.ts';
import { isLoopback } from '../loadtest/src/load-options.ts';
import { findK6 } from './find-k6.ts';

const FOLDER = fileURLToPath(new URL('../k6/', import.meta.url));
const scripts = readdirSync(FOLDER).flatMap((file) => /^([a-z]+)\.js$/.exec(file)?.[1] ?? []);

const USAGE = `Load by k6 against a replica on this machine; thresholds are in k6/lib/thresholds.js.

npm run k6 -- SCRIPT [flags] [-- flags of k6]
  SCRIPT               ${scripts.join(', ')}
  --url URL            loopback only                 (a replica is started, and stopped afterwards)
  --canister ID        what is loaded                (a counter is installed)
  --rate N             requests per second, at most  (as the script has it)
  --scale N            every duration times this     (1)
  --placement WHERE    of the replica that is started: embedded, threads, processes   (embedded)

Ends with the status of k6: 0, or 99 when a threshold does not hold.
`;

const FLAGS = {
  url: { type: 'string' },
  canister: { type: 'string' },
  rate: { type: 'string' },
  scale: { type: 'string' },
  placement: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** What cannot be done, in words for who asked. */
class Fault extends Error {}

async function main(args: readonly string[]): Promise<number> {
  const split = args.indexOf('--');
  const own = split < 0 ? args : args.slice(0, split);
  const rest = split < 0 ? [] : args.slice(split + 1);
  const { values, positionals } = parseArgs({
    args: [...own],
    options: FLAGS,
    allowPositionals: true,
  });
  const [script = ''] = positionals;
  if (values.help || script === '') {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const file = join(FOLDER, `${script}.js`);
  if (!scripts.includes(script))
    throw new Fault(`there is no script ${script}: name one of ${scripts.join(', ')}`);
  if (values.url !== undefined && !isLoopback(values.url))
    throw new Fault(`--url ${values.url}: only http://127.0.0.1, http://localhost or http://[::1]`);
  for (const flag of ['rate', 'scale'] as const)
    if (values[flag] !== undefined && !(Number(values[flag]) > 0))
      throw new Fault(`--${flag} ${values[flag]} is no number above 0`);
  const k6 = findK6((line) => console.log(line));
  await using target = await targetOf(values);
  const environment = {
    INTERNODE_URL: target.url,
    CANISTER_ID: values.canister ?? (await deployCounter(target.url)),
    ...(values.rate !== undefined && { RATE: values.rate }),
    ...(values.scale !== undefined && { SCALE: values.scale }),
  };
  return await ended(k6.path, ['run', '--no-usage-report', ...rest, file], environment);
}

interface Target extends AsyncDisposable {
  readonly url: string;
}

async function targetOf({ url, placement }: { url?: string; placement?: string }): Promise<Target> {
  if (url !== undefined) return { url, [Symbol.asyncDispose]: async () => {} };
  console.log('starting a replica …');
  const args = placement === undefined ? [] : ['--placement', placement];
  const replica = await startReplica({ args });
  return {
    url: replica.gatewayUrl,
    [Symbol.asyncDispose]: async () => {
      await replica.stop();
      rmSync(replica.dataDir, { recursive: true, force: true });
    },
  };
}

function ended(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: 'inherit',
    });
    // k6 ends its scenarios first, then this process what it started.
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (fault) {
  const { code } = fault as NodeJS.ErrnoException;
  const isUsage = fault instanceof Fault || code?.startsWith('ERR_PARSE_ARGS') === true;
  console.error(`k6: ${(fault as Error).message}${isUsage ? `\n\n${USAGE}` : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
