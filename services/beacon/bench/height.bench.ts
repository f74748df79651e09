// What one height costs the thread of a subnet of one (beacon, tape, certification), and how long a certification takes
// when it is asked for. Run with node: `node services/beacon/bench/height.bench.ts`.
import { loadFastBls, nodeSignatures } from '@internode/crypto/fast';
import { dealSubnet, heldKeys, solveBeacon, startThreadedBeaconSolver } from '../src/index.ts';

const bls = await loadFastBls();
const tools = { bls, signatures: nodeSignatures, entropy: () => new Uint8Array(32) };

for (const nodes of [1, 4, 13]) {
  const dealing = dealSubnet({
    nodes,
    entropy: new Uint8Array(32).fill(9),
    bls,
    signatures: nodeSignatures,
  });
  const keys = dealing.nodes.map((node) => heldKeys(dealing.subnet, node));
  const own = keys[0];
  if (own === undefined) throw new Error('no keys');
  const { threshold } = dealing.subnet.high;
  const heights = 40;
  let signMs = 0;
  let combineMs = 0;
  for (let height = 0; height < heights; height += 1) {
    const message = new Uint8Array(46).fill(height);
    const shares = keys.slice(0, threshold).map((key, index) => {
      const startMs = performance.now();
      const share = { publicKey: dealing.subnet.high.sharePublicKeys[index] as Uint8Array };
      const answer = solveBeacon(tools, key, { kind: 'sign-share', key: 'high', share, message });
      if (index === 0) signMs += performance.now() - startMs;
      if (answer.kind !== 'share-signed' || answer.signature === undefined)
        throw new Error('not signed');
      return { index, publicKey: share.publicKey, signature: answer.signature };
    });
    const startMs = performance.now();
    const { groupPublicKey } = dealing.subnet.high;
    const task = {
      kind: 'combine',
      key: 'high',
      groupPublicKey,
      threshold,
      sufficient: undefined,
      message,
      shares,
    } as const;
    solveBeacon(tools, own, task);
    combineMs += performance.now() - startMs;
  }
  const combined =
    nodes === 1
      ? ''
      : `, combine and check ${threshold} shares ${(combineMs / heights).toFixed(2)} ms`;
  console.log(`n = ${nodes}: sign ${(signMs / heights).toFixed(2)} ms${combined}`);
}

const dealing = dealSubnet({
  nodes: 1,
  entropy: new Uint8Array(32).fill(9),
  bls,
  signatures: nodeSignatures,
});
const [node] = dealing.nodes;
if (node === undefined) throw new Error('no node');
const solver = await startThreadedBeaconSolver(heldKeys(dealing.subnet, node), (fault) => {
  throw fault;
});
const share = { publicKey: dealing.subnet.high.sharePublicKeys[0] as Uint8Array };
const tookMs: number[] = [];
for (let i = 0; i < 200; i += 1) {
  const message = new Uint8Array(46).fill(i);
  const startMs = performance.now();
  await new Promise<void>((resolve) =>
    solver.solve({ kind: 'sign-share', key: 'high', share, message }, () => resolve()),
  );
  tookMs.push(performance.now() - startMs);
}
tookMs.sort((a, b) => a - b);
console.log(`in its thread: p50 ${tookMs[100]?.toFixed(2)} ms, p99 ${tookMs[198]?.toFixed(2)} ms`);
await solver.close();
