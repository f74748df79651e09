// Validated artifacts by height: blocks whose parents are notarised, votes and certificates whose signatures hold. The
// only mutable structure that rules read. Invariants:
// P1 a block is added after its parent has a notarisation here, so a notarised block has complete ancestry;
// P2 at most one block per height is final, and final blocks form one chain;
// P3 counts per height stay within the bounds of protocol 2.4.
import { assert } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type {
  Block,
  BlockProposal,
  EquivocationProof,
  HashKey,
  StrippedProposal,
  VoteCertificate,
  VotePurpose,
} from './artifact.ts';
import type { Epochs } from './epochs.ts';

export interface BlockRecord {
  readonly key: HashKey;
  readonly hash: Uint8Array;
  readonly parentKey: HashKey;
  readonly block: Block;
  /** With its bodies. Absent for the base, whose payload is part of the state, and while bodies are gathered. */
  readonly proposal: BlockProposal | undefined;
  /** As it travels. Absent for the base. */
  readonly stripped: StrippedProposal | undefined;
  /** Member index of the maker; -1 for the base. */
  readonly maker: number;
  /** Request ids in block order, as keys; none while bodies are gathered. */
  readonly ingressKeys: readonly HashKey[];
}

type Votes = Map<HashKey, Map<number, Uint8Array>>;

export class HeightPool {
  readonly blocks = new Map<HashKey, BlockRecord>();
  readonly votes: Record<VotePurpose, Votes> = { notarization: new Map(), finalization: new Map() };
  readonly certificates: Record<VotePurpose, Map<HashKey, VoteCertificate>> = {
    notarization: new Map(),
    finalization: new Map(),
  };
  readonly equivocators = new Map<number, EquivocationProof>();
  /** What this node signs or has signed: noted when signing begins, since it binds from then on. */
  readonly own: { proposal?: HashKey; notarizations: Set<HashKey>; finalization?: HashKey } = {
    notarizations: new Set(),
  };

  votesFor(purpose: VotePurpose, key: HashKey): ReadonlyMap<number, Uint8Array> {
    return this.votes[purpose].get(key) ?? NO_VOTES;
  }
}

const NO_VOTES: ReadonlyMap<number, Uint8Array> = new Map();

export class Pool {
  readonly #epochs: Epochs;
  readonly #heights = new Map<number, HeightPool>();
  readonly #finalKeys = new Map<number, HashKey>();
  #lowest: number;
  #notarized: number;
  #finalized: number;

  /** `base` is the block everything else builds on: final, its state durable. */
  constructor(epochs: Epochs, base: BlockRecord) {
    this.#epochs = epochs;
    const { height } = base.block;
    this.#lowest = height;
    this.#notarized = height;
    this.#finalized = height;
    this.#at(height).blocks.set(base.key, base);
    this.#finalKeys.set(height, base.key);
  }

  /** Lowest height that is still here; its final block is. */
  get lowest(): number {
    return this.#lowest;
  }

  /** Highest height with a notarised block of complete ancestry. */
  get notarized(): number {
    return this.#notarized;
  }

  get finalized(): number {
    return this.#finalized;
  }

  at(height: number): HeightPool | undefined {
    return this.#heights.get(height);
  }

  block(height: number, key: HashKey): BlockRecord | undefined {
    return this.#heights.get(height)?.blocks.get(key);
  }

  parentOf(record: BlockRecord): BlockRecord | undefined {
    return this.block(record.block.height - 1, record.parentKey);
  }

  finalBlock(height: number): BlockRecord | undefined {
    const key = this.#finalKeys.get(height);
    return key === undefined ? undefined : this.block(height, key);
  }

