// The core of consensus: hears, applies what the rules answer, and says so. Order of rules: finality first, so that
// nothing waits for it; then votes, certificates, new blocks; validation of what others sent; housekeeping last.
import type { Core, Input, Instant } from '@internode/actor';
import type { ArtifactReceived, Message, Summary } from '@internode/contracts';
import { assert, toHex, unreachable } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { Rule } from './action.ts';
import { CERTIFICATE, ENTRY } from './artifact.ts';
import { Chase } from './chase.ts';
import { Chronicle } from './chronicle.ts';
import { Epochs } from './epochs.ts';
import type { ConsensusEvent } from './event.ts';
import { Hands } from './hands.ts';
import { IngressDesk } from './ingress-desk.ts';
import { receive } from './intake.ts';
import { encode } from './ledger.ts';
import { type ConsensusEffect, durableHeight, Outbox } from './outbox.ts';
import { restore } from './restore.ts';
import { aggregator } from './rules/aggregator.ts';
import { blockMaker, blockMakerWakeMs } from './rules/block-maker.ts';
import { catchUp } from './rules/catch-up.ts';
import { deliverer } from './rules/deliverer.ts';
import { examiner } from './rules/examiner.ts';
import { finalizer } from './rules/finalizer.ts';
import { gatherer } from './rules/gatherer.ts';
import { notary } from './rules/notary.ts';
import { packager } from './rules/packager.ts';
import { purger } from './rules/purger.ts';
import { summer } from './rules/summer.ts';
import { validator } from './rules/validator.ts';
import { State } from './state.ts';
import type { SubnetParameters } from './subnet.ts';
import type { ConsensusAnswer, ConsensusTask } from './task.ts';
import type { Artifact, View } from './view.ts';

const RULES: readonly Rule[] = [
  finalizer,
  deliverer,
  notary,
  aggregator,
  summer,
  blockMaker,
  validator,
  gatherer,
  examiner,
  packager,
  catchUp,
  purger,
];

/** More answers than this within one step mean that rules undo each other. */
const PASSES_MAX = 10_000;

export interface ConsensusConfig {
  readonly subnetId: Uint8Array;
  readonly genesis: Summary;
  readonly parameters: SubnetParameters;
  readonly nodeId: Uint8Array;
  /** See the configuration of the room. */
  readonly firstLife?: boolean | undefined;
  readonly replicaVersion?: string;
}

export class ConsensusCore implements Core<ConsensusTask, ConsensusAnswer, ConsensusEvent> {
  readonly #state: State;
  readonly #outbox = new Outbox();
  readonly #hands: Hands;
  readonly #ingress: IngressDesk;
  readonly #chronicle: Chronicle;
  readonly #chase: Chase;
  #armedMs: number | undefined;
  /** When anyone but the block maker wants to look again, as of when all were asked. */
  #othersWakeMs = Number.NEGATIVE_INFINITY;
  #ready = false;
  #hasLog = false;
  readonly #firstLife: boolean | undefined;
  /** Someone wants to know where we are, and this height has to be durable before we say it. */
  #owesReadinessAt: number | undefined;

