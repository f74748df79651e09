// Everything a rule may look at. Rules only read; the core is the only writer.
import type { Instant } from '@internode/actor';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { AbsentMakers } from './absent-makers.ts';
import type { EquivocationProof, HashKey, Vote, VoteCertificate, VotePurpose } from './artifact.ts';
import type { EpochLog } from './epoch-log.ts';
import type { Epochs } from './epochs.ts';
import type { Gathering } from './gathering.ts';
import type { IngressPool } from './ingress-pool.ts';
import type { KeyDesk } from './key-desk.ts';
import type { Roles } from './membership.ts';
import type { Packages } from './packages.ts';
import type { BlockRecord, Pool } from './pool.ts';
import type { RecordsKnown } from './records-known.ts';
import type { Subnet, SubnetParameters } from './subnet.ts';
import type { Tempo } from './tempo.ts';
import type { Transcripts } from './transcripts.ts';
import type { Tray } from './tray.ts';

export type Artifact =
  | { readonly kind: 'block_proposal'; readonly height: number; readonly record: BlockRecord }
  | {
      readonly kind: 'share';
      readonly purpose: VotePurpose;
      readonly height: number;
      readonly key: HashKey;
      readonly signer: number;
      readonly vote: Vote;
    }
  | {
      readonly kind: 'certificate';
      readonly purpose: VotePurpose;
      readonly height: number;
      readonly key: HashKey;
      readonly certificate: VoteCertificate;
    }
  | {
      readonly kind: 'equivocation_proof';
      readonly height: number;
      readonly maker: number;
      readonly proof: EquivocationProof;
    };

export interface Unvalidated {
  readonly id: string;
  readonly artifact: Artifact;
  /** Hex node id of the peer that brought it. */
  readonly peer: string;
  readonly bytes: number;
  signatures: 'unchecked' | 'checking' | 'good';
}

export interface Beacon {
  readonly value: Uint8Array;
  readonly roles: Roles;
  readonly receivedMs: number;
}

/** What execution last said about itself. */
export interface Tip {
  readonly height: number;
  readonly workPending: boolean;
  readonly nextTimerNanos: bigint | undefined;
}

/** What may be missing, hence asked for. */
export type AskToken = 'beacon' | 'tape' | 'certified' | 'batch' | 'record' | 'sync';

export interface View {
  readonly now: Instant;
  readonly parameters: SubnetParameters;
  /** Members and keys by height. */
  readonly epochs: Epochs;
  /** What delivered blocks say of epochs. */
  readonly epochLog: EpochLog;
  readonly records: RecordsKnown;
  readonly keyDesk: KeyDesk;
  readonly transcripts: Transcripts;
  readonly packages: Packages;
  /** Of this software; undefined: it runs subnets of any. */
  readonly replicaVersion: string | undefined;
  /** Highest height that state or execution has been heard to have, in this life; -1: nothing heard. */
  readonly reached: number;
  readonly pool: Pool;
  readonly unvalidated: ReadonlyMap<string, Unvalidated>;
  /** The same, by height. */
  readonly unvalidatedAt: ReadonlyMap<number, ReadonlyMap<string, Unvalidated>>;
  readonly ingress: IngressPool;
  /** Blocks whose bodies are being gathered, by the id of their artifact. */
  readonly gathering: Gathering;
  /** By height; the roles of a height come from the beacon of the height before. */
  readonly beacons: ReadonlyMap<number, Beacon>;
  readonly tapes: ReadonlyMap<number, Uint8Array>;
  /** Highest height whose final block is journalled (or on its way) and said. */
  readonly delivered: number;
  readonly tip: Tip;
  /** Batches were said again since execution came forward last. */
  readonly batchesRepeated: boolean;
  /** When `tip` was said. */
  readonly tipMs: number;
  readonly certified: number;
  /** When `certified` last grew. */
  readonly certifiedMs: number;
  /** Highest height that the state holds durably. */
  readonly committed: number;
  /** When `pool.notarized` last grew. */
  readonly notarizedMs: number;
  /** False during replay. */
  readonly started: boolean;
  /** False until the first block after a start is notarised: that one is made at once. */
  readonly settled: boolean;
  readonly tempo: Tempo;
  readonly absent: AbsentMakers;
  /** Unchecked votes of others, where votes are added up. */
  readonly tray: Tray;
  readonly flatVotes: ReadonlyMap<string, number>;
  /** When the height before the notarised one was notarised. */
  readonly notarizedBeforeMs: number;
  /** The lowest height at which this node may sign; more than 1 when its vote log was lost. */
  readonly votesFrom: number;
  /** When each was last asked for, or last heard of. */
  readonly asked: ReadonlyMap<AskToken, number>;
  /** Entries and bytes of the journal that compaction would save. */
  readonly journal: { readonly entries: number; readonly bytes: number; readonly base: number };
}

/** The members at a height, when its epoch is known: nothing is made, voted for or accepted where it is not. */
export function subnetAt(view: View, height: number): Subnet | undefined {
  return view.epochs.at(height)?.subnet;
}

/** Whether this node votes at a height: it is a member, and in the committee. */
export function isInCommittee(view: View, height: number): boolean {
  const self = subnetAt(view, height)?.self;
  return self !== undefined && rolesAt(view, height)?.committee.has(self) === true;
}

/** The roles at `height`, when the beacon before it is known. */
export function rolesAt(view: View, height: number): Roles | undefined {
  return view.beacons.get(height - 1)?.roles;
}

/** When the round of notarized + 1 began (protocol 2.3): both its parent's notarisation and its beacon are here. */
export function roundStartMs(view: View): number | undefined {
  const beacon = view.beacons.get(view.pool.notarized);
  return beacon === undefined ? undefined : Math.max(beacon.receivedMs, view.notarizedMs);
}

/** Certified, as this node's state or the final chain itself says: a block names what f + 1 honest members saw certified. */
export function certifiedAnywhere(view: View): number {
  const { pool, certified } = view;
  return Math.max(certified, pool.finalBlock(pool.finalized)?.block.certifiedHeight ?? 0);
}

/**
 * The wait of a rank at notarized + 1: the first ones in their turn, the rest when all of those have failed (protocol 8.3). Makers
 * that let their last turn pass have none.
 */
export function rankDelayMs(view: View, rank: number): number {
  const turn = rank - absentBelow(view, rank);
  const units = turn < CONSENSUS_LIMITS.ranksAtOnce ? turn : turn + 2;
  return units * view.tempo.unitMs;
}

function absentBelow(view: View, rank: number): number {
  if (rank === 0 || view.absent.size === 0) return 0;
  const height = view.pool.notarized + 1;
  const subnet = subnetAt(view, height);
  const better = rolesAt(view, height)?.makers.slice(0, rank) ?? [];
  const isAbsent = (maker: number): boolean =>
    subnet !== undefined && view.absent.has(subnet.member(maker).nodeId);
  return better.filter(isAbsent).length;
}

/** Slow-down while certification lags behind finality (protocol 2.5, 2.7). */
export function certifiedGapDelayMs(view: View): number {
  const gap = view.pool.finalized - view.certified;
  return view.tempo.lagDelayMs(gap, view.now.ms);
}
