import type { BeaconSubnet } from './core/subnet.ts';

export interface BeaconConfig {
  /** The subnet at genesis, with its threshold keys; in force until `EpochBegan` names others. Members sorted by node id. */
  readonly subnet: BeaconSubnet;
  /** This node's principal. Its secrets go to the solver alone. */
  readonly nodeId: Uint8Array;
}
