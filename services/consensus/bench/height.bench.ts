// CPU of consensus per height, its Ed25519 included: one core alone, and one of four that hears the other three.
// Run with node: `node services/consensus/bench/height.bench.ts`.
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { World } from '../test/world.ts';

setHashEngine(nodeHashEngine);

function measure(n: number, callsPerHeight: number): void {
  const world = new World({
    n,
    parameters: { idleBlockMs: 1, alonePerMessageMs: 0 },
    delay: (_m, from, to) => (from === to ? 0.05 : 0.5),
  });
  world.start();
  world.run(100);
  const heightBefore = world.node(0).core.view().delivered;
  let calls = 0;
  const cpu = process.cpuUsage();
  for (let turn = 0; turn < 150; turn += 1) {
    for (let i = 0; i < callsPerHeight; i += 1) {
      for (const node of world.nodes) world.submit(node.index, `call ${calls}`);
      calls += 1;
    }
    world.run(8);
  }
  const { user, system } = process.cpuUsage(cpu);
  const heights = world.node(0).core.view().delivered - heightBefore;
  const perHeightMs = (user + system) / 1_000 / heights / n;
  const calledMs =
    calls > 0 ? ` (${((1_000 * perHeightMs * heights) / calls).toFixed(1)} µs per call)` : '';
  console.log(
    `n = ${n}, ${(calls / heights).toFixed(1)} calls per height: ${perHeightMs.toFixed(3)} ms per height and node${calledMs}`,
  );
}

for (const n of [1, 4]) for (const calls of [0, 10, 100]) measure(n, calls);
