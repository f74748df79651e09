// The service with the peers' door. The same in every placement.
import { Service } from '@internode/actor';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import type { Host, Start } from '@internode/host';
import type { P2pConfig } from './config.ts';
import { createP2p } from './p2p.ts';
import { describeP2p } from './telemetry.ts';

export interface P2pSettings {
  readonly config: P2pConfig;
  /** Absent: a subnet of one on its own, which has no door for peers. */
  readonly door?: {
    readonly listen: { readonly host: string; readonly port: number };
    /** The node's Ed25519 secret, 32 bytes: its certificate. */
    readonly nodeSecret: Uint8Array;
  };
}

export async function openP2p(host: Host, { config, door }: P2pSettings): Promise<Start> {
  setHashEngine(nodeHashEngine);
  // Takes a tenth of a second to load, and only members of a network need it.
  const carrier = door && (await import('./adapters/grpc-peers.ts'));
  return async () => {
    if (door !== undefined && carrier !== undefined) {
      const peers = await carrier.openGrpcPeers({
        nodeId: config.nodeId,
        secret: door.nodeSecret,
        listen: door.listen,
        ports: host,
        observe: host.telemetry.observe,
      });
      host.defer(() => peers.close());
    }
    host.run(new Service(createP2p(config)), { describe: describeP2p });
  };
}
