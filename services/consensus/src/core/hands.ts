// What the core does with its hands: applies the answers of rules to the state, has things signed and checked, writes the
// journal and tells others. Publication of whatever holds an own signature waits for the journal.
import type { ArtifactKind } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { assert, unreachable } from '@internode/prelude';
import type { Action } from './action.ts';
import {
  bytesOfProposal,
  CERTIFICATE,
  EQUIVOCATION,
  type HashKey,
  keyOf,
  STRIPPED_PROPOSAL,
  type VoteCertificate,
  type VotePurpose,
} from './artifact.ts';
import { EpochDesk, newsOf } from './epoch-desk.ts';
import { recordOf } from './intake.ts';
import { encode } from './ledger.ts';
import { Offers } from './offers.ts';
import { type ConsensusEffect, durableSignal, type Outbox } from './outbox.ts';
import { Repeater } from './repeater.ts';
import type { State } from './state.ts';
import type { ConsensusAnswer, ConsensusTask } from './task.ts';
import type { Unvalidated } from './view.ts';
import { VoteDesk } from './vote-desk.ts';

type Pending = Extract<Action, { kind: 'propose' }> | Extract<Action, { kind: 'check' }>;

const NOT_KNOWN = new Uint8Array(0);

export class Hands {
  readonly #state: State;
  readonly #outbox: Outbox;
  readonly repeater: Repeater;
  readonly votes: VoteDesk;
  readonly epochs: EpochDesk;
  readonly #offers: Offers;
  readonly #nodeId: Uint8Array;
  readonly #pending = new Map<string, Pending>();
  #solveCount = 0;
  #notarizedSaid = 0;

  constructor(state: State, outbox: Outbox, nodeId: Uint8Array) {
    this.#state = state;
    this.#outbox = outbox;
    this.repeater = new Repeater(state, outbox);
    this.votes = new VoteDesk(
      { state, outbox, nodeId },
      {
        offer: (height, offered) => this.#offer(height, offered),
        addCertificate: (purpose, certificate) =>
          this.#addCertificate(purpose, certificate, keyOf(certificate.blockHash)),
      },
    );
    this.#offers = new Offers();
    this.epochs = new EpochDesk(state, outbox);
    this.#nodeId = nodeId;
  }

  /** After replay: offers what the journal remembers, and finds out when all of it is durable. */
  start(): void {
    const { delivered, ledger, pool } = this.#state;
    this.#notarizedSaid = pool.notarized;
    this.repeater.restoredUpTo(delivered);
    if (delivered > ledger.durable) {
      const entry = encode({ kind: 'restarted', restarted: { height: delivered } });
      this.#outbox.add({ kind: 'persist', entry, then: [durableSignal(delivered)] });
    }
    // It comes from the journal, hence is durable.
    this.#outbox.add(...this.#offers.everything(this.#state));
    this.votes.resume();
    this.epochs.start();
  }

