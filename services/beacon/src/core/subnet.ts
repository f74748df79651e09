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

/** f: so many of `n` members may misbehave in any way (protocol 2.1). */
export function faultsTolerated(n: number): number {
  return Math.floor((n - 1) / 3);
}
