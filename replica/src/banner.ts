import type { DevelopmentIdentity } from './identities.ts';
import type { ReplicaConfig } from './replica-config.ts';

/** What a person sees once the replica is ready. The last line is `Ready in N ms`. */
export function banner(
  config: ReplicaConfig,
  identities: readonly DevelopmentIdentity[],
  readyMs: number,
): string {
  const { gatewayUrl: url } = config;
  return `
Internode ${config.version}

  API           ${url}
  Status        ${url}/api/v2/status
  Health        ${url}/healthz   ${url}/readyz   ${url}/metrics
  Subnet        ${config.subnetId}
  Node          ${config.nodeIds.join(' ')}
  State         ${config.dataDir}
  Root key      ${config.rootKey}

Development identities (keys are publicly known: never use them elsewhere). Each may create canisters, with 100 T cycles each:
${identities.map(({ name, principal, pemFile }) => `  ${name.padEnd(6)} ${principal}\n         ${pemFile}`).join('\n')}

icp.yaml
  networks:
    - { name: internode, mode: connected, url: ${url}, root-key: fetch }
  environments:
    - { name: internode, network: internode }

networks.json (dfx)
  { "internode": { "providers": ["${url}"], "type": "persistent" } }

JavaScript
  import { HttpAgent } from '@icp-sdk/core/agent';
  const agent = await HttpAgent.create({ host: '${url}', shouldFetchRootKey: true });

Try
  npm run internode -- deploy counter.mo
  npm run internode -- call counter inc

Listening on ${url}. Stop with Ctrl-C.
Ready in ${Math.round(readyMs)} ms
`;
}
