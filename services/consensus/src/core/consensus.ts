// The core of consensus: hears, applies what the rules answer, and says so. Order of rules: finality first, so that
// nothing waits for it; then votes, certificates, new blocks; validation of what others sent; housekeeping last.
import type { Core, Effect, Input, Instant } from '@internode/actor';
import type { ArtifactKind, ArtifactReceived, Message } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { assert, BoundedMap, toHex, unreachable } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { Action, Rule } from './action.ts';
import {
  bytesOfProposal,
  bytesOfVote,
  CERTIFICATE,
  ENTRY,
  EQUIVOCATION,
  type HashKey,
  keyOf,
  PROPOSAL,
  type VoteCertificate,
  VOTE,
  type VotePurpose,
} from './artifact.ts';
import type { ConsensusEvent } from './event.ts';
import { receive, recordOf } from './intake.ts';
import { encode } from './ledger.ts';
import { Offers } from './offers.ts';
import { restore } from './restore.ts';
import { aggregator } from './rules/aggregator.ts';
import { blockMaker } from './rules/block-maker.ts';
import { catchUp } from './rules/catch-up.ts';
import { deliverer } from './rules/deliverer.ts';
import { finalizer } from './rules/finalizer.ts';
import { notary } from './rules/notary.ts';
import { purger } from './rules/purger.ts';
import { validator } from './rules/validator.ts';
import { State } from './state.ts';
import { Subnet, type SubnetParameters, type SubnetRecord } from './subnet.ts';
import type { ConsensusAnswer, ConsensusTask } from './task.ts';
import type { Unvalidated, View } from './view.ts';

const RULES: readonly Rule[] = [
  finalizer, deliverer, notary, aggregator, blockMaker, validator, catchUp, purger,
];

/** More answers than this within one step mean that rules undo each other. */
const PASSES_MAX = 10_000;

export interface ConsensusConfig {
  readonly subnet: SubnetRecord;
  readonly parameters: SubnetParameters;
  readonly nodeId: Uint8Array;
}

type ConsensusEffect = Effect<ConsensusTask, ConsensusEvent>;

type Pending =
  | Extract<Action, { kind: 'propose' }>
  | Extract<Action, { kind: 'vote' }>
  | Extract<Action, { kind: 'check' }>;

export class ConsensusCore implements Core<ConsensusTask, ConsensusAnswer, ConsensusEvent> {
  readonly #state: State;
  readonly #offers: Offers;
  readonly #nodeId: Uint8Array;
  readonly #pending = new Map<string, Pending>();
  /** When a final block was last said again for ingress that came late, by height. */
  readonly #repeatedMs = new BoundedMap<number, number>(64, 'drop-oldest');
  #solveCount = 0;
  #effects: ConsensusEffect[] = [];
  #notarizedSaid = 0;
  #armedMs: number | undefined;
  #ready = false;

  constructor(config: ConsensusConfig) {
    const subnet = new Subnet(config.subnet, config.parameters);
    const self = subnet.indexOf(config.nodeId);
    assert(self !== undefined, 'consensus: this node is not a member');
    this.#state = new State(subnet, self);
    this.#offers = new Offers(subnet.alone);
    this.#nodeId = config.nodeId;
  }

  /** A read-only picture for tests and status. */
  view(): View {
    return this.#state;
  }

  step(now: Instant, input: Input<ConsensusAnswer>): readonly ConsensusEffect[] {
    this.#state.now = now;
    this.#effects = [];
    switch (input.kind) {
      case 'replayed':
        restore(this.#state, ENTRY.decode(input.entry));
        return [];
      case 'started':
        this.#start();
        break;
      case 'message':
        this.#hear(input.message);
        break;
      case 'timer':
        this.#timer(input.token);
        break;
      case 'solved':
        this.#solved(input.id, input.answer);
        break;
      default:
        unreachable(input);
    }
    if (this.#state.started) this.#settle();
    return this.#effects;
  }

  #start(): void {
    const state = this.#state;
    const { pool } = state;
    state.started = true;
    state.notarizedMs = state.now.ms;
    this.#notarizedSaid = pool.notarized;
    // Execution and state say by themselves where they are and what they miss.
    for (const token of ['batch', 'certified'] as const) state.asked.set(token, state.now.ms);
    this.#observe({ kind: 'Replayed', finalized: pool.finalized, notarized: pool.notarized });
    this.#publish({ kind: 'RequestIngress' });
    this.#publish({ kind: 'RequestCertified' });
    this.#sayReadiness();
    this.#effects.push(...this.#offers.everything(state));
  }

  #timer(token: string): void {
    if (token.startsWith('durable/')) this.#state.ledger.becameDurable(Number(token.slice('durable/'.length)));
    else this.#armedMs = undefined;
  }

