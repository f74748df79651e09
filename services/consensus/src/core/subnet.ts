import { assert, compareBytes, toHex } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { committeeSize, faultsTolerated, makersMax, quorum } from './membership.ts';

export interface Member {
  /** Principal of the node. */
  readonly nodeId: Uint8Array;
  /** Ed25519 public key in DER, 44 bytes. */
  readonly publicKey: Uint8Array;
  /** BLS, for multi-signatures, and the proof that its holder knows the secret. Empty or absent in small subnets. */
  readonly voteKey?: Uint8Array;
  readonly voteKeyProof?: Uint8Array;
}

/** Times and limits that all members of a subnet must agree on (protocol 2.5). */
export interface SubnetParameters {
  /** Extra wait per rank, before proposing and before notarising, at most … */
  readonly unitDelayMs: number;
  /** … and at least; between them it follows how quick quorums are. */
  readonly unitDelayMinMs: number;
  /** Wait before notarising rank 0; 0 makes blocks as fast as there is work. */
  readonly initialNotaryDelayMs: number;
  /** Pause between blocks when there is no work, in a subnet of one … */
  readonly idleBlockMs: number;
  /** … and in one of several, where a height takes the signatures of all. */
  readonly idleBlockOfSeveralMs: number;
  /** Heights that certification may lag behind finality before blocks slow down. */
  readonly certifiedGapFree: number;
  /** Least time from one height to the next in a subnet of several, so that calls share a height's signatures. */
  readonly minBlockMs: number;
  /** Slow-down per height of lag beyond that, at most; less while the state is quicker. */
  readonly certifiedGapDelayMs: number;
  /** Final heights that may wait for the own execution before this node proposes another. */
  readonly executionGapMax: number;
  /** Of several: after a block of m messages the next waits (m - 1) times this, so that calls under load share a height's cost … */
  readonly pacePerMessageMs: number;
  /** … but never longer than this, after it has waited until those m are certified, … */
  readonly paceMaxMs: number;
  /** … for so long at most; and no longer than until no call has come for a while. */
  readonly certifiedWaitMaxMs: number;
  readonly quietMs: number;
  /** A subnet of one: the same, at most; it goes on as soon as m messages are here … */
  readonly alonePerMessageMs: number;
  readonly aloneMaxMs: number;
  /** … and none came for so long. */
  readonly aloneQuietMs: number;
  /** Members up to which votes are lists of signatures; above, multi-signatures put together by a few. */
  readonly listVotesMax: number;
}

export const LOCAL_PARAMETERS: SubnetParameters = {
  unitDelayMs: 1_000,
  unitDelayMinMs: 100,
  initialNotaryDelayMs: 0,
  idleBlockMs: 1_000,
  idleBlockOfSeveralMs: 2_500,
  minBlockMs: 80,
  certifiedGapFree: 2,
  certifiedGapDelayMs: 2_000,
  executionGapMax: 2,
  pacePerMessageMs: 1,
  paceMaxMs: 60,
  certifiedWaitMaxMs: 300,
  quietMs: 10,
  alonePerMessageMs: 0.5,
  aloneMaxMs: 32,
  aloneQuietMs: 1,
  listVotesMax: CONSENSUS_LIMITS.listVotesMax,
};

/** The public record of a subnet at one registry version. */
export interface SubnetRecord {
  readonly subnetId: Uint8Array;
  readonly registryVersion: number;
  readonly members: readonly Member[];
}

/** The members of an epoch with everything derived from them. They are known by their index in the sorted list. */
export class Subnet {
  readonly subnetId: Uint8Array;
  readonly registryVersion: number;
  readonly members: readonly Member[];
  /** The own index; undefined when this node is not a member. */
  readonly self: number | undefined;
  readonly n: number;
  readonly faults: number;
  readonly committee: number;
  readonly quorum: number;
  /** How votes become certificates: a list of Ed25519 signatures, or one BLS multi-signature. */
  readonly scheme: 'list' | 'multi';
  /** Heights that notarisation may be ahead of certification. */
  readonly hardGap: number;
  readonly makers: number;
  readonly #names: readonly string[];
  readonly #indexOf = new Map<string, number>();

  constructor(
    record: SubnetRecord,
    nodeId?: Uint8Array,
    listVotesMax: number = CONSENSUS_LIMITS.listVotesMax,
  ) {
    this.subnetId = record.subnetId;
    this.registryVersion = record.registryVersion;
    this.members = [...record.members].sort((a, b) => compareBytes(a.nodeId, b.nodeId));
    this.n = this.members.length;
    this.faults = faultsTolerated(this.n);
    this.committee = committeeSize(this.n);
    this.quorum = quorum(this.n);
    this.makers = makersMax(this.n);
    this.scheme = this.n > listVotesMax ? 'multi' : 'list';
    const { hardGap, hardGapOfMany } = CONSENSUS_LIMITS;
    this.hardGap = this.scheme === 'multi' ? hardGapOfMany : hardGap;
    this.#names = this.members.map(({ nodeId }) => toHex(nodeId));
    for (const [index, name] of this.#names.entries()) this.#indexOf.set(name, index);
    assert(this.#indexOf.size === this.n, 'Subnet: a node id comes twice');
    this.self = nodeId === undefined ? undefined : this.indexOf(nodeId);
  }

  indexOf(nodeId: Uint8Array): number | undefined {
    return this.#indexOf.get(toHex(nodeId));
  }

  /** Node id in hex. */
  name(index: number): string {
    return this.#names[index] ?? '';
  }

  member(index: number): Member {
    const member = this.members[index];
    assert(member !== undefined, 'Subnet: no such member');
    return member;
  }
}
