import type { SubnetDescription } from './core/subnet.ts';

export interface StateConfig {
  /** What the tree certifies of the subnet: the same on all its nodes. */
  readonly subnet: SubnetDescription;
  /** Default true. May be off where the own beacon is of the same process: it has made, or checked, what it says. */
  readonly checksCertifications?: boolean;
  /**
   * Default false. Makes checkpoints at summary heights and serves them to peers; the store is opened with the extension
   * `CHECKPOINTS` then, also where a state may be fetched from peers.
   */
  readonly checkpoints?: boolean;
}