  isNotarized(height: number, key: HashKey): boolean {
    if (this.#finalKeys.get(height) === key) return true;
    return this.#heights.get(height)?.certificates.notarization.has(key) ?? false;
  }

  /** Both the block and its notarisation: a journal may hold one without the other. */
  hasNotarized(height: number, key: HashKey): boolean {
    return this.block(height, key) !== undefined && this.isNotarized(height, key);
  }

  /** Blocks of this height with a notarisation, lowest rank first. */
  notarizedBlocks(height: number): readonly BlockRecord[] {
    const records = [...(this.#heights.get(height)?.blocks.values() ?? [])];
    return records
      .filter((record) => this.isNotarized(height, record.key))
      .sort((a, b) => a.block.rank - b.block.rank || (a.key < b.key ? -1 : 1));
  }

  /** The blocks above `floor` down from `tip`, newest first. */
  *chain(tip: BlockRecord, floor: number): Generator<BlockRecord> {
    let record: BlockRecord | undefined = tip;
    while (record !== undefined && record.block.height > floor) {
      yield record;
      record = this.parentOf(record);
    }
  }

  addBlock(record: BlockRecord): void {
    const { height } = record.block;
    assert(
      this.hasNotarized(height - 1, record.parentKey),
      'P1: block before its notarised parent',
    );
    const here = this.#at(height);
    here.blocks.set(record.key, record);
    this.#check(height, here);
    this.#advance();
  }

  /** A block that the journal knows to be final, on top of the last one. */
  restoreFinal(record: BlockRecord): void {
    const { height } = record.block;
    if (height <= this.#finalized) {
      // Certificates that were journalled before have said so already.
      assert(this.#finalKeys.get(height) === record.key, 'P2: the journal has two final chains');
      return;
    }
    assert(
      height === this.#finalized + 1 && record.parentKey === this.#finalKeys.get(height - 1),
      'P2: journal order',
    );
    this.#at(height).blocks.set(record.key, record);
    this.#finalKeys.set(height, record.key);
    this.#finalized = height;
    this.#notarized = Math.max(this.#notarized, height);
    this.#advance();
  }

  addVote(
    purpose: VotePurpose,
    vote: { height: number; key: HashKey; signer: number; signature: Uint8Array },
  ): void {
    const here = this.#at(vote.height);
    const votes = here.votes[purpose].get(vote.key) ?? new Map<number, Uint8Array>();
    here.votes[purpose].set(vote.key, votes.set(vote.signer, vote.signature));
    this.#check(vote.height, here);
  }

  addCertificate(purpose: VotePurpose, key: HashKey, certificate: VoteCertificate): void {
    const here = this.#at(certificate.height);
    here.certificates[purpose].set(key, certificate);
    this.#check(certificate.height, here);
    this.#advance();
  }

  addEquivocation(maker: number, proof: EquivocationProof): void {
    const here = this.#at(proof.height);
    here.equivocators.set(maker, proof);
    this.#check(proof.height, here);
  }

  /** Own signatures above the base bind in this pool as they did in the one before. */
  adoptPromises(before: Pool): void {
    for (const [height, { own }] of before.#heights) {
      if (height <= this.#finalized) continue;
      const here = this.ownAt(height);
      if (own.proposal !== undefined) here.proposal = own.proposal;
      if (own.finalization !== undefined) here.finalization = own.finalization;
      for (const key of own.notarizations) here.notarizations.add(key);
    }
  }

  /** Where own signatures of a height are noted. */
  ownAt(height: number): HeightPool['own'] {
    return this.#at(height).own;
  }

  /** Forgets everything below a final height, and what was not final at or below the finalised height. */
  purgeBelow(height: number): readonly HeightPool[] {
    assert(height <= this.#finalized, 'purge: above the finalised height');
    const gone: HeightPool[] = [];
    for (; this.#lowest < height; this.#lowest += 1) {
      const here = this.#heights.get(this.#lowest);
      if (here !== undefined) gone.push(here);
      this.#heights.delete(this.#lowest);
      this.#finalKeys.delete(this.#lowest);
    }
    return gone;
  }

  /** Votes at finalised heights have done their work. */
  purgeVotes(height: number): void {
    const here = this.#heights.get(height);
    here?.votes.notarization.clear();
    here?.votes.finalization.clear();
  }

  #at(height: number): HeightPool {
    let here = this.#heights.get(height);
    if (here === undefined) {
      here = new HeightPool();
      this.#heights.set(height, here);
      const heightsMax = 2 * CONSENSUS_LIMITS.hardGap + CONSENSUS_LIMITS.chainKept;
      assert(this.#heights.size <= heightsMax, 'P3: too many heights in the pool');
    }
    return here;
  }

  #check(height: number, here: HeightPool): void {
    const { n, makers } = this.#epochs.subnetOf(height);
    // A maker has two blocks at most (the second proves equivocation), a member one vote per block and purpose.
    assert(here.blocks.size <= 2 * makers, 'P3: blocks per height');
    for (const votes of Object.values(here.votes)) {
      assert(votes.size <= 2 * makers, 'P3: voted blocks per height');
      for (const signers of votes.values()) assert(signers.size <= n, 'P3: votes per block');
    }
    for (const certificates of Object.values(here.certificates))
      assert(certificates.size <= 2 * makers, 'P3: certificates per height');
    assert(here.equivocators.size <= n, 'P3: proofs per height');
  }

  #advance(): void {
    while (this.notarizedBlocks(this.#notarized + 1).length > 0) this.#notarized += 1;
    for (let height = this.#notarized; height > this.#finalized; height -= 1) {
      const here = this.#heights.get(height);
      for (const key of here?.certificates.finalization.keys() ?? []) {
        const record = here?.blocks.get(key);
        if (record === undefined || !this.isNotarized(height, key)) continue;
        this.#finalize(record);
        return;
      }
    }
  }

  #finalize(tip: BlockRecord): void {
    const floor = this.#finalized;
    let oldest = tip;
    for (const record of this.chain(tip, floor)) {
      this.#finalKeys.set(record.block.height, record.key);
      oldest = record;
    }
    assert(oldest.parentKey === this.#finalKeys.get(floor), 'P2: two final chains');
    this.#finalized = tip.block.height;
  }
}
