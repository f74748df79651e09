import type { BeaconSubnet } from './core/subnet.ts';

export interface BeaconConfig {
  /** The public record of the subnet, with its threshold keys. Members sorted by node id. */
  readonly subnet: BeaconSubnet;
  /** This node's principal; a member of the subnet. Its secret shares go to the solver alone. */
  readonly nodeId: Uint8Array;
}