  constructor(config: ConsensusConfig) {
    this.#firstLife = config.firstLife;
    const epochs = new Epochs(config, config.genesis, config.parameters.listVotesMax);
    this.#state = new State(epochs, config.parameters, config.replicaVersion);
    this.#hands = new Hands(this.#state, this.#outbox, config.nodeId);
    this.#ingress = new IngressDesk({
      state: this.#state,
      outbox: this.#outbox,
      repeater: this.#hands.repeater,
      nodeId: config.nodeId,
    });
    this.#chronicle = new Chronicle(this.#state, this.#outbox);
    this.#chase = new Chase({
      state: this.#state,
      outbox: this.#outbox,
      nodeId: config.nodeId,
      desk: this.#ingress,
    });
  }

  /** A read-only picture for tests and status. */
  view(): View {
    return this.#state;
  }

  step(now: Instant, input: Input<ConsensusAnswer>): readonly ConsensusEffect[] {
    this.#state.now = now;
    switch (input.kind) {
      case 'replayed':
        this.#hasLog = true;
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
        if (
          !this.#ingress.solved(input.id, input.answer) &&
          !this.#hands.epochs.solved(input.id, input.answer)
        )
          this.#hands.solved(input.id, input.answer);
        break;
      default:
        unreachable(input);
    }
    const isCall = input.kind === 'message' && input.message.kind === 'IngressReceived';
    if (this.#state.started && !(isCall && this.#waitsWithCalls())) this.#settle();
    return this.#outbox.take();
  }

  #start(): void {
    const state = this.#state;
    const { pool } = state;
    state.started = true;
    state.notarizedMs = state.now.ms;
    if (!this.#hasLog && !state.epochs.alone) state.lock.begin(state.now.unixNanos);
    // Execution and state say by themselves where they are and what they miss.
    for (const token of ['batch', 'certified'] as const) state.asked.set(token, state.now.ms);
    this.#outbox.observe({
      kind: 'Replayed',
      finalized: pool.finalized,
      notarized: pool.notarized,
    });
    this.#outbox.publish({ kind: 'RequestIngress' });
    this.#outbox.publish({ kind: 'RequestCertified' });
    this.#hands.start();
    this.#sayReadiness();
  }

  #timer(token: string): void {
    const height = durableHeight(token);
    if (height === undefined) {
      this.#armedMs = undefined;
      return;
    }
    this.#hands.becameDurable(height);
    if (this.#owesReadinessAt !== undefined && height >= this.#owesReadinessAt)
      this.#sayReadiness();
  }

  #hear(message: Message): void {
    const state = this.#state;
    switch (message.kind) {
      case 'ArtifactReceived':
        return this.#hearArtifact(message);
      case 'IngressReceived':
        return this.#ingress.hear(message);
      case 'BeaconValue':
        return state.hearBeacon(message.height, message.value);
      case 'TapeValue':
        return state.hearTape(message.height, message.value);
      case 'TipAdvanced':
        state.records.hearTip(message.height, message.recordVersion);
        return state.hearTip({ ...message, nextTimerNanos: message.nextTimerNanos });
      case 'SubnetRecordChanged':
        return this.#hands.epochs.hearRecords(message);
      case 'DealingMade':
        return this.#hands.epochs.hearDealing(message.dealing);
      case 'ComplaintMade':
        return this.#hands.epochs.hearComplaint(message.complaint);
      case 'CatchUpPackageMade':
        return this.#hands.epochs.hearPackage(message.package);
      case 'RequestEpoch':
        return this.#hands.epochs.sayEpoch();
      case 'StateCertified':
        return state.hearCertified(message.height);
      case 'StateCommitted':
        return state.hearCommitted(message.height, message.durable);
      case 'PeerLinkChanged':
        return state.hearLink(message);
      case 'PeerAsked':
        return this.#chronicle.hear(message);
      case 'PeerAnswered':
        return this.#chase.hear(message);
      case 'RequestOffers':
        return this.#hands.repeatOffers();
      case 'RequestBatches':
        return this.#hands.repeater.batches(message.fromHeight);
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
    if (this.#hands.epochs.hearArtifact(message)) return;
    const id = `${name}/${toHex(message.id)}`;
    if (state.section.isSettled(id)) return;
    // Seen, whether or not it is of use yet: this is how a node that lags knows.
    if (name === 'finalization') this.#noteClaim(message);
    const verdict = receive(state.epochs, message);
    const peer = toHex(message.fromNode);
    if (verdict.kind === 'undecided') {
      return this.#outbox.observe({
        kind: 'ArtifactDropped',
        artifact: name,
        reason: 'height out of range',
      });
    }
    if (verdict.kind !== 'valid') {
      state.section.settle(id);
      return this.#outbox.observe({
        kind: 'ArtifactRejected',
        artifact: name,
        peer,
        reason: verdict.reason,
      });
    }
    const received = verdict.value;
    if (received.kind === 'foreign') return;
    const { artifact } = received;
    const ahead = artifact.kind === 'share' ? CONSENSUS_LIMITS.lookAhead : CONSENSUS_LIMITS.hardGap;
    if (artifact.height <= state.pool.finalized) return state.section.settle(id);
    if (artifact.height > state.pool.notarized + ahead) {
      return this.#outbox.observe({
        kind: 'ArtifactDropped',
        artifact: name,
        reason: 'height out of range',
      });
    }
    const added = { id, artifact, peer, bytes: message.body.length };
    const taken = isAddedUp(state, artifact)
      ? this.#takeAddedUp(artifact, added)
      : state.section.add(added);
    if (!taken)
      this.#outbox.observe({
        kind: 'ArtifactDropped',
        artifact: name,
        reason: 'peer over its limit',
      });
  }

  /** A large subnet: votes wait in a tray, and whoever has once brought a wrong certificate is not looked at again. */
  #takeAddedUp(artifact: Artifact, added: Parameters<State['section']['add']>[0]): boolean {
    const { tray, section, badCertifiers } = this.#state;
    if (artifact.kind === 'certificate')
      return !badCertifiers.has(added.peer) && section.add(added);
    if (artifact.kind !== 'share') return section.add(added);
    const { signer, vote } = artifact;
    return tray.add(artifact, { signer, name: added.peer, signature: vote.signature });
  }

  #noteClaim({ body, fromNode }: ArtifactReceived): void {
    const decoded = CERTIFICATE.decode(body);
    if (decoded.kind === 'valid') this.#chase.peers.claims(fromNode, decoded.value.height);
  }

  /**
   * Of calls, most of which come while a block gathers more of them, only the block maker wants to know, unless a proposal waits for
   * their bodies. True when it still waits: nobody else need be asked.
   */
  #waitsWithCalls(): boolean {
    const { gathering, now } = this.#state;
    if (gathering.all.size > 0 || now.ms >= this.#othersWakeMs) return false;
    const makerMs = blockMakerWakeMs(this.#state);
    if (makerMs === undefined) return false;
    this.#arm(Math.min(makerMs, this.#othersWakeMs));
    return true;
  }

  /** Asks the rules until none speaks, then waits for the earliest moment any of them named. */
  #settle(): void {
    let makerMs = Number.POSITIVE_INFINITY;
    let othersMs = Number.POSITIVE_INFINITY;
    for (let pass = 0; ; pass += 1) {
      assert(pass < PASSES_MAX, 'consensus: rules do not come to rest');
      makerMs = Number.POSITIVE_INFINITY;
      othersMs = Number.POSITIVE_INFINITY;
      this.#keepLock();
      let spoke = false;
      for (const rule of RULES) {
        for (const action of rule(this.#state)) {
          if (action.kind !== 'look-again') {
            spoke = true;
            this.#hands.apply(action);
          } else if (rule === blockMaker) makerMs = Math.min(makerMs, action.atMs);
          else othersMs = Math.min(othersMs, action.atMs);
        }
        if (spoke) break;
      }
      if (!spoke) break;
      this.#hands.sayNotarized();
    }
    this.#othersWakeMs = Math.min(othersMs, this.#chase.drive(), this.#hands.votes.drive());
    this.#arm(Math.min(makerMs, this.#othersWakeMs));
    if (!this.#ready && this.#state.beacons.has(this.#state.pool.notarized)) {
      this.#ready = true;
      this.#sayReadiness();
    }
  }

  /** What is known of the vote lock is in the journal before any vote that it allows. */
  #keepLock(): void {
    const { lock, epochs, pool } = this.#state;
    const members = epochs.at(pool.notarized)?.subnet;
    if (!lock.isKnown && members !== undefined) lock.judge(members, this.#firstLife);
    const news = lock.takeNews();
    if (news === undefined) return;
    this.#outbox.add({ kind: 'persist', entry: encode(news), then: [] });
    const { from } = lock;
    this.#outbox.observe({ kind: 'VotesHeld', from: lock.isKnown ? from : undefined });
  }

  #arm(wakeMs: number): void {
    if (
      wakeMs === this.#armedMs ||
      (wakeMs === Number.POSITIVE_INFINITY && this.#armedMs === undefined)
    )
      return;
    if (wakeMs === Number.POSITIVE_INFINITY) {
      this.#armedMs = undefined;
      this.#outbox.add({ kind: 'cancel', token: 'look-again' });
      return;
    }
    this.#armedMs = wakeMs;
    const delayMs = Math.max(0, Math.ceil(wakeMs - this.#state.now.ms));
    this.#outbox.add({ kind: 'wait', token: 'look-again', delayMs });
  }

  /**
   * State shows nothing older than the height said here. So it is at least what anyone may have heard of as final, and what
   * a crash cannot take back: state would wait for ever for a height that is lost. Hence what is on its way to the disk
   * is waited for.
   */
  #sayReadiness(): void {
    const { delivered, ledger } = this.#state;
    const height = ledger.durable;
    const owedAt = this.#owesReadinessAt ?? delivered;
    this.#owesReadinessAt = height < owedAt ? owedAt : undefined;
    if (height < owedAt) return;
    const detail = this.#ready ? '' : 'waits for the random beacon';
    this.#outbox.publish({
      kind: 'Readiness',
      service: 'consensus',
      ready: this.#ready,
      height,
      detail,
    });
  }
}

function isAddedUp({ epochs }: State, { kind, height }: Artifact): boolean {
  if (kind !== 'share' && kind !== 'certificate') return false;
  return epochs.at(height)?.subnet.scheme === 'multi';
}
