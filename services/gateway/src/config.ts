import type { Principal } from '@internode/encoding';

/** First and last canister id of a range, both included. */
export type CanisterRange = readonly [first: Principal, last: Principal];

export type GatewayConfig = {
  /** The address to listen on. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Several gateways of this node listen on the port; the system gives each connection to one of them. */
  readonly sharesPort?: boolean;
  /** What it is called among those of this node, such as `gateway-2`; absent: `gateway`. */
  readonly unit?: string;
  /** Processes of the node whose figures are shown beside the own ones; absent: one of each other service. */
  readonly processes?: readonly string[];
  /** DER of the root subnet's key, 133 bytes. */
  readonly rootKey: Uint8Array;
  readonly rootSubnetId: Principal;
  readonly subnetId: Principal;
  readonly nodeId: Principal;
  /** The node's Ed25519 secret, 32 bytes: signs query answers. */
  readonly nodeSecret: Uint8Array;
  readonly canisterRanges: readonly CanisterRange[];
  /** As the status endpoint tells it. */
  readonly implementationVersion: string;
  /** Who may look at traces: they name canisters, methods and calls of everybody. */
  readonly debugTo?: 'loopback' | 'anyone' | 'nobody' | undefined;
};
