// node packages/crypto/bench/dkg.bench.ts
// What key generation costs a node: processor time per dealing and per epoch, by size of the subnet.
import {
  type DkgConfig,
  type DkgDealing,
  deal,
  dealShares,
  generateReceiverKey,
  openDealing,
  transcriptOf,
  verifyDealing,
} from '@internode/crypto';
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { selfAuthenticating, setHashEngine, sha256 } from '@internode/encoding';
import { compareBytes, utf8 } from '@internode/prelude';

setHashEngine(nodeHashEngine);
const engines = { bls: await loadFastBls(), signatures: nodeSignatures };

interface Profile {
  readonly name: string;
  readonly receivers: number;
  readonly threshold: number;
  readonly dealers: number;
  readonly resharing: boolean;
  /** Dealings measured; the rest is multiplied. */
  readonly sample: number;
}

const PROFILES: readonly Profile[] = [
  { name: 'n = 4, high', receivers: 4, threshold: 3, dealers: 4, resharing: true, sample: 4 },
  { name: 'n = 13, high', receivers: 13, threshold: 9, dealers: 13, resharing: true, sample: 13 },
  { name: 'n = 40, high', receivers: 40, threshold: 27, dealers: 40, resharing: true, sample: 10 },
  { name: '500, low', receivers: 499, threshold: 167, dealers: 32, resharing: false, sample: 2 },
  { name: '500, high', receivers: 499, threshold: 167, dealers: 333, resharing: true, sample: 2 },
];

for (const profile of PROFILES) run(profile);

function run({ name, receivers, threshold, dealers, resharing, sample }: Profile): void {
  const nodes = Array.from({ length: receivers }, (_, i) => {
    const nodeSecret = sha256(utf8(`${name} ${i}`));
    const publicKey = nodeSignatures.ed25519PublicKey(nodeSecret);
    const nodeId = selfAuthenticating(publicKey);
    return { nodeSecret, publicKey, nodeId, receiver: generateReceiverKey(nodeSecret) };
  }).sort((a, b) => compareBytes(a.nodeId, b.nodeId));
  const count = Math.max(dealers, threshold);
  const shared = dealShares(engines.bls, { threshold, count, entropy: sha256(utf8(name)) });
  const old = shared.shares.slice(0, dealers);
  const dealing = nodes.slice(0, dealers);
  const config: DkgConfig = {
    target: { summaryHeight: 1, key: resharing ? 'high' : 'low' },
    threshold,
    dealers: dealing.map(({ nodeId }) => nodeId),
    receivers: nodes.map(({ nodeId }) => nodeId),
    receiverKeys: nodes.map(({ receiver }) => receiver.publicKey),
    dealerShareKeys: resharing ? old.map(({ publicKey }) => publicKey) : [],
    dealerIndices: resharing ? old.map(({ index }) => index) : [],
    dealingsNeeded: resharing ? threshold : Math.floor((dealers - 1) / 3) + 1,
  };
  const dealings: DkgDealing[] = [];
  const dealMs = timed(() => {
    for (const [i, node] of dealing.slice(0, sample).entries()) {
      const dealt = deal(engines, {
        config,
        dealer: node.nodeId,
        nodeSecret: node.nodeSecret,
        ...(resharing && { oldShare: old[i]?.secretKey as Uint8Array }),
        entropy: sha256(node.nodeSecret),
      });
      if (dealt.kind === 'valid') dealings.push(dealt.value);
    }
  });
  const verifyMs = timed(() => {
    for (const [i, one] of dealings.entries()) {
      const publicKey = dealing[i]?.publicKey as Uint8Array;
      const verdict = verifyDealing(engines, { config, dealing: one, publicKey });
      if (verdict.kind !== 'valid') throw new Error('not valid');
    }
  });
  const self = nodes[1] as (typeof nodes)[0];
  const openMs = timed(() => {
    for (const one of dealings) {
      const { nodeId: receiver, receiver: key } = self;
      openDealing(engines, { config, dealing: one, receiver, receiverSecret: key.secretKey });
    }
  });
  // The combination is as long as what is combined: measured with the sample in place of all.
  const needed = Math.min(config.dealingsNeeded, dealings.length);
  const enough = { ...config, dealingsNeeded: needed };
  const combineMs = timed(() => {
    const dealt = dealings.map((one) => ({ ...one }));
    transcriptOf(engines, { config: enough, dealings: dealt, complaints: [] });
  });
  const each = (ms: number): string => (ms / dealings.length).toFixed(1);
  const used = resharing ? config.dealingsNeeded : dealers;
  const bytes = dealings.reduce((sum, one) => sum + sizeOf(one), 0) / dealings.length;
  const perEpoch = (verifyMs + openMs) / dealings.length;
  console.log(
    [
      `${name.padEnd(14)} t = ${threshold}: deal ${each(dealMs)} ms`,
      `${(bytes / 1000).toFixed(1)} KB`,
      `verify ${each(verifyMs)} ms`,
      `open ${each(openMs)} ms`,
      `transcript of ${needed}: ${combineMs.toFixed(0)} ms`,
      `an epoch's ${used} dealings: ${((perEpoch * used) / 1000).toFixed(2)} s, ${((bytes * used) / 1e6).toFixed(2)} MB`,
    ].join(', '),
  );
}

function sizeOf({ commitments, ciphertexts }: DkgDealing): number {
  return commitments.length * 99 + ciphertexts.length * 50 + 220;
}

function timed(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
