// Updates through the core, with the sandbox in place: `node services/execution/bench/core.bench.ts`.
import { candid } from '@internode/encoding';
import { deploy, replied } from '../test/core/management.ts';
import { Replica } from '../test/core/replica.ts';
import { motoko } from '../test/sandbox/support.ts';

const COUNTER = motoko(`
  persistent actor {
    var count = 0;
    public func inc() : async Nat { count += 1; count };
  }
`);
const BLOCKS = 20;
const CALLS = 500;

const replica = new Replica({ copies: false });
const id = deploy(replica, COUNTER);
const argument = candid.encode([], []);
for (const round of ['cold', 'warm', 'again']) {
  const blocks = Array.from({ length: BLOCKS }, () =>
    Array.from({ length: CALLS }, () => replica.ingress(id, 'inc', { argument })),
  );
  const startedMs = performance.now();
  for (const block of blocks) replica.block(block, 1_000_000n);
  const tookMs = performance.now() - startedMs;
  const each = (1000 * tookMs) / (BLOCKS * CALLS);
  console.log(`${round}: ${each.toFixed(1)} µs per update, ${(1e6 / each).toFixed(0)} updates/s`);
}
replied(replica.call(id, 'inc', { argument }));
