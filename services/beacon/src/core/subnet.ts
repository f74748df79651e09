/** The public half of a threshold key. */
export interface ThresholdKey {
  readonly threshold: number;
  readonly groupPublicKey: Uint8Array;
  /** By member index: position in the sorted list of node ids. */
  readonly sharePublicKeys: readonly Uint8Array[];
}

export interface BeaconSubnet {
  readonly subnetId: Uint8Array;
  /** Sorted by node id. */
  readonly members: readonly { readonly nodeId: Uint8Array }[];
  readonly low: ThresholdKey;
  readonly high: ThresholdKey;
}
