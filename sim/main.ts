// The simulator's command. Exit status 0 only when no checker fired; the last line says how many seeds ran.
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { nobleSignatures } from '@internode/crypto';
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { reportText } from '@internode/sim';
import { marksWasm } from './canisters/marks.ts';
import { type Crypto, standIn } from './crypto.ts';
import { live } from './life.ts';

const HELP = `npm run sim -- [flags]: simulated lives of a replica under crashes, loss, repetition and torn writes

Flags
  --seed TEXT       first seed; each next one is this text and a number        (0)
  --seeds N         so many lives                                              (1, or as many as --seconds allows)
  --seconds S       stop after this time
  --crypto KIND     real, stand-in, or mixed: every 50th seed real             (mixed)
  --draws N         randomness ends after N draws of each stream: shrinks a failure
  --lines N         the last N events, also of a life that went well
  --ci              the commit is the first seed
  --json            the result as one object

Examples
  npm run sim -- --seed 7
  npm run sim -- --seeds 10000
  npm run sim -- --seed 7/312 --draws 40
`;

const REAL_EVERY = 50;
const PROGRESS_MS = 10_000;

interface Result {
  readonly base: string;
  seeds: number;
  events: number;
  seconds: number;
  violations: number;
}

async function main(): Promise<number> {
  const values = flags();
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  setHashEngine(nodeHashEngine);
  const bls = await loadFastBls();
  const kinds: { readonly [kind: string]: Crypto } = {
    real: { bls, signatures: nobleSignatures, dealsEachLife: true },
    'stand-in': standIn({ bls, signatures: nodeSignatures }),
  };
  const wasm = await marksWasm();
  const result: Result = {
    base: values.seed ?? (values.ci ? commit() : '0'),
    seeds: 0,
    events: 0,
    seconds: 0,
    violations: 0,
  };
  const limitMs = (values.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const count = values.seeds ?? (values.seconds === undefined ? 1 : Number.POSITIVE_INFINITY);
  const startedMs = performance.now();
  let toldMs = startedMs;
  if (!values.json) console.log(`first seed ${result.base}`);
  while (result.seeds < count && result.violations === 0) {
    const nowMs = performance.now();
    if (nowMs - startedMs >= limitMs) break;
    result.seconds = (nowMs - startedMs) / 1000;
    if (nowMs - toldMs >= PROGRESS_MS && !values.json) {
      toldMs = nowMs;
      console.log(figures(result));
    }
    const seed = result.seeds === 0 ? result.base : `${result.base}/${result.seeds}`;
    const isReal = result.seeds % REAL_EVERY === REAL_EVERY - 1;
    const kind = values.crypto === 'mixed' ? (isReal ? 'real' : 'stand-in') : values.crypto;
    const crypto = kinds[kind];
    if (!crypto) throw new Error(`--crypto ${kind} is unknown: real, stand-in or mixed`);
    const shrunk = values.draws === undefined ? '' : ` --draws ${values.draws}`;
    const report = await live({
      seed,
      crypto,
      wasm,
      command: `npm run sim -- --seed ${seed} --crypto ${kind}${shrunk}`,
      ...(values.draws !== undefined && { drawsMax: values.draws }),
      ...(values.lines !== undefined && { linesMax: values.lines }),
    });
    result.seeds += 1;
    result.events += report.events;
    if (report.violation !== undefined) {
      result.violations += 1;
      console.log(reportText(report));
    } else if (values.lines !== undefined) console.log(report.lines.join('\n'));
    if (count === 1) console.log(`trace ${report.traceHash}`);
  }
  result.seconds = (performance.now() - startedMs) / 1000;
  if (values.json) console.log(JSON.stringify(result));
  else console.log(`${figures(result)}: ${result.violations === 0 ? 'no violation' : 'VIOLATION'}`);
  return result.violations === 0 ? 0 : 1;
}

function flags() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      seconds: { type: 'string' },
      crypto: { type: 'string' },
      draws: { type: 'string' },
      lines: { type: 'string' },
      ci: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const number = (name: 'seeds' | 'seconds' | 'draws' | 'lines'): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!(value > 0)) throw new Error(`--${name} ${text} is not a positive number`);
    return value;
  };
  return {
    ...values,
    crypto: values.crypto ?? 'mixed',
    seeds: number('seeds'),
    seconds: number('seconds'),
    draws: number('draws'),
    lines: number('lines'),
  };
}

function figures({ seeds, events, seconds }: Result): string {
  const rate = (seeds / Math.max(seconds, 1e-3)).toFixed(1);
  return `${seeds} seeds, ${events} events, ${seconds.toFixed(1)} s, ${rate} seeds/s`;
}

function commit(): string {
  return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
