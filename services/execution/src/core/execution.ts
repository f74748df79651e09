/**
 * The core of execution: owns the mutable tip, applies batches in order, answers queries and
 * inspections.
 *
 * 1. Batches are applied exactly once and strictly in order of height; early ones wait, old ones
 *    are ignored.
 * 2. What a height changed is said, and kept until state has stored it; state may ask for it again.
 * 3. Queries and inspections never change the tip, and nothing canonical depends on when they run.
 * 4. Nothing is journalled here: after a crash the tip comes from the store, the batches from
 *    consensus.
 */
import type { Input, Instant } from '@internode/actor';
import type { BatchReady, Message } from '@internode/contracts';
import { unreachable } from '@internode/prelude';
import { ASK_AGAIN_MS, HEIGHTS_UNCOMMITTED, IDLE_ASK_MS, SAY_AGAIN_MS } from '../limits.ts';
import type { Answer } from '../sandbox/interface.ts';
import { Ahead } from './ahead.ts';
import { advancedOf, applyBatch, recordsOf } from './batch.ts';
import { EarlyQueries } from './early-queries.ts';
import type { ExecutionEvent } from './event.ts';
import { Executed } from './executed.ts';
import { type ExecutionEffect, type Fiber, Fibers } from './fibers.ts';
import { Inspector } from './inspections.ts';
import type { LifeCore } from './lives.ts';
import { ensureOpen, supplyStable } from './loading.ts';
import { Queries, type Room } from './queries.ts';
import { QueryGate } from './query-gate.ts';
import { restore } from './restoring.ts';
import { tellStateAnswer } from './state-answers.ts';
import { type Life, Subnet, type SubnetConfig } from './subnet.ts';

export type ExecutionCoreConfig = SubnetConfig & Life;

export class ExecutionCore implements LifeCore {
  readonly #subnet: Subnet;
  readonly #fibers: Fibers;
  readonly #queries: Queries;
  readonly #earlyQueries: EarlyQueries;
  readonly #gate: QueryGate;
  readonly #inspector: Inspector;
  readonly #early = new Ahead<BatchReady>();
  readonly #executed = new Executed(HEIGHTS_UNCOMMITTED);
  #effects: ExecutionEffect[] = [];
  #ready = false;
  #servedBefore = false;
  /** State shows nothing older than what was final when it started, so this is what we have to reach. */
  #certifiedBefore: number | undefined;
  #applying = false;
  #batchSinceAsk = false;
  #gapAsked = false;
  /** The oldest height that state had not stored when last looked. */
  #unstored = 0;

