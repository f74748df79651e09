/**
 * The core of the state: takes executed heights in order, says their root hashes, keeps the certified version readable
 * and the store following. The consensus journal is the durable truth; whatever the store loses is executed again.
 */
import type { Core, Input, Instant } from '@internode/actor';
import type { BatchExecuted, LoadTip, Message, Readiness } from '@internode/contracts';
import { bytesEqual, unreachable } from '@internode/prelude';
import { STATE_LIMITS } from '../limits.ts';
import { Backlog } from './backlog.ts';
import { checkBatch } from './batch-check.ts';
import { Certifying } from './certifying.ts';
import { Commits } from './commits.ts';
import type { StateEvent } from './event.ts';
import { Installing } from './installing.ts';
import { Loading, type LoadMessage, type LoadStep } from './loading.ts';
import { type Opened, Opening, type OpeningStep } from './opening.ts';
import { Outbox, type StateEffect } from './outbox.ts';
import { answerToRead, type CertificateQuestion } from './reads.ts';
import { Replication, type ReplicationStep } from './replication.ts';
import { obstacle, type Running } from './running.ts';
import { Standing } from './standing.ts';
import { identityOf, type SubnetDescription } from './subnet.ts';
import type { StateAnswer, StateTask, StoreFault } from './task.ts';
import { Tip } from './tip.ts';
import { Versions } from './versions.ts';

export interface StateOptions {
  readonly subnet: SubnetDescription;
  /** Off only where the beacon in the same process made the signature alone (n = 1). */
  readonly checksCertifications: boolean;
  /** Whether checkpoints are made at summary heights and served to peers. */
  readonly checkpoints: boolean;
  /** 32 random bytes, for names of questions. */
  readonly seed: Uint8Array;
}

const STORE = 'store';
const INSTALL = 'install';

export class StateCore implements Core<StateTask, StateAnswer, StateEvent> {
  readonly #options: StateOptions;
  #opening: Opening;
  #running: Running | undefined;
  readonly #out = new Outbox();
  readonly #standing = new Standing(this.#out);
  readonly #backlog = new Backlog(this.#out);
  readonly #certifying: Certifying;
  readonly #replication: Replication;
  #tipAsked: LoadTip | undefined;
  #lastCommitted: Message | undefined;
  #installing: Installing | undefined;

  constructor(options: StateOptions) {
    this.#options = options;
    const { subnet, checksCertifications: checks, checkpoints, seed } = options;
    this.#opening = new Opening(subnet);
    const out = this.#out;
    this.#certifying = new Certifying({ out, standing: this.#standing, checks });
    const { subnetId } = subnet;
    this.#replication = new Replication({ out, subnetId, seed, checkpoints });
  }

  step(now: Instant, input: Input<StateAnswer>): readonly StateEffect[] {
    switch (input.kind) {
      case 'replayed':
        break; // The state has no journal: its store and the blocks of consensus are enough.
      case 'started':
        this.#standing.say();
        this.#out.say({ kind: 'RequestReadiness', service: 'consensus' });
        this.#out.wait('readiness', STATE_LIMITS.askAgainMs);
        this.#replication.started();
        this.#open(now, this.#opening.first());
        break;
      case 'message':
        if (this.#standing.refusal === undefined) this.#hear(now, input.message);
        else if (input.message.kind === 'RequestReadiness') this.#standing.say();
        break;
      case 'timer':
        this.#fired(now, input.token);
        break;
      case 'solved':
        this.#solved(now, input.id, input.answer);
        break;
      default:
        unreachable(input);
    }
    return this.#out.take();
  }

  #hear(now: Instant, message: Message): void {
    switch (message.kind) {
      case 'BatchExecuted':
        return this.#takeBatch(now, message);
      case 'CertificationValue':
        return this.#takeCertification(now, message);
      case 'ReadCertified':
      case 'ReadDataCertificate':
        return this.#read(message);
      case 'RequestCertified':
        return this.#sayNewest();
      case 'LoadTip':
        if (message.reads === true) this.#running?.loading.askTip(message, now.ms);
        else this.#tipAsked = message;
        return this.#proceed(now);
      case 'LoadRequests':
      case 'LoadMemory':
      case 'LoadModule':
        return this.#load(now, message);
      case 'Readiness':
        return this.#takeReadiness(now, message);
      case 'RequestReadiness':
        if (message.service === '' || message.service === 'state') this.#standing.say();
        return;
      case 'EpochBegan':
      case 'PeerAsked':
      case 'PeerAnswered':
      case 'SyncState':
        return this.#replicate(now, this.#replication.hear(now, message, this.#running));
      default:
        return;
    }
  }

