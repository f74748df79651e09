import type { SubnetParameters, SubnetRecord } from './core/subnet.ts';

export interface ConsensusConfig {
  /** The public record of the subnet. */
  readonly subnet: SubnetRecord;
  /** This node's principal; a member of the subnet. */
  readonly nodeId: Uint8Array;
  /** What differs from `LOCAL_PARAMETERS`; must be the same on all members. */
  readonly parameters?: Partial<SubnetParameters>;
}
