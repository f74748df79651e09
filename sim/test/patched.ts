// node sim/test/patched.ts NAME SEEDS: lives with one planted bug until it is caught; one line of JSON at the end.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { PATCHES } from './patches.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [name = '', seedsMax = '1'] = process.argv.slice(2);
const patch = PATCHES.find((known) => known.name === name);
if (patch === undefined) throw new Error(`no patch ${name}`);

const file = `${ROOT}${patch.file}`;
let source = readFileSync(file, 'utf8');
for (const [from, to] of patch.edits) {
  const parts = source.split(from);
  if (parts.length !== 2) throw new Error(`${patch.file} has ${from} ${parts.length - 1} times`);
  source = parts.join(to);
}
let applied = false;
registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:') || fileURLToPath(url) !== file) return loaded;
    applied = true;
    return { ...loaded, source };
  },
});

const { openLives } = await import('../seeds.ts');
const lives = await openLives({
  base: `planted ${name}`,
  nodes: patch.nodes,
  crypto: 'stand-in',
  shape: { without: [] },
  lines: 1,
});
if (!applied) throw new Error(`${patch.file} was never loaded`);
let seeds = 0;
let violation: string | undefined;
// Another violation is not what finds this bug.
const isCaught = (): boolean => violation !== undefined && patch.caughtBy.test(violation);
while (!isCaught() && seeds < Number(seedsMax)) {
  const report = await lives.live(lives.seedOf(seeds), lives.shapeOf(seeds));
  violation = report.violation;
  seeds += 1;
}
console.log(
  JSON.stringify({ name, caught: isCaught(), seeds, violation: violation?.slice(0, 200) }),
);