  #open(now: Instant, steps: readonly OpeningStep[]): void {
    for (const step of steps) {
      if (step.kind === 'task') this.#out.solve(step.id, step.task);
      else if (step.kind === 'refused') this.#refuse(step.detail);
      else if (step.kind === 'interrupted') this.#interrupted(step.height);
      else if (this.#installing === undefined) this.#opened(now, step.opened);
      else this.#out.solve(INSTALL, this.#installing.read(step.opened));
    }
  }

  /** Rows of two heights: until consensus says from whom the rest can be had, there is nothing to do. */
  #interrupted(height: number): void {
    this.#replication.interrupted();
    this.#standing.syncing = `the state of height ${height} is half fetched: waiting for peers`;
    this.#standing.say();
  }

  #replicate(now: Instant, steps: readonly ReplicationStep[]): void {
    for (const step of steps) {
      if (step.kind === 'refuse') return this.#refuse(step.detail);
      if (step.kind === 'begin') {
        this.#running = undefined;
        this.#lastCommitted = undefined;
        this.#standing.forget();
      } else if (step.kind === 'install') {
        this.#installing = new Installing(this.#options.subnet, step.tip);
        this.#opening = this.#installing.opening;
        this.#open(now, this.#opening.first());
        return;
      } else if (step.kind === 'full') this.#fault(step.detail);
      else if (step.kind === 'recovered') this.#fault(undefined);
      this.#standing.syncing = this.#replication.detail;
      this.#standing.say();
    }
  }

  #installed(now: Instant, answer: StateAnswer): void {
    const opened = this.#installing?.opened;
    if (opened === undefined) return;
    if (answer.kind === 'failed') return this.#failing(answer.fault);
    this.#installing = undefined;
    this.#standing.syncing = undefined;
    this.#fault(undefined);
    this.#opened(now, opened);
    this.#replication.installed(opened.tip.height);
  }

  #opened(now: Instant, opened: Opened): void {
    const { root, certification, requests } = opened;
    const { height, timeNanos, tree, layouts } = opened.tip;
    const { subnet } = this.#options;
    const tip = new Tip(subnet.subnetId, identityOf(subnet), opened.tip);
    const commits = new Commits(height, [...opened.garbage], now.ms);
    const versions = new Versions();
    this.#running = { tip, versions, commits, loading: new Loading(tip, commits) };
    this.#out.observe({ kind: 'StoreOpened', height, canisters: layouts.size, requests });
    this.#standing.opened(certification?.height ?? 0);
    if (height > 0) {
      const version = { height, timeNanos, root, tree, completed: [] };
      versions.add(version);
      this.#committed(height, false);
      const isThis = certification?.height === height && bytesEqual(certification.root, root);
      if (isThis) this.#certifying.certify(versions, version, certification.signature);
      else this.#certifying.sayHashed(version);
    }
    this.#standing.say();
    this.#backlog.fired(now, height);
    this.#backlog.expect(now, height, this.#standing.finalBefore);
    this.#proceed(now);
  }

  /** For good. Nothing is said any more but why. */
  #refuse(detail: string): void {
    this.#standing.refusal = detail;
    this.#running = undefined;
    this.#out.observe({ kind: 'StateRefused', detail });
    this.#out.solve('refuse', { kind: 'refuse', detail });
    this.#standing.say();
  }

  // Executed heights.

  #takeBatch(now: Instant, batch: BatchExecuted): void {
    const running = this.#running;
    if (running === undefined) return this.#backlog.miss();
    const { tip, versions, commits, loading } = running;
    const { height } = batch;
    if (height <= tip.height) return;
    if (!loading.isOfSession(batch, now.ms))
      return this.#out.ignore('BatchExecuted', 'of an execution of before a restart');
    if (height > tip.height + 1) {
      this.#backlog.miss();
      return this.#backlog.ask(now, tip.height);
    }
    const reason = obstacle(running, this.#standing.fault, now.ms);
    if (reason !== undefined) {
      this.#out.observe({ kind: 'BatchDeferred', height, reason });
      return this.#backlog.miss();
    }
    const verdict = checkBatch(batch);
    if (verdict.kind !== 'valid') return this.#out.ignore('BatchExecuted', verdict.reason);
    if (batch.timeNanos <= tip.timeNanos)
      return this.#out.ignore('BatchExecuted', 'time not rising');
    this.#backlog.clear();
    const applied = tip.apply(batch);
    const { pages, root, completed } = applied;
    const version = { height, timeNanos: tip.timeNanos, root, tree: tip.tree, completed };
    versions.add(version);
    commits.add(height, applied);
    this.#replication.taken(height, commits);
    const requests = batch.requests.length;
    this.#out.observe({ kind: 'StateHashed', height, root, requests, pages });
    this.#certifying.sayHashed(version);
    this.#proceed(now);
  }

  #sayNewest(): void {
    this.#standing.sayCertified();
    if (this.#lastCommitted !== undefined) this.#out.say(this.#lastCommitted);
    this.#replication.say();
    this.#certifying.sayCertified(this.#running?.versions.certified);
  }

  #takeCertification(now: Instant, value: Extract<Message, { kind: 'CertificationValue' }>): void {
    const running = this.#running;
    if (running === undefined || this.#standing.fault !== undefined) return;
    const hasCertified = this.#certifying.take(running.versions, value);
    if (hasCertified) this.#backlog.ask(now, running.tip.height);
  }

  // Reading.

  #read(message: CertificateQuestion): void {
    const version = this.#standing.isShowable ? this.#running?.versions.certified : undefined;
    const answer = answerToRead(version, message);
    const bytes = answer.certificate.length;
    this.#out.observe({ kind: 'CertifiedReadAnswered', bytes, refused: bytes === 0 });
    this.#out.say(answer);
  }

  #load(now: Instant, message: LoadMessage): void {
    this.#perform(this.#running?.loading.hear(message, now.ms) ?? []);
    this.#askAfterLoading(now);
  }

  /** For what was not taken while the tip was read. */
  #askAfterLoading(now: Instant): void {
    const { loading, tip } = this.#running ?? {};
    if (loading?.holds(now.ms) === false) this.#backlog.ask(now, tip?.height ?? 0);
  }

  #perform(steps: readonly LoadStep[]): void {
    for (const step of steps) {
      if (step.kind === 'say') this.#out.say(step.message);
      else this.#out.solve(step.id, step.task);
    }
  }

  // The store.

  /** Gives the store its next work, and an execution that waits for the tip its answer. */
  #proceed(now: Instant): void {
    const running = this.#running;
    if (running === undefined) return;
    const { commits, loading, versions } = running;
    if (this.#tipAsked) loading.askTip(this.#tipAsked, now.ms);
    this.#tipAsked = undefined;
    this.#perform(loading.proceed());
    if (this.#standing.fault !== undefined) return;
    const task = commits.begin(now.ms, versions.certified);
    if (task !== undefined) return this.#out.solve(STORE, task);
    const delayMs = commits.delayMs(now.ms);
    if (delayMs !== undefined) this.#out.wait('commit', delayMs);
  }

  #stored(now: Instant, answer: StateAnswer): void {
    const running = this.#running;
    if (running === undefined) return;
    if (answer.kind === 'failed') return this.#failing(answer.fault);
    if (this.#standing.fault !== undefined) {
      this.#fault(undefined);
      this.#backlog.ask(now, running.tip.height);
      for (const version of running.versions.toRepeat()) this.#certifying.sayHashed(version);
    }
    if (answer.kind === 'swept') running.commits.swept();
    else {
      const stored = running.commits.written(now.ms);
      this.#out.observe({ kind: 'StateCommitted', ...stored });
      this.#committed(stored.height, stored.synced);
      if (stored.checkpoint) this.#replication.stored(stored.height);
    }
    this.#proceed(now);
  }

  /** A full disk: nothing is lost, nothing new is taken or certified, the same work is tried again. */
  #failing(fault: StoreFault): void {
    const { code, detail } = fault;
    if (code !== 'full') return this.#refuse(`The state store failed: ${detail}`);
    this.#fault(detail);
    this.#out.wait('retry', STATE_LIMITS.retryMs);
  }

  #fault(detail: string | undefined): void {
    const before = this.#standing.fault;
    if (before === undefined && detail !== undefined) {
      this.#out.observe({ kind: 'StoreFailing', detail });
    } else if (before !== undefined && detail === undefined) {
      this.#out.observe({ kind: 'StoreRecovered' });
    }
    this.#standing.change(() => {
      this.#standing.fault = detail;
    });
  }

  #committed(height: number, durable: boolean): void {
    if (!durable) this.#out.wait('sync', STATE_LIMITS.syncMs);
    this.#lastCommitted = { kind: 'StateCommitted', height, durable };
    this.#out.say(this.#lastCommitted);
  }

  #solved(now: Instant, id: string, answer: StateAnswer): void {
    if (this.#standing.refusal !== undefined) return;
    if (Opening.owns(id)) return this.#open(now, this.#opening.next(id, answer));
    if (id === STORE) return this.#stored(now, answer);
    if (id === INSTALL) return this.#installed(now, answer);
    if (Certifying.owns(id)) {
      const hasCertified = this.#certifying.verified(this.#running?.versions, id, answer);
      if (hasCertified) this.#backlog.ask(now, this.#running?.tip.height ?? 0);
      return;
    }
    if (Replication.owns(id))
      return this.#replicate(now, this.#replication.solved(now, id, answer));
    if (answer.kind === 'failed')
      return this.#refuse(`The state store cannot be read: ${answer.fault.detail}`);
    this.#perform(this.#running?.loading.answered(id, answer, now.ms) ?? []);
    this.#askAfterLoading(now);
  }

  #fired(now: Instant, token: string): void {
    if (this.#standing.refusal !== undefined) return;
    switch (token) {
      case 'repeat':
        for (const each of this.#running?.versions.toRepeat() ?? [])
          this.#certifying.sayHashed(each);
        return;
      case 'ask':
        if (this.#running !== undefined) this.#backlog.fired(now, this.#running.tip.height);
        return;
      case 'commit':
      case 'sync':
        return this.#proceed(now);
      case 'retry': {
        const task = this.#running?.commits.again() ?? this.#installing?.task;
        if (task !== undefined) this.#out.solve(this.#running ? STORE : INSTALL, task);
        return;
      }
      case 'readiness':
        if (this.#standing.knowsConsensus) return;
        this.#out.say({ kind: 'RequestReadiness', service: 'consensus' });
        this.#out.wait('readiness', STATE_LIMITS.askAgainMs);
        return;
      default:
        return this.#replicate(now, this.#replication.fired(now, token));
    }
  }

  #takeReadiness(now: Instant, { service, height }: Readiness): void {
    if (service !== 'consensus' || this.#standing.knowsConsensus) return;
    this.#out.cancel('readiness');
    this.#standing.change(() => this.#standing.consensusAt(height));
    this.#backlog.expect(now, this.#running?.tip.height, height);
    this.#proceed(now);
  }
}
