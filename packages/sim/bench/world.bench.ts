// node packages/sim/bench/world.bench.ts: events a second of trivial cores, persisting and answering.
import { CALM, World } from '../src/index.ts';
import { ledgerNode } from '../test/ledger.ts';

for (const round of [1, 2, 3]) {
  const nodes = [ledgerNode({ requests: 50_000 })];
  const world = new World({ seed: `speed ${round}`, nodes, swarm: CALM });
  const started = performance.now();
  const { events } = world.run({ safetyMs: 1_000_000, livenessMs: 0 });
  const seconds = (performance.now() - started) / 1000;
  console.log(`${Math.round(events / seconds)} events/s (${events} events)`);
}
