// What the journal holds and what was delivered from it: the final blocks above the base, ready to be said again, and own
// votes above them. Knows the forms of entries; the core decides when to write.
import type {
  BatchReady,
  BlockFinalized,
  ChainBase,
  MemberKeys,
  Summary,
} from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { assert } from '@internode/prelude';
import {
  type Block,
  type BlockProposal,
  type ConsensusEntry,
  ENTRY,
  type VoteCertificate,
} from './artifact.ts';
import type { EpochLog } from './epoch-log.ts';
import type { BlockRecord } from './pool.ts';

export interface Delivery {
  readonly record: BlockRecord;
  readonly entry: Uint8Array;
  readonly batch: BatchReady;
  readonly finalized: BlockFinalized;
  /** The random beacon of this height; "" when not known. */
  readonly ownBeacon: Uint8Array;
}

export interface FinalFacts {
  readonly record: BlockRecord;
  readonly proposal: BlockProposal;
  readonly tape: Uint8Array;
  /** Of the height before, when it is known. */
  readonly beacon: Uint8Array;
  /** The random beacon of this height; absent when not known. */
  readonly ownBeacon: Uint8Array | undefined;
  readonly notarization: VoteCertificate | undefined;
  readonly finalization: VoteCertificate | undefined;
}

export class Ledger {
  #base: Block;
  /** What is known of epochs at the base. */
  #epochLog: EpochLog;
  #package: Uint8Array | undefined;
  #deliveries: Delivery[] = [];
  #votes: { readonly height: number; readonly entry: Uint8Array }[] = [];
  #bytes = 0;
  #durable: number;

  constructor(base: Block, epochLog: EpochLog) {
    this.#base = base;
    this.#epochLog = epochLog;
    this.#durable = base.height;
  }

  /** What rules see: how much of the journal compaction could save. */
  get figures(): { readonly entries: number; readonly bytes: number; readonly base: number } {
    return { entries: this.#deliveries.length, bytes: this.#bytes, base: this.#base.height };
  }

  /** Highest height whose entry is known to be durable. */
  get durable(): number {
    return this.#durable;
  }

  becameDurable(height: number): void {
    this.#durable = Math.max(this.#durable, height);
  }

  delivery(height: number): Delivery | undefined {
    return this.#deliveries[height - this.#base.height - 1];
  }

  /** Durable deliveries from a height on, in order. */
  from(height: number): readonly Delivery[] {
    const first = Math.max(0, height - this.#base.height - 1);
    return this.#deliveries.slice(first, Math.max(first, this.#durable - this.#base.height));
  }

  add(facts: FinalFacts): Delivery {
    const { record, proposal, tape, beacon, notarization, finalization } = facts;
    const ownBeacon = facts.ownBeacon ?? new Uint8Array(0);
    const { height, timeNanos } = record.block;
    assert(
      height === this.#base.height + this.#deliveries.length + 1,
      'ledger: delivered out of order',
    );
    const blockHash = record.hash;
    const { ingress, summary } = proposal.payload;
    const delivery: Delivery = {
      record,
      entry: encode({
        kind: 'finalized',
        finalized: { proposal, tape, notarization, finalization, beacon },
      }),
      batch: {
        kind: 'BatchReady',
        height,
        timeNanos,
        randomness: sha256(tape),
        blockHash,
        ingress,
        ...(summary !== undefined && { members: membersOf(summary) }),
      },
      ownBeacon,
      finalized: {
        kind: 'BlockFinalized',
        height,
        blockHash,
        timeNanos,
        ingressIds: ingress.map((message) => message.requestId),
      },
    };
    const before = this.#deliveries.at(-1);
    if (before !== undefined && before.ownBeacon.length === 0 && beacon.length > 0)
      this.#deliveries[this.#deliveries.length - 1] = { ...before, ownBeacon: beacon };
    this.#deliveries.push(delivery);
    this.#bytes += delivery.entry.length;
    this.#votes = this.#votes.filter((vote) => vote.height > height);
    return delivery;
  }

  /** An entry about a height that is not final yet. */
  addVote(height: number, entry: Uint8Array): void {
    this.#votes.push({ height, entry });
  }

  /** Makes `height` the base; answers the entries that re-create the state of now. */
  compact(height: number): readonly Uint8Array[] {
    const delivery = this.delivery(height);
    assert(delivery !== undefined, 'ledger: no such base');
    const gone = this.#deliveries.splice(0, height - this.#base.height);
    for (const { entry, record, ownBeacon } of gone) {
      this.#bytes -= entry.length;
      if (record.stripped !== undefined)
        this.#epochLog.add(record.block, record.stripped.payload, ownBeacon);
    }
    this.#base = delivery.record.block;
    return this.entries();
  }

  /** The entry of the newest catch-up package. */
  keepPackage(entry: Uint8Array): void {
    this.#package = entry;
  }

  /** After the base has moved past everything: what another ledger holds above it. */
  adoptVotes(before: Ledger): void {
    this.#votes = before.#votes.filter(({ height }) => height > this.#base.height);
    this.#package = before.#package;
  }

  /** What re-creates the state of now. */
  entries(): readonly Uint8Array[] {
    return [
      encode({ kind: 'base', base: baseOf(this.#base, this.#epochLog) }),
      ...(this.#package === undefined ? [] : [this.#package]),
      ...this.#deliveries.map(({ entry }) => entry),
      ...this.#votes.map(({ entry }) => entry),
    ];
  }
}

function baseOf(block: Block, { opening, recorded }: EpochLog): ChainBase {
  const isGenesis = opening.block === undefined;
  return {
    block,
    summary: isGenesis ? undefined : opening.summary,
    dealings: recorded,
    summaryBlock: opening.block,
    summaryBeacon: opening.beacon,
  };
}

function membersOf({ current }: Summary): MemberKeys {
  return { nodes: current.record.nodes.map(({ nodeId, publicKey }) => ({ nodeId, publicKey })) };
}

export function encode(fact: ConsensusEntry['fact']): Uint8Array {
  return ENTRY.encode({ fact });
}
