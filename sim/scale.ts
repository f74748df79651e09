// npm run sim -- --scale N, or node sim/scale.ts N [heights] [case …]: the table of finality by number of nodes.
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { Meter, measured } from './scale/metered.ts';
import { type Case, runScale, type ScaleResult } from './scale/run.ts';

const SIZES = [4, 13, 40, 100, 250, 500];
const CASES: readonly Case[] = ['honest', 'silent', 'no-rank-0'];
const HEIGHTS = 20;

export interface ScaleWanted {
  readonly nodes: number | 'all';
  readonly heights?: number;
  readonly cases?: readonly Case[];
}

export async function scale({
  nodes,
  heights = HEIGHTS,
  cases = CASES,
}: ScaleWanted): Promise<void> {
  setHashEngine(nodeHashEngine);
  const real = { bls: await loadFastBls(), signatures: nodeSignatures };
  const costs = measured(real);
  const measures = Object.entries(costs).map(([name, ms]) => `${name} ${ms.toFixed(3)}`);
  console.log(`processor time in ms: ${measures.join(', ')}`);
  console.log(
    'nodes case       heights  p50 ms  p99 ms  ms/height  frames   kB  cpu ms  wall s  events',
  );
  for (const size of nodes === 'all' ? SIZES : [nodes]) {
    for (const each of cases) {
      const result = runScale({
        nodes: size,
        case: each,
        heights,
        real,
        costs,
        meter: new Meter(),
      });
      console.log(rowOf(result));
    }
  }
}

function rowOf(result: ScaleResult): string {
  const { p50Ms, p99Ms, heightMs, framesPerHeight, bytesPerHeight, cpuMsPerHeight } = result;
  return [
    String(result.nodes).padEnd(5),
    result.case.padEnd(10),
    String(result.heights).padStart(7),
    p50Ms.toFixed(0).padStart(7),
    p99Ms.toFixed(0).padStart(7),
    heightMs.toFixed(0).padStart(10),
    framesPerHeight.toFixed(0).padStart(7),
    (bytesPerHeight / 1000).toFixed(1).padStart(6),
    cpuMsPerHeight.toFixed(1).padStart(6),
    result.wallSeconds.toFixed(0).padStart(7),
    String(result.events).padStart(9),
  ].join(' ');
}

if (import.meta.main) {
  const [nodes = 'all', heights, ...cases] = process.argv.slice(2);
  await scale({
    nodes: nodes === 'all' ? nodes : Number(nodes),
    ...(heights !== undefined && { heights: Number(heights) }),
    ...(cases.length > 0 && { cases: cases as Case[] }),
  });
}
