import type { SubnetRecord } from '@internode/contracts';

export interface ExecutionConfig {
  readonly subnetId: Uint8Array;
  /** Members of the subnet at genesis, until an epoch names others: what canisters see, and what prices grow with. */
  readonly subnetNodes: number;
  /** 133 bytes: what `ic0.root_key_*` answers. */
  readonly rootKeyDer: Uint8Array;
  /** The subnet record of genesis, the same on all members; absent: nobody may change the subnet. */
  readonly record?: SubnetRecord;
}
