/**
 * The core of the state: takes executed heights in order, says their root hashes, keeps the certified version readable
 * and the store following. The consensus journal is the durable truth; whatever the store loses is executed again.
 */
import type { Core, Input, Instant } from '@internode/actor';
import type {
  BatchExecuted,
  CertificationValue,
  LoadTip,
  Message,
  Readiness,
} from '@internode/contracts';
import { assert, bytesEqual, unreachable } from '@internode/prelude';
import { STATE_LIMITS } from '../limits.ts';
import { Backlog } from './backlog.ts';
import { checkBatch } from './batch-check.ts';
import { Commits } from './commits.ts';
import type { StateEvent } from './event.ts';
import { Loading, type LoadStep } from './loading.ts';
import { type Opened, Opening, type OpeningStep } from './opening.ts';
import { Outbox, type StateEffect } from './outbox.ts';
import { certifiedRead, refusedRead } from './reads.ts';
import { Standing } from './standing.ts';
import { identityOf, type SubnetDescription } from './subnet.ts';
import type { StateAnswer, StateTask, StoreFault } from './task.ts';
import { Tip } from './tip.ts';
import { type Version, Versions } from './versions.ts';

export interface StateOptions {
  readonly subnet: SubnetDescription;
  /** Off only where the beacon in the same process made the signature alone (n = 1). */
  readonly checksCertifications: boolean;
}

/** Everything there is once the store was read. */
interface Running {
  readonly tip: Tip;
  readonly versions: Versions;
  readonly commits: Commits;
  readonly loading: Loading;
}

const STORE = 'store';
const VERIFY = 'verify:';

export class StateCore implements Core<StateTask, StateAnswer, StateEvent> {
  readonly #options: StateOptions;
  readonly #opening: Opening;
  #running: Running | undefined;
  readonly #standing = new Standing();
  #tipAsked: LoadTip | undefined;
  readonly #out = new Outbox();
  readonly #backlog = new Backlog(this.#out);
  /** Signatures being verified, by height. */
  readonly #verifying = new Map<number, Uint8Array>();
  #lastCertified: Message | undefined;
  #lastCommitted: Message | undefined;

  constructor(options: StateOptions) {
    this.#options = options;
    this.#opening = new Opening(options.subnet);
  }

  step(now: Instant, input: Input<StateAnswer>): readonly StateEffect[] {
    switch (input.kind) {
      case 'replayed':
        break; // The state has no journal: its store and the blocks of consensus are enough.
      case 'started':
        this.#sayReadiness();
        this.#out.say({ kind: 'RequestReadiness', service: 'consensus' });
        this.#out.wait('readiness', STATE_LIMITS.askAgainMs);
        this.#open(now, this.#opening.first());
        break;
      case 'message':
        if (this.#standing.refusal === undefined) this.#hear(now, input.message);
        else if (input.message.kind === 'RequestReadiness') this.#sayReadiness();
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
        return this.#read(message);
      case 'RequestCertified':
        return this.#sayNewest();
      case 'LoadTip':
        this.#tipAsked = message;
        return this.#proceed(now);
      case 'LoadRequests':
      case 'LoadMemory':
      case 'LoadModule':
        return this.#load(now, message);
      case 'Readiness':
        return this.#takeReadiness(now, message);
      case 'RequestReadiness':
        if (message.service === '' || message.service === 'state') this.#sayReadiness();
        return;
      default:
        return;
    }
  }

  #open(now: Instant, steps: readonly OpeningStep[]): void {
    for (const step of steps) {
      if (step.kind === 'task') this.#out.solve(step.id, step.task);
      else if (step.kind === 'refused') this.#refuse(step.detail);
      else this.#opened(now, step.opened);
    }
  }

