export interface P2pConfig {
  /** This node's principal: artifacts of its own users come from it. */
  readonly nodeId: Uint8Array;
}
