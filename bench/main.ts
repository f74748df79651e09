// npm run bench [-- whole|stages|network] [--json FILE] [--quick]
// Figures of the whole system beside its peers, and of each stage; tables go to docs/qa.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { Household } from './household.ts';
import { measureNetwork, NETWORK_FULL, NETWORK_QUICK } from './network.ts';
import { isNetworkGood, networkMarkdown } from './network-report.ts';
import { isGood, markdownOf, rowsOf } from './report.ts';
import { runStages, stagesMarkdown } from './stages.ts';
import { FULL, measureWhole, QUICK } from './whole.ts';

const USAGE = `npm run bench [-- whole|stages|network] [flags]

  whole         the running replica, beside hardhat and anvil   → docs/qa/first-light.md
  stages        the benchmarks beside the code                  → docs/qa/stages.md
  network       four replicas, beside three of etcd             → docs/qa/network.md
  (none: all)

  --json FILE   also write everything measured as JSON
  --quick       small counts: shows that the bench works, writes no documents
`;

const PARTS: readonly string[] = ['whole', 'stages', 'network'];

/** A run that hangs is worse than one that fails. */
const DEADLINE_MS = 40 * 60_000;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  if (values.help) return console.log(USAGE);
  const parts = positionals.length > 0 ? positionals : PARTS;
  if (parts.some((part) => !PARTS.includes(part))) throw new Error(USAGE);
  if (process.platform !== 'linux') throw new Error('CPU time is read from /proc: Linux only');
  setHashEngine(nodeHashEngine);
  const household = new Household();
  setTimeout(() => {
    console.error(`bench: not done after ${DEADLINE_MS / 60_000} minutes`);
    process.exit(1);
  }, DEADLINE_MS).unref();
  const write = (path: string, text: string): void => {
    if (values.quick) return console.log(`\n${text}`);
    const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`written: ${path}`);
  };
  let good = true;
  if (parts.includes('whole')) {
    const whole = await measureWhole(household, values.quick ? QUICK : FULL, console.log);
    write('docs/qa/first-light.md', markdownOf(whole));
    const rows = rowsOf(whole);
    if (values.json) writeFileSync(values.json, `${JSON.stringify({ rows, ...whole }, null, 2)}\n`);
    good &&= isGood(whole);
  }
  if (parts.includes('network')) {
    const size = values.quick ? NETWORK_QUICK : NETWORK_FULL;
    const network = await measureNetwork(household, size, console.log);
    write('docs/qa/network.md', networkMarkdown(network));
    if (values.json && !parts.includes('whole'))
      writeFileSync(values.json, `${JSON.stringify(network, null, 2)}\n`);
    good &&= isNetworkGood(network);
  }
  if (parts.includes('stages')) {
    const stages = await runStages(household, console.log);
    write('docs/qa/stages.md', stagesMarkdown(stages));
    good &&= stages.every(({ problem }) => problem === undefined);
  }
  if (!good) console.error('bench: something is below its target or failed (✗ above)');
  // Workers of the verifier and open sockets do not hold the result up.
  process.exit(good ? 0 : 1);
}

try {
  await main();
} catch (fault) {
  console.error(`bench: ${(fault as Error).message}`);
  process.exit(1);
}
