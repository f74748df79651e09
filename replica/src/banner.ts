import { faultsTolerated } from './faults.ts';
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
  Node          ${config.nodeId}
  State         ${config.dataDir}
  Root key      ${config.rootKey}
${uses(config, identities)}
Try
  npm run internode -- deploy counter.mo
  npm run internode -- call counter inc

Listening on ${url}. Stop with Ctrl-C.
${ready(readyMs)}`;
}

/** The same for a network; any replica serves any call. */
export function networkBanner(
  config: ReplicaConfig,
  identities: readonly DevelopmentIdentity[],
  readyMs: number,
): string {
  const replicas = config.replicas ?? [];
  const faults = faultsTolerated(replicas.length);
  return `
Internode ${config.version}: a network of ${replicas.length}, for DEVELOPMENT (one process dealt all keys). It bears ${faults} faulty.

${replicas.map(({ gatewayUrl, nodeId, pid }, index) => `  Replica ${String(index).padEnd(5)} ${gatewayUrl}   ${nodeId}   pid ${pid}`).join('\n')}
  Subnet        ${config.subnetId}
  State         ${config.dataDir}
  Root key      ${config.rootKey}
${uses(config, identities)}
Try
  npm run internode -- deploy counter.mo --data-dir ${config.dataDir}
  npm run internode -- call counter inc --data-dir ${config.dataDir}
  kill -9 ${replicas.at(-1)?.pid}      # the others go on

Listening on ${replicas.map(({ gatewayUrl }) => gatewayUrl).join(' ')}. Stop with Ctrl-C.
${ready(readyMs)}`;
}

const ready = (readyMs: number): string => `Ready in ${Math.round(readyMs)} ms\n`;

function uses({ gatewayUrl: url }: ReplicaConfig, identities: readonly DevelopmentIdentity[]) {
  return `
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
`;
}