  constructor(config: ExecutionCoreConfig) {
    const emit = (effect: ExecutionEffect): void => {
      this.#effects.push(effect);
    };
    this.#subnet = new Subnet(config);
    this.#fibers = new Fibers(emit, (absent, met) =>
      supplyStable(this.#subnet.session, absent, met),
    );
    const gate = new QueryGate(
      (signal) => this.#fibers.raise(signal),
      () => this.#applying,
    );
    this.#gate = gate;
    const room: Room = {
      gate,
      subnet: this.#subnet,
      fibers: this.#fibers,
      emit,
      seed: config.seed,
      ensureOpen: (canister) =>
        ensureOpen(this.#subnet, canister, (signal) => this.#fibers.raise(signal)),
    };
    this.#queries = new Queries(room, {
      isBusy: () => this.#applying || this.#early.has(this.#subnet.height + 1),
      released: () => this.#applyNext(),
    });
    this.#earlyQueries = new EarlyQueries({
      fibers: this.#fibers,
      queries: this.#queries,
      shows: () => this.#serves,
    });
    this.#inspector = new Inspector(room);
  }

  step(_now: Instant, input: Input<Answer>): readonly ExecutionEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case 'replayed':
        break;
      case 'started':
        this.#sayReadiness();
        this.#fibers.start(this.#open());
        break;
      case 'message':
        this.#hear(input.message);
        break;
      case 'timer':
        this.#wake(input.token);
        break;
      case 'solved':
        this.#fibers.solved(input.id, input.answer);
        break;
      default:
        unreachable(input);
    }
    if (this.#serves !== this.#servedBefore) {
      this.#servedBefore = this.#serves;
      this.#sayReadiness();
      this.#earlyQueries.release();
    }
    return this.#effects;
  }

  /** What consensus has leads on from every height, or state jumps. */
  readonly isLost = false;

  isBehind(height: number): boolean {
    return this.#ready && height > this.#subnet.height;
  }

  /** For tests and status. */
  view(): { readonly height: number; readonly ready: boolean; readonly subnet: Subnet } {
    return { height: this.#subnet.height, ready: this.#ready, subnet: this.#subnet };
  }

  #hear(message: Message): void {
    switch (message.kind) {
      case 'BatchReady':
        return this.#hearBatch(message);
      case 'ExecuteQuery':
        return this.#earlyQueries.hear(message);
      case 'InspectIngress':
        return this.#inspector.inspect(message, this.#serves);
      case 'StateCommitted':
        this.#executed.forget(message.height);
        return this.#applyNext();
      case 'RequestExecuted':
        for (const one of this.#executed.from(message.fromHeight)) this.#publish(one);
        return;
      case 'StateCertified':
        this.#certifiedBefore ??= message.height;
        return this.#queries.certified(message.height);
      case 'RequestSubnetRecord':
        return this.#sayRecords();
      case 'RequestReadiness':
        return this.#sayReadiness();
      default:
        return tellStateAnswer(message, this.#subnet, this.#fibers);
    }
  }

  /**
   * Whether queries and inspections may be answered. The tip that was loaded may be older than what was shown before the
   * restart: a client that has the certificate of its call must not read a state without it, nor one that is on its way there.
   */
  get #serves(): boolean {
    if (this.#servedBefore) return true;
    if (!this.#ready || this.#certifiedBefore === undefined || this.#applying) return false;
    return this.#subnet.height >= this.#certifiedBefore;
  }

  *#open(): Fiber {
    yield* restore(this.#subnet);
    this.#ready = true;
    const { height, canisters } = this.#subnet;
    this.#observe({ kind: 'TipOpened', height, canisters: canisters.size });
    this.#sayRecords();
    this.#publish({ kind: 'RequestCertified' });
    this.#batchSinceAsk = false;
    this.#askBatches();
    this.#applyNext();
  }

  #hearBatch(batch: BatchReady): void {
    if (this.#ready && batch.height <= this.#subnet.height) return this.#hearOldBatch(batch.height);
    this.#batchSinceAsk = true;
    if (!this.#early.add(batch)) return;
    this.#applyNext();
    if (this.#hasGap && !this.#gapAsked) {
      this.#gapAsked = true;
      this.#emit({ kind: 'wait', token: 'ask missing', delayMs: ASK_AGAIN_MS });
    }
  }

  /** Consensus has forgotten, or never heard, how far we are: it makes no block before it knows. */
  #hearOldBatch(height: number): void {
    if (height === this.#subnet.height && !this.#applying) this.#publish(advancedOf(this.#subnet));
  }

  /** Later batches came, the next one did not. */
  get #hasGap(): boolean {
    const isNext = this.#early.has(this.#subnet.height + 1);
    return this.#ready && this.#early.size > 0 && !isNext && !this.#applying;
  }

  #applyNext(): void {
    if (!this.#ready || this.#applying || this.#queries.holdsTip) return;
    this.#early.forgetUpTo(this.#subnet.height);
    const batch = this.#early.get(this.#subnet.height + 1);
    if (batch === undefined) return;
    if (this.#executed.full) {
      this.#observe({ kind: 'WaitingForState', height: this.#subnet.height });
      return;
    }
    this.#early.forget(batch.height);
    this.#applying = true;
    this.#fibers.start(this.#apply(batch));
  }

  *#apply(batch: BatchReady): Fiber {
    const raise = (signal: string): void => this.#fibers.raise(signal);
    const { executed, advanced, figures } = yield* applyBatch(this.#subnet, batch, raise);
    this.#executed.keep(executed);
    this.#publish(executed);
    const { records } = this.#subnet;
    if (records.changedHeight === batch.height) this.#publish(recordsOf(this.#subnet));
    this.#publish(advanced);
    this.#observe({
      kind: 'BatchApplied',
      height: batch.height,
      ingress: batch.ingress.length,
      executions: figures.executions,
      instructions: figures.instructions,
    });
    if (this.#executed.oldest === executed) this.#sayAgainLater(executed.height);
    this.#applying = false;
    this.#queries.tipFree();
    this.#gate.release();
    this.#applyNext();
  }

  #wake(token: string): void {
    if (this.#fibers.timer(token)) return;
    if (token === 'ask batches') return this.#askBatches();
    if (token === 'say again') return this.#sayAgain();
    if (token !== 'ask missing') return;
    this.#gapAsked = false;
    if (this.#hasGap) this.#requestBatches();
  }

  #sayAgainLater(height: number): void {
    this.#unstored = height;
    this.#emit({ kind: 'wait', token: 'say again', delayMs: SAY_AGAIN_MS });
  }

  /** A height that state does not store in time may have been lost on the bus. */
  #sayAgain(): void {
    const { oldest } = this.#executed;
    if (oldest === undefined) return;
    if (oldest.height === this.#unstored) this.#publish(oldest);
    this.#sayAgainLater(oldest.height);
  }

  /** Consensus says batches by itself; what was lost is asked for when nothing came for a while. */
  #askBatches(): void {
    const isBlocked = this.#applying || this.#executed.full;
    if (!this.#batchSinceAsk && !isBlocked) {
      this.#requestBatches();
      this.#publish(advancedOf(this.#subnet));
    }
    if (this.#certifiedBefore === undefined) this.#publish({ kind: 'RequestCertified' });
    this.#batchSinceAsk = false;
    this.#emit({ kind: 'wait', token: 'ask batches', delayMs: IDLE_ASK_MS });
  }

  /** Consensus judges summaries by them. */
  #sayRecords(): void {
    if (this.#ready && !this.#applying) this.#publish(recordsOf(this.#subnet));
  }

  #requestBatches(): void {
    this.#publish({ kind: 'RequestBatches', fromHeight: this.#subnet.height + 1 });
  }

  #sayReadiness(): void {
    this.#publish({
      kind: 'Readiness',
      service: 'execution',
      ready: this.#serves,
      height: this.#subnet.height,
      detail: this.#serves ? '' : this.#ready ? 'executing what was certified' : 'loading the tip',
    });
  }

  #publish(message: Message): void {
    this.#emit({ kind: 'publish', message });
  }

  #observe(event: ExecutionEvent): void {
    this.#emit({ kind: 'observe', event });
  }

  #emit(effect: ExecutionEffect): void {
    this.#effects.push(effect);
  }
}