  /** p2p may have lost its table. Own votes may be on their way to the disk: what is written behind them waits for them. */
  repeatOffers(): void {
    this.epochs.repeatOffer();
    const then = this.#offers.everything(this.#state);
    if (then.length === 0) return;
    const entry = encode({ kind: 'restarted', restarted: { height: this.#state.delivered } });
    this.#outbox.add({ kind: 'persist', entry, then });
  }

  /** The signal that the entry of a height, and all before it, survive. */
  becameDurable(height: number): void {
    this.repeater.becameDurable(height);
  }

  apply(action: Exclude<Action, { kind: 'look-again' }>): void {
    const state = this.#state;
    switch (action.kind) {
      case 'propose':
        state.pool.ownAt(action.block.height).proposal = keyOf(action.hash);
        return this.#sign(
          action,
          bytesOfProposal(state.epochs.subnetId, action.block.height, action.hash),
        );
      case 'vote':
        return this.votes.sign(action);
      case 'sum':
        return this.votes.sum(action);
      case 'certify':
        return this.#addCertificate(
          action.purpose,
          action.certificate,
          keyOf(action.certificate.blockHash),
        );
      case 'check': {
        const item = state.section.items.get(action.id);
        if (item !== undefined) item.signatures = 'checking';
        const { multi: check, checks } = action;
        return this.#solve(
          action,
          check === undefined ? { kind: 'verify', checks } : { kind: 'verify-multi', check },
        );
      }
      case 'gather':
        return this.#gather(action.id);
      case 'ask-bodies':
        state.gathering.asked(action.id, state.now.ms);
        return this.#outbox.publish(action.message);
      case 'accept':
        return this.#accept(state.section.take(action.id));
      case 'reject':
        return this.#reject(action.id, action.reason);
      case 'forget':
        state.section.take(action.id);
        state.gathering.end(action.id);
        return;
      case 'accuse':
        return this.#accuse(action);
      case 'deliver':
        return this.#deliver(action.height);
      case 'ask':
        state.asked.set(action.token, state.now.ms);
        return this.#outbox.publish(action.message);
      case 'repeat-batches':
        state.batchesRepeated = true;
        return this.repeater.batches(action.from);
      case 'purge':
        state.pool.purgeBelow(action.below);
        state.epochs.forgetBelow(action.below);
        this.#outbox.add(...this.#offers.withdrawBelow(action.below));
        return;
      case 'compact': {
        const entries = this.#withLock(state.ledger.compact(action.height));
        this.#outbox.add({ kind: 'compact', entries });
        return this.#outbox.observe({
          kind: 'JournalCompacted',
          base: action.height,
          entries: entries.length,
        });
      }
      case 'adopt':
        return this.#adopt();
      default:
        return this.epochs.apply(action);
    }
  }

  #withLock(entries: readonly Uint8Array[]): readonly Uint8Array[] {
    const lock = this.#state.lock.entry();
    return lock === undefined ? entries : [...entries, encode(lock)];
  }

  /** The journal begins anew with the package; nothing is said of it before that is on the disk. */
  #adopt(): void {
    const state = this.#state;
    const entries = this.#withLock(state.adoptPackage());
    const height = state.delivered;
    this.#outbox.add({ kind: 'compact', entries });
    this.#notarizedSaid = height;
    state.asked.delete('sync');
    this.#outbox.add(...this.#offers.withdrawBelow(height + 1));
    this.#outbox.observe({ kind: 'PackageAdopted', height });
    this.epochs.sayEpoch();
  }

  #sign(pending: Pending, message: Uint8Array): void {
    this.#solve(pending, { kind: 'sign', message });
  }

  #solve(pending: Pending, task: ConsensusTask): void {
    const id = String(this.#solveCount);
    this.#solveCount += 1;
    this.#pending.set(id, pending);
    this.#outbox.add({ kind: 'solve', id, task });
  }

  solved(id: string, answer: ConsensusAnswer): void {
    if (this.votes.solved(id, answer)) return this.sayNotarized();
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (pending.kind === 'check') {
      assert(answer.kind === 'verified', 'consensus: not the answer to this task');
      const item = this.#state.section.items.get(pending.id);
      if (item === undefined) return;
      if (answer.good) item.signatures = 'good';
      else this.#reject(pending.id, 'signature');
      return;
    }
    assert(answer.kind === 'signed', 'consensus: not the answer to this task');
    this.#proposed(pending, answer.signature);
    this.sayNotarized();
  }

  #proposed(made: Extract<Action, { kind: 'propose' }>, signature: Uint8Array): void {
    const { pool, epochs, ledger } = this.#state;
    const { block, payload, hash, ingressIds } = made;
    const { height } = block;
    // The round may be over by now; the block is then of no use to anybody.
    if (height <= pool.finalized || !pool.isNotarized(height - 1, keyOf(block.parent))) return;
    const proposal = { block, payload, maker: this.#nodeId, signature };
    const record = recordOf(epochs.subnetOf(height), proposal, hash, ingressIds);
    const { stripped } = record;
    pool.addBlock(record);
    this.#outbox.observe({
      kind: 'BlockProposed',
      height,
      rank: block.rank,
      messages: payload.ingress.length,
    });
    if (epochs.alone || stripped === undefined) return;
    const vote = { height, blockHash: hash, signer: this.#nodeId, signature };
    const entry = encode({ kind: 'ownVote', ownVote: { purpose: 'proposal', vote, proposal } });
    ledger.addVote(height, entry);
    this.#offer(height, {
      kind: 'block_proposal',
      body: STRIPPED_PROPOSAL.encode(stripped),
      entry,
    });
  }

  #accept(item: Unvalidated | undefined): void {
    if (item === undefined) return;
    const { pool } = this.#state;
    const { artifact } = item;
    switch (artifact.kind) {
      case 'block_proposal': {
        const record = this.#state.gathering.get(item.id)?.complete ?? artifact.record;
        this.#state.gathering.end(item.id);
        const { stripped, block, proposal } = record;
        assert(proposal !== undefined && stripped !== undefined, 'accept: a block with its bodies');
        pool.addBlock(record);
        this.#state.absent.heard(proposal.maker);
        return this.#offer(block.height, {
          kind: 'block_proposal',
          body: STRIPPED_PROPOSAL.encode(stripped),
        });
      }
      case 'share': {
        const { purpose, height, key, signer, vote } = artifact;
        return pool.addVote(purpose, { height, key, signer, signature: vote.signature });
      }
      case 'certificate':
        return this.#addCertificate(artifact.purpose, artifact.certificate, artifact.key);
      case 'equivocation_proof':
        return this.#accuse({ kind: 'accuse', maker: artifact.maker, proof: artifact.proof });
      default:
        return unreachable(artifact);
    }
  }

  #addCertificate(purpose: VotePurpose, certificate: VoteCertificate, key: HashKey): void {
    const { pool, epochs, ledger } = this.#state;
    const { height } = certificate;
    pool.addCertificate(purpose, key, certificate);
    if (epochs.alone) return;
    const body = CERTIFICATE.encode(certificate);
    // Own votes in it are durable before it leaves, since entries become durable in order.
    const entry = encode({ kind: 'keptCertificate', keptCertificate: { purpose, certificate } });
    ledger.addVote(height, entry);
    this.#offer(height, { kind: purpose, body, entry });
  }

  #accuse({ maker, proof }: Extract<Action, { kind: 'accuse' }>): void {
    this.#state.pool.addEquivocation(maker, proof);
    this.#outbox.observe({ kind: 'MakerEquivocated', height: proof.height, maker });
    this.#offer(proof.height, { kind: 'equivocation_proof', body: EQUIVOCATION.encode(proof) });
  }

  #gather(id: string): void {
    const { section, gathering, ingress, now } = this.#state;
    const artifact = section.items.get(id)?.artifact;
    if (artifact?.kind !== 'block_proposal') return;
    gathering.begin(
      { id, record: artifact.record, nowMs: now.ms },
      (key) => ingress.get(key)?.ingress,
    );
  }

  #reject(id: string, reason: string): void {
    this.#state.gathering.end(id);
    const item = this.#state.section.take(id);
    if (item === undefined) return;
    if (item.artifact.kind === 'certificate') this.#state.badCertifiers.add(item.peer);
    this.#outbox.observe({
      kind: 'ArtifactRejected',
      artifact: item.artifact.kind,
      peer: item.peer,
      reason,
    });
  }

  #deliver(height: number): void {
    const state = this.#state;
    const { pool, tapes, ledger, ingress, beacons, epochs } = state;
    const record = pool.finalBlock(height);
    const tape = tapes.get(height);
    const proposal = record?.proposal;
    assert(
      record !== undefined && proposal !== undefined && tape !== undefined,
      'deliver: incomplete',
    );
    const certificates = pool.at(height)?.certificates;
    const delivery = ledger.add({
      record,
      proposal,
      tape,
      beacon: (epochs.alone ? undefined : beacons.get(height - 1)?.value) ?? NOT_KNOWN,
      ownBeacon: state.beacons.get(height)?.value,
      notarization: certificates?.notarization.get(record.key),
      finalization: certificates?.finalization.get(record.key),
    });
    state.delivered = height;
    state.lock.sawFinal(height, record.block.timeNanos);
    const wasAlone = state.epochs.alone;
    const { block } = record;
    state.epochLog.add(block, proposal.payload, delivery.ownBeacon);
    if (proposal.payload.summary !== undefined) state.epochs.learn(proposal.payload.summary);
    const news = newsOf(block, proposal.payload, delivery.ownBeacon);
    state.tempo.delivered(state.now.ms);
    state.asked.set('batch', state.now.ms);
    state.asked.set('certified', state.now.ms);
    tapes.delete(height);
    // The one before is what the next one is signed over: whoever catches up has to name it.
    state.forgetBeaconsBelow(height - 1);
    pool.purgeVotes(height);
    ingress.finish(height, proposal.payload.ingress, record.ingressKeys, record.block.timeNanos);
    const then: ConsensusEffect[] = [
      { kind: 'publish', message: delivery.finalized },
      { kind: 'publish', message: delivery.batch },
      ...news.map((message) => ({ kind: 'publish', message }) as const),
      durableSignal(height),
    ];
    if (wasAlone && !state.epochs.alone) then.push(...this.#offers.everything(state, height));
    this.#outbox.add({ kind: 'persist', entry: delivery.entry, then });
    this.#outbox.add(...this.#offers.withdrawShares(height));
    const messages = proposal.payload.ingress.length;
    this.#outbox.observe({
      kind: 'HeightFinalized',
      height,
      messages,
      bytes: delivery.entry.length,
    });
  }

  #offer(
    height: number,
    offered: {
      readonly kind: ArtifactKind;
      readonly body: Uint8Array;
      readonly entry?: Uint8Array;
    },
  ): void {
    const { kind, body, entry } = offered;
    if (this.#state.epochs.alone) return;
    const publish = this.#offers.add(height, { kind, id: sha256(body), body });
    this.#outbox.add(entry === undefined ? publish : { kind: 'persist', entry, then: [publish] });
  }

  sayNotarized(): void {
    const state = this.#state;
    for (; this.#notarizedSaid < state.pool.notarized; this.#notarizedSaid += 1) {
      const height = this.#notarizedSaid + 1;
      const [record] = state.pool.notarizedBlocks(height);
      assert(record !== undefined, 'a notarised height has a notarised block');
      this.#outbox.publish({ kind: 'BlockNotarized', height, blockHash: record.hash });
      const roundMs = state.roundEnded(height, record.block.rank);
      this.#outbox.observe({ kind: 'HeightNotarized', height, rank: record.block.rank, roundMs });
    }
  }
}
