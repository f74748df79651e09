import type { SubnetDescription } from './core/subnet.ts';

export interface StateConfig {
  /** What the tree certifies of the subnet: the same on all its nodes. */
  readonly subnet: SubnetDescription;
  /** Default true. May be off on a subnet of one node, whose beacon has just made the signature itself. */
  readonly checksCertifications?: boolean;
}