  #hear(message: Message): void {
    const state = this.#state;
    switch (message.kind) {
      case 'ArtifactReceived':
        return this.#hearArtifact(message);
      case 'BeaconValue':
        return state.hearBeacon(message.height, message.value);
      case 'TapeValue':
        return state.hearTape(message.height, message.value);
      case 'TipAdvanced':
        return state.hearTip({ ...message, nextTimerNanos: message.nextTimerNanos });
      case 'StateCertified':
        return state.hearCertified(message.height);
      case 'StateCommitted':
        return state.hearCommitted(message.height, message.durable);
      case 'RequestBatches':
        return this.#repeatBatches(message.fromHeight);
      case 'RequestReadiness':
        if (message.service === '' || message.service === 'consensus') this.#sayReadiness();
        return;
      default:
        return;
    }
  }

  #hearArtifact(message: ArtifactReceived): void {
    const state = this.#state;
    const name = message.artifactKind;
    const id = `${name}/${toHex(message.id)}`;
    if (state.section.isSettled(id)) return;
    const verdict = receive(state.subnet, message);
    const peer = toHex(message.fromNode);
    if (verdict.kind !== 'valid') {
      state.section.settle(id);
      return this.#observe({ kind: 'ArtifactRejected', artifact: name, peer, reason: verdict.reason });
    }
    const received = verdict.value;
    if (received.kind === 'foreign') return;
    if (received.kind === 'ingress') {
      const key = keyOf(received.ingress.requestId);
      const final = state.ingress.finalHeight(key);
      if (final !== undefined) return this.#repeatFinalized(final);
      if (!state.ingress.offer(received.ingress)) this.#observe({ kind: 'IngressDropped', reason: 'full' });
      return;
    }
    const { artifact } = received;
    const ahead = artifact.kind === 'share' ? CONSENSUS_LIMITS.lookAhead : CONSENSUS_LIMITS.hardGap;
    if (artifact.height <= state.pool.finalized) return state.section.settle(id);
    if (artifact.height > state.pool.notarized + ahead) {
      return this.#observe({ kind: 'ArtifactDropped', artifact: name, reason: 'height out of range' });
    }
    const taken = state.section.add({ id, artifact, peer, bytes: message.body.length });
    if (!taken) this.#observe({ kind: 'ArtifactDropped', artifact: name, reason: 'peer over its limit' });
  }

  /** p2p offers ingress that is final: it has missed the news. */
  #repeatFinalized(height: number): void {
    const { ledger, now } = this.#state;
    const last = this.#repeatedMs.get(height);
    if (last !== undefined && now.ms - last < CONSENSUS_LIMITS.askAgainMs) return;
    const delivery = height <= ledger.durable ? ledger.delivery(height) : undefined;
    if (delivery === undefined) return;
    this.#repeatedMs.set(height, now.ms);
    this.#publish(delivery.finalized);
  }

  #repeatBatches(from: number): void {
    const { ledger, now, asked } = this.#state;
    asked.set('batch', now.ms);
    const deliveries = ledger.from(from);
    const oldest = ledger.figures.base + 1;
    if (from < oldest) this.#observe({ kind: 'BatchesForgotten', asked: from, oldest });
    for (const { batch } of deliveries) this.#publish(batch);
  }

  /** Asks the rules until none speaks, then waits for the earliest moment any of them named. */
  #settle(): void {
    let wakeMs = Number.POSITIVE_INFINITY;
    for (let pass = 0; ; pass += 1) {
      assert(pass < PASSES_MAX, 'consensus: rules do not come to rest');
      wakeMs = Number.POSITIVE_INFINITY;
      let spoke = false;
      for (const rule of RULES) {
        for (const action of rule(this.#state)) {
          if (action.kind === 'look-again') wakeMs = Math.min(wakeMs, action.atMs);
          else {
            spoke = true;
            this.#apply(action);
          }
        }
        if (spoke) break;
      }
      if (!spoke) break;
      this.#sayNotarized();
    }
    this.#arm(wakeMs);
    if (!this.#ready && this.#state.beacons.has(this.#state.pool.notarized)) {
      this.#ready = true;
      this.#sayReadiness();
    }
  }

  #arm(wakeMs: number): void {
    if (wakeMs === this.#armedMs || (wakeMs === Number.POSITIVE_INFINITY && this.#armedMs === undefined)) return;
    if (wakeMs === Number.POSITIVE_INFINITY) {
      this.#armedMs = undefined;
      this.#effects.push({ kind: 'cancel', token: 'look-again' });
      return;
    }
    this.#armedMs = wakeMs;
    const delayMs = Math.max(0, Math.ceil(wakeMs - this.#state.now.ms));
    this.#effects.push({ kind: 'wait', token: 'look-again', delayMs });
  }

  #apply(action: Exclude<Action, { kind: 'look-again' }>): void {
    const state = this.#state;
    switch (action.kind) {
      case 'propose':
        state.pool.ownAt(action.block.height).proposal = keyOf(action.hash);
        return this.#sign(action, bytesOfProposal(state.subnet.subnetId, action.block.height, action.hash));
      case 'vote':
        return this.#vote(action);
      case 'certify':
        return this.#addCertificate(action.purpose, action.certificate, keyOf(action.certificate.blockHash));
      case 'check': {
        const item = state.section.items.get(action.id);
        if (item !== undefined) item.signatures = 'checking';
        return this.#solve(action, { kind: 'verify', checks: action.checks });
      }
      case 'accept':
        return this.#accept(state.section.take(action.id));
      case 'reject':
        return this.#reject(action.id, action.reason);
      case 'forget':
        state.section.take(action.id);
        return;
      case 'accuse':
        return this.#accuse(action);
      case 'deliver':
        return this.#deliver(action.height);
      case 'ask':
        state.asked.set(action.token, state.now.ms);
        return this.#publish(action.message);
      case 'repeat-batches':
        return this.#repeatBatches(action.from);
      case 'purge':
        state.pool.purgeBelow(action.below);
        this.#effects.push(...this.#offers.withdrawBelow(action.below));
        return;
      case 'compact': {
        const entries = state.ledger.compact(action.height);
        this.#effects.push({ kind: 'compact', entries });
        return this.#observe({ kind: 'JournalCompacted', base: action.height, entries: entries.length });
      }
      default:
        return unreachable(action);
    }
  }

  /** The promise binds from here on, whenever the signature comes: no rule may give a contrary one meanwhile. */
  #vote(action: Extract<Action, { kind: 'vote' }>): void {
    const { pool, subnet } = this.#state;
    const own = pool.ownAt(action.height);
    const key = keyOf(action.blockHash);
    if (action.purpose === 'notarization') own.notarizations.add(key);
    else own.finalization = key;
    this.#sign(action, bytesOfVote(action.purpose, subnet.subnetId, action));
  }

  #sign(pending: Pending, message: Uint8Array): void {
    this.#solve(pending, { kind: 'sign', message });
  }

  #solve(pending: Pending, task: ConsensusTask): void {
    const id = String(this.#solveCount);
    this.#solveCount += 1;
    this.#pending.set(id, pending);
    this.#effects.push({ kind: 'solve', id, task });
  }

  #solved(id: string, answer: ConsensusAnswer): void {
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
    if (pending.kind === 'propose') this.#proposed(pending, answer.signature);
    else this.#voted(pending, answer.signature);
    this.#sayNotarized();
  }

  #proposed(made: Extract<Action, { kind: 'propose' }>, signature: Uint8Array): void {
    const { pool, subnet, ledger } = this.#state;
    const { block, payload, hash } = made;
    const { height } = block;
    // The round may be over by now; the block is then of no use to anybody.
    if (height <= pool.finalized || !pool.isNotarized(height - 1, keyOf(block.parent))) return;
    const proposal = { block, payload, maker: this.#nodeId, signature };
    const record = recordOf(subnet, proposal, hash);
    pool.addBlock(record);
    this.#observe({ kind: 'BlockProposed', height, rank: block.rank, messages: payload.ingress.length });
    if (subnet.alone) return;
    const vote = { height, blockHash: hash, signer: this.#nodeId, signature };
    const entry = encode({ kind: 'ownVote', ownVote: { purpose: 'proposal', vote, proposal } });
    ledger.addVote(height, entry);
    this.#offer(height, { kind: 'block_proposal', body: PROPOSAL.encode(proposal), entry });
  }

  #voted(made: Extract<Action, { kind: 'vote' }>, signature: Uint8Array): void {
    const { pool, subnet, self, ledger } = this.#state;
    const { purpose, height, blockHash } = made;
    const record = pool.block(height, keyOf(blockHash));
    if (height <= pool.finalized || record === undefined) return;
    pool.addVote(purpose, { height, key: record.key, signer: self, signature });
    if (subnet.alone) return;
    const vote = { height, blockHash, signer: this.#nodeId, signature };
    // Whoever votes for a block keeps it, so that a crash of all cannot lose what they agreed on.
    const proposal = purpose === 'notarization' && record.maker !== self ? record.proposal : undefined;
    const entry = encode({ kind: 'ownVote', ownVote: { purpose, vote, proposal } });
    ledger.addVote(height, entry);
    this.#offer(height, { kind: `${purpose}_share`, body: VOTE.encode(vote), entry });
  }

  #accept(item: Unvalidated | undefined): void {
    if (item === undefined) return;
    const { pool } = this.#state;
    const { artifact } = item;
    switch (artifact.kind) {
      case 'block_proposal': {
        pool.addBlock(artifact.record);
        const { proposal, block } = artifact.record;
        if (proposal === undefined) return;
        return this.#offer(block.height, { kind: 'block_proposal', body: PROPOSAL.encode(proposal) });
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
    const { pool, subnet, ledger } = this.#state;
    const { height } = certificate;
    pool.addCertificate(purpose, key, certificate);
    if (subnet.alone) return;
    const body = CERTIFICATE.encode(certificate);
    // Own votes in it are durable before it leaves, since entries become durable in order.
    const entry = encode({ kind: 'keptCertificate', keptCertificate: { purpose, certificate } });
    ledger.addVote(height, entry);
    this.#offer(height, { kind: purpose, body, entry });
  }

  #accuse({ maker, proof }: Extract<Action, { kind: 'accuse' }>): void {
    this.#state.pool.addEquivocation(maker, proof);
    this.#observe({ kind: 'MakerEquivocated', height: proof.height, maker });
    this.#offer(proof.height, { kind: 'equivocation_proof', body: EQUIVOCATION.encode(proof) });
  }

  #reject(id: string, reason: string): void {
    const item = this.#state.section.take(id);
    if (item === undefined) return;
    this.#observe({ kind: 'ArtifactRejected', artifact: item.artifact.kind, peer: item.peer, reason });
  }

  #deliver(height: number): void {
    const state = this.#state;
    const { pool, tapes, ledger, ingress } = state;
    const record = pool.finalBlock(height);
    const tape = tapes.get(height);
    const proposal = record?.proposal;
    assert(record !== undefined && proposal !== undefined && tape !== undefined, 'deliver: incomplete');
    const certificates = pool.at(height)?.certificates;
    const delivery = ledger.add({
      record,
      proposal,
      tape,
      notarization: certificates?.notarization.get(record.key),
      finalization: certificates?.finalization.get(record.key),
    });
    state.delivered = height;
    state.asked.set('batch', state.now.ms);
    state.asked.set('certified', state.now.ms);
    tapes.delete(height);
    state.forgetBeaconsBelow(height);
    pool.purgeVotes(height);
    ingress.finish(height, proposal.payload.ingress, record.block.timeNanos);
    const then: ConsensusEffect[] = [
      { kind: 'publish', message: delivery.finalized },
      { kind: 'publish', message: delivery.batch },
      { kind: 'wait', token: `durable/${height}`, delayMs: 0 },
    ];
    this.#effects.push({ kind: 'persist', entry: delivery.entry, then });
    this.#effects.push(...this.#offers.withdrawShares(height));
    const messages = proposal.payload.ingress.length;
    this.#observe({ kind: 'HeightFinalized', height, messages, bytes: delivery.entry.length });
  }

  #offer(
    height: number,
    offered: { readonly kind: ArtifactKind; readonly body: Uint8Array; readonly entry?: Uint8Array },
  ): void {
    const { kind, body, entry } = offered;
    if (this.#state.subnet.alone) return;
    const publish = this.#offers.add(height, { kind, id: sha256(body), body });
    this.#effects.push(entry === undefined ? publish : { kind: 'persist', entry, then: [publish] });
  }

  #sayNotarized(): void {
    const state = this.#state;
    for (; this.#notarizedSaid < state.pool.notarized; this.#notarizedSaid += 1) {
      const height = this.#notarizedSaid + 1;
      const [record] = state.pool.notarizedBlocks(height);
      assert(record !== undefined, 'a notarised height has a notarised block');
      this.#publish({ kind: 'BlockNotarized', height, blockHash: record.hash });
      const roundMs = state.now.ms - state.notarizedMs;
      state.notarizedMs = state.now.ms;
      state.settled = true;
      this.#observe({ kind: 'HeightNotarized', height, rank: record.block.rank, roundMs });
    }
  }

  #sayReadiness(): void {
    const height = this.#state.delivered;
    const detail = this.#ready ? '' : 'waits for the random beacon';
    this.#publish({ kind: 'Readiness', service: 'consensus', ready: this.#ready, height, detail });
  }

  #publish(message: Message): void {
    this.#effects.push({ kind: 'publish', message });
  }

  #observe(event: ConsensusEvent): void {
    this.#effects.push({ kind: 'observe', event });
  }
}