  #opened(now: Instant, opened: Opened): void {
    const { root, certification, requests } = opened;
    const { height, timeNanos, tree } = opened.tip;
    const { subnet } = this.#options;
    const tip = new Tip(subnet.subnetId, identityOf(subnet), opened.tip);
    const commits = new Commits(height, [...opened.garbage], now.ms);
    const versions = new Versions();
    this.#running = { tip, versions, commits, loading: new Loading(tip, commits) };
    const canisters = opened.tip.layouts.size;
    this.#out.observe({ kind: 'StoreOpened', height, canisters, requests });
    this.#standing.opened(certification?.height ?? 0);
    if (height > 0) {
      const version = { height, timeNanos, root, tree, completed: [] };
      versions.add(version);
      this.#committed(height, false);
      const isThis = certification?.height === height && bytesEqual(certification.root, root);
      if (isThis) this.#certify(now, version, certification.signature);
      else this.#sayHashed(version);
    }
    this.#sayReadiness();
    this.#backlog.fired(now, height);
    this.#proceed(now);
  }

  /** For good. Nothing is said any more but why. */
  #refuse(detail: string): void {
    this.#standing.refusal = detail;
    this.#running = undefined;
    this.#out.observe({ kind: 'StateRefused', detail });
    this.#out.solve('refuse', { kind: 'refuse', detail });
    this.#sayReadiness();
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
    const reason = this.#obstacle(now, running);
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
    const requests = batch.requests.length;
    this.#out.observe({ kind: 'StateHashed', height, root, requests, pages });
    this.#sayHashed(version);
    this.#proceed(now);
  }

  /** Why nothing new is taken now. */
  #obstacle(now: Instant, { versions, commits, loading }: Running): string | undefined {
    if (this.#standing.fault !== undefined) return 'the store is failing';
    if (versions.full) return 'too many heights without certification';
    if (commits.full) return 'the store is behind';
    if (loading.holds(now.ms)) return 'execution is loading';
    return undefined;
  }

  #sayNewest(): void {
    const { isShowable } = this.#standing;
    if (isShowable && this.#lastCertified !== undefined) this.#out.say(this.#lastCertified);
    if (this.#lastCommitted !== undefined) this.#out.say(this.#lastCommitted);
  }

  #sayHashed({ height, root, timeNanos }: Version): void {
    this.#out.say({ kind: 'StateHashed', height, root, timeNanos });
    this.#out.wait('repeat', STATE_LIMITS.repeatMs);
  }

  // Certification.

  #takeCertification(now: Instant, value: CertificationValue): void {
    const { height, root, signature } = value;
    const versions = this.#running?.versions;
    if (versions === undefined || this.#standing.fault !== undefined) return;
    if (height <= (versions.certified?.height ?? 0)) return;
    const judged = versions.judge(value);
    if (judged.kind !== 'valid') return this.#out.ignore('CertificationValue', judged.reason);
    if (!this.#options.checksCertifications) return this.#certify(now, judged.value, signature);
    if (this.#verifying.has(height)) return;
    this.#verifying.set(height, signature);
    const task = { kind: 'verify', root, signature } as const;
    this.#out.solve(`${VERIFY}${height}`, task);
  }

  #verified(now: Instant, height: number, answer: StateAnswer): void {
    const signature = this.#verifying.get(height);
    this.#verifying.delete(height);
    const version = this.#running?.versions.find(height);
    if (signature === undefined || version === undefined) return;
    if (this.#standing.fault !== undefined) return;
    const isValid = answer.kind === 'verified' && answer.valid;
    if (isValid) this.#certify(now, version, signature);
    else this.#out.ignore('CertificationValue', 'signature does not verify');
  }

  #certify(now: Instant, version: Version, signature: Uint8Array): void {
    const running = this.#running;
    assert(running !== undefined, 'certified before the store was read');
    const certified = running.versions.certify(version, signature);
    if (running.versions.inFlight === 0) this.#out.cancel('repeat');
    const { height, root, timeNanos, completed } = certified;
    this.#out.observe({ kind: 'StateCertified', height, completed: completed.length });
    const said = { height, root, timeNanos, completedRequests: completed };
    this.#lastCertified = { kind: 'StateCertified', ...said };
    const wasReady = this.#standing.isReady;
    this.#change(() => this.#standing.certifiedAt(height));
    if (wasReady) this.#out.say(this.#lastCertified);
    this.#backlog.ask(now, running.tip.height);
  }

  // Reading.

  #read(read: Extract<Message, { kind: 'ReadCertified' }>): void {
    const version = this.#running?.versions.certified;
    const answer =
      version === undefined || !this.#standing.isShowable
        ? refusedRead(read.readId, 0, 'the replica has no certified state yet')
        : certifiedRead(version, read);
    const refused = answer.refusal !== undefined;
    this.#out.observe({ kind: 'CertifiedReadAnswered', bytes: answer.certificate.length, refused });
    this.#out.say(answer);
  }

  #load(now: Instant, message: Extract<Message, { kind: `Load${string}` }>): void {
    if (this.#running === undefined) return;
    const { loading, tip } = this.#running;
    if (message.kind === 'LoadRequests') this.#perform(loading.requests(message, now.ms));
    else if (message.kind === 'LoadMemory') this.#perform(loading.memory(message));
    else if (message.kind === 'LoadModule') this.#perform(loading.module(message.hash));
    if (!loading.holds(now.ms)) this.#backlog.ask(now, tip.height);
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
      this.#out.observe({ kind: 'StoreRecovered' });
      this.#change(() => {
        this.#standing.fault = undefined;
      });
      this.#backlog.ask(now, running.tip.height);
      for (const version of running.versions.toRepeat()) this.#sayHashed(version);
    }
    if (answer.kind === 'swept') running.commits.swept();
    else {
      const stored = running.commits.written(now.ms);
      this.#out.observe({ kind: 'StateCommitted', ...stored });
      this.#committed(stored.height, stored.synced);
    }
    this.#proceed(now);
  }

  /** A full disk: nothing is lost, nothing new is taken or certified, the same work is tried again. */
  #failing(fault: StoreFault): void {
    const { code, detail } = fault;
    if (code !== 'full') return this.#refuse(`The state store failed: ${detail}`);
    if (this.#standing.fault === undefined) this.#out.observe({ kind: 'StoreFailing', detail });
    this.#change(() => {
      this.#standing.fault = detail;
    });
    this.#out.wait('retry', STATE_LIMITS.retryMs);
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
    if (id.startsWith(VERIFY)) return this.#verified(now, Number(id.slice(VERIFY.length)), answer);
    if (answer.kind === 'failed') {
      return this.#refuse(`The state store cannot be read: ${answer.fault.detail}`);
    }
    this.#perform(this.#running?.loading.answered(id, answer, now.ms) ?? []);
  }

  #fired(now: Instant, token: string): void {
    if (this.#standing.refusal !== undefined) return;
    switch (token) {
      case 'repeat':
        for (const version of this.#running?.versions.toRepeat() ?? []) this.#sayHashed(version);
        return;
      case 'ask':
        if (this.#running !== undefined) this.#backlog.fired(now, this.#running.tip.height);
        return;
      case 'commit':
      case 'sync':
        return this.#proceed(now);
      case 'retry': {
        const task = this.#running?.commits.again();
        if (task !== undefined) this.#out.solve(STORE, task);
        return;
      }
      case 'readiness':
        if (this.#standing.knowsConsensus) return;
        this.#out.say({ kind: 'RequestReadiness', service: 'consensus' });
        this.#out.wait('readiness', STATE_LIMITS.askAgainMs);
        return;
      default:
        return;
    }
  }

  // Readiness.

  #takeReadiness(now: Instant, { service, height }: Readiness): void {
    if (service !== 'consensus' || this.#standing.knowsConsensus) return;
    this.#out.cancel('readiness');
    this.#change(() => this.#standing.consensusAt(height));
    this.#proceed(now);
  }

  /** Changes the standing and says so when that makes us ready or not. */
  #change(change: () => void): void {
    const wasReady = this.#standing.isReady;
    change();
    const { isReady } = this.#standing;
    if (isReady === wasReady) return;
    this.#sayReadiness();
    if (isReady && this.#lastCertified !== undefined) this.#out.say(this.#lastCertified);
  }

  #sayReadiness(): void {
    this.#out.say(this.#standing.readiness());
  }
}
