// The simulator's command. Exit status 0 only when no checker fired; the last line says how many seeds ran.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type BlsEngine, nobleSignatures } from '@internode/crypto';
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { type Report, reportText } from '@internode/sim';
import loadWabt from 'wabt';
import { standInBls } from './crypto.ts';
import { live } from './life.ts';

const HELP = `npm run sim -- [flags]: simulated lives of a replica under crashes, loss, repetition and torn writes

Flags
  --seed TEXT       first seed; each next one is this text and a number        (0)
  --seeds N         so many lives                                              (1, or as many as --seconds allows)
  --seconds S       stop after this time
  --crypto KIND     real, stand-in, or mixed: every 50th seed real             (mixed)
  --draws N         randomness ends after N draws of each stream: shrinks a failure
  --ci              the commit is the first seed
  --json            one object instead of lines

Examples
  npm run sim -- --seed 7
  npm run sim -- --seeds 10000
  npm run sim -- --seed 7/312 --draws 40
`;

const REAL_EVERY = 50;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      seconds: { type: 'string' },
      crypto: { type: 'string' },
      draws: { type: 'string' },
      ci: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  setHashEngine(nodeHashEngine);
  const real = await loadFastBls();
  const engines = { real, 'stand-in': standInBls(real) };
  const wasm = await assemble();
  const base = values.seed ?? (values.ci ? commit() : '0');
  const count = Number(values.seeds ?? (values.seconds ? Number.MAX_SAFE_INTEGER : 1));
  const endMs = values.seconds
    ? performance.now() + Number(values.seconds) * 1000
    : Number.POSITIVE_INFINITY;
  console.log(`first seed ${base}`);
  const startedMs = performance.now();
  let seeds = 0;
  let events = 0;
  for (; seeds < count && performance.now() < endMs; seeds += 1) {
    const seed = seeds === 0 ? base : `${base}/${seeds}`;
    const kind = values.crypto ?? (seeds % REAL_EVERY === REAL_EVERY - 1 ? 'real' : 'stand-in');
    const bls = (engines as Record<string, BlsEngine>)[kind];
    if (!bls) throw new Error(`--crypto ${kind} is unknown: real or stand-in`);
    const command = `npm run sim -- --seed ${seed} --crypto ${kind}`;
    const report = live({
      seed,
      bls,
      signatures: kind === 'real' ? nobleSignatures : nodeSignatures,
      wasm,
      command,
      ...(values.draws !== undefined && { drawsMax: Number(values.draws) }),
    });
    events += report.events;
    if (report.violation !== undefined) return fail(report, seeds + 1, events);
    if (seeds === 0 && count === 1) console.log(`trace ${report.traceHash}`);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  if (values.json) console.log(JSON.stringify({ base, seeds, events, seconds, violations: 0 }));
  else
    console.log(
      `${seeds} seeds, ${events} events, ${seconds.toFixed(1)} s, ${(seeds / seconds).toFixed(1)} seeds/s: no violation`,
    );
  return 0;
}

function fail(report: Report, seeds: number, events: number): number {
  console.log(reportText(report));
  console.log(`${seeds} seeds, ${events} events: violation at seed ${report.seed}`);
  return 1;
}

function commit(): string {
  return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
}

async function assemble(): Promise<Uint8Array> {
  const wabt = await loadWabt();
  const text = readFileSync(new URL('./canisters/marks.wat', import.meta.url), 'utf8');
  const parsed = wabt.parseWat('marks.wat', text);
  try {
    return new Uint8Array(parsed.toBinary({}).buffer);
  } finally {
    parsed.destroy();
  }
}

process.exitCode = await main();
