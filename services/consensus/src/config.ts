import type { Summary } from '@internode/contracts';
import type { SubnetParameters, SubnetRecord } from './core/subnet.ts';

export interface ConsensusConfig {
  /** The public record of the subnet. */
  readonly subnet: SubnetRecord;
  /** The summary at height 0; absent: `subnet` for ever. */
  readonly genesis?: Summary;
  /** This node's principal; of a member, or of one that will be or was. */
  readonly nodeId: Uint8Array;
  /**
   * Whether a member with an empty journal has never run before. True: it may sign at once. False: it has lost its log, and
   * signs nothing that it may have signed before. Absent: it asks the others, and 2f to whom nothing has happened are believed.
   */
  readonly firstLife?: boolean;
  /** Of this software. Where the record asks for another one, blocks stay empty until a catch-up package, then stop; absent: never. */
  readonly replicaVersion?: string;
  /** What differs from `LOCAL_PARAMETERS`; must be the same on all members. */
  readonly parameters?: Partial<SubnetParameters>;
}
