// node sim/test/patched.ts NAME SEEDS: lives with one planted bug until it is caught; one line of JSON at the end.
// node sim/test/patched.ts NAME SEEDS sound: only the last of these lives, and without the bug.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { PATCHES } from './patches.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [name = '', seedsMax = '1', sound] = process.argv.slice(2);
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
    if (sound !== undefined || !url.startsWith('file:') || fileURLToPath(url) !== file)
      return loaded;
    applied = true;
    return { ...loaded, source };
  },
});

const { faultsOf } = await import('../adversaries/index.ts');
const { marksWasm } = await import('../canisters/marks.ts');
const { standIn } = await import('../crypto.ts');
const { liveTogether } = await import('../network.ts');
const { loadFastBls, nodeHashEngine, nodeSignatures } = await import('@internode/crypto/fast');
const { setHashEngine } = await import('@internode/encoding');

setHashEngine(nodeHashEngine);
const crypto = standIn({ bls: await loadFastBls(), signatures: nodeSignatures });
const wasm = await marksWasm();
const { nodes = 4, faults, ...life } = patch.life ?? {};
if (sound === undefined && !applied) throw new Error(`${patch.file} was never loaded`);

let seeds = sound === undefined ? 0 : Number(seedsMax) - 1;
let violation: string | undefined;
// Another violation is not what finds this bug.
const isCaught = (): boolean => violation !== undefined && patch.caughtBy.test(violation);
while (!isCaught() && seeds < Number(seedsMax)) {
  const report = await liveTogether({
    seed: `planted ${name}/${seeds}`,
    nodes,
    crypto,
    wasm,
    command: '',
    linesMax: 1,
    ...life,
    ...(faults !== undefined && { faults: faultsOf(faults) }),
  });
  violation = report.violation;
  seeds += 1;
}
console.log(
  JSON.stringify({ name, caught: isCaught(), seeds, violation: violation?.slice(0, 200) }),
);
