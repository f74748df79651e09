import type { PeerAddress } from '@internode/contracts';

export interface P2pConfig {
  /** This node's principal: artifacts of its own users come from it. */
  readonly nodeId: Uint8Array;
  /** The other members, until consensus says who they are. None: a subnet of one. */
  readonly peers?: readonly PeerAddress[];
  /** By node id in hexadecimal, `host:port`: where this machine finds a member when that is not where the record says. */
  readonly places?: ReadonlyMap<string, string>;
  /** Version of the subnet record that `peers` are from: they stay peers until an epoch has one as new. */
  readonly peersVersion?: number;
}
