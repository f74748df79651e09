import type { MemberKeys } from '@internode/contracts';
import { encodeCbor } from '@internode/encoding';
import { type Content, contentDigest, emptyTree, type LabelledTree } from '@internode/hash-tree';
import { utf8 } from '@internode/prelude';

/** What the tree of height 0 certifies of the subnet (interface spec 2.6). Only the nodes change later. */
export interface SubnetDescription {
  readonly subnetId: Uint8Array;
  /** DER, 133 bytes. */
  readonly publicKey: Uint8Array;
  /** Whose numbers are in the tree as `type`. */
  readonly type: 'application' | 'system' | 'verified_application' | 'cloud_engine';
  /** Both ends included, ascending, disjoint. */
  readonly canisterRanges: readonly (readonly [Uint8Array, Uint8Array])[];
  readonly nodes: readonly { readonly nodeId: Uint8Array; readonly publicKey: Uint8Array }[];
}

/**
 * The tree of an empty subnet. All ranges are one shard: clients look at the first shard they see and no further
 * (interface spec 2.4).
 */
export function subnetTree(subnet: SubnetDescription): LabelledTree {
  const ranges = encodeCbor(subnet.canisterRanges.map(([first, last]) => [first, last]));
  const [first] = subnet.canisterRanges[0] ?? [new Uint8Array(0)];
  return emptyTree()
    .set(['canister_ranges', subnet.subnetId, first], ranges)
    .set(
      ['subnet', subnet.subnetId],
      [
        ['canister_ranges', ranges],
        ['node', nodesContent(subnet.nodes)],
        ['public_key', subnet.publicKey],
        ['type', utf8(subnet.type)],
      ],
    );
}

/** The members as the tree shows them: whose keys vouch for queries (interface spec 2.6). */
export function nodesContent(nodes: MemberKeys['nodes']): Content {
  return nodes.map(({ nodeId, publicKey }) => [nodeId, [['public_key', publicKey]]]);
}

/** 32 bytes that differ for subnets that certify differently: a store belongs to one of them. */
export function identityOf(subnet: SubnetDescription): Uint8Array {
  return contentDigest([['root', subnetTree(subnet).rootHash()]]);
}
