// The service with the keys that it votes with. The same in every placement.
import { Service } from '@internode/actor';
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import type { Host, Start } from '@internode/host';
import type { ConsensusConfig } from './config.ts';
import { createConsensus } from './consensus.ts';
import type { IngressRules } from './ingress-check.ts';
import { createConsensusSolver } from './solver.ts';
import { describeConsensus } from './telemetry.ts';

export interface ConsensusSettings {
  readonly config: ConsensusConfig;
  /** The node's Ed25519 and BLS secrets, 32 bytes each: they sign its votes. */
  readonly nodeSecret: Uint8Array;
  readonly voteSecret: Uint8Array;
  readonly ingress: Pick<IngressRules, 'rootKey' | 'subnetId' | 'canisterRanges'>;
}

export async function openConsensus(host: Host, settings: ConsensusSettings): Promise<Start> {
  const { config, nodeSecret, voteSecret, ingress } = settings;
  setHashEngine(nodeHashEngine);
  const bls = await loadFastBls();
  const signatures = nodeSignatures;
  const solver = createConsensusSolver({
    signatures,
    secret: nodeSecret,
    voteSecret,
    bls,
    ingress: { signatures, bls, ...ingress },
  });
  const service = new Service(createConsensus(config));
  return () => host.run(service, { solver, describe: describeConsensus });
}
