/**
 * A follower of execution: answers queries and nothing else. It executes no batch: it hears what each height changed, as state does.
 *
 * 1. Heights are applied in order and each at once: between steps the tip is that of one height.
 * 2. What the sandbox holds of a canister is what it was at the tip: changes go to it behind all that was asked before.
 * 3. A query that saw a certified height is answered on no older one (`min_height`).
 * 4. It says nothing that state or consensus hears but questions; who loses it loses nothing.
 * 5. Heights that were lost are asked of execution; once state has stored them execution has forgotten them, and another life begins
 *    with the tip of the store.
 */
import type { Input, Instant } from '@internode/actor';
import type { BatchExecuted, CanisterChange, Message } from '@internode/contracts';
import { bytesEqual, toHex, unreachable } from '@internode/prelude';
import { ASK_AGAIN_MS, HEIGHTS_UNCOMMITTED } from '../../limits.ts';
import type { Answer, Task } from '../../sandbox/interface.ts';
import { Ahead } from '../ahead.ts';
import { Canister } from '../canister.ts';
import { EarlyQueries } from '../early-queries.ts';
import type { ExecutionEvent } from '../event.ts';
import type { ExecutionCoreConfig } from '../execution.ts';
import { askFor, type ExecutionEffect, type Fiber, Fibers } from '../fibers.ts';
import type { LifeCore } from '../lives.ts';
import { Queries, type Room } from '../queries.ts';
import { QueryGate } from '../query-gate.ts';
import { restoreCanisters, TIP_KEY } from '../restoring.ts';
import { tellStateAnswer } from '../state-answers.ts';
import { Subnet } from '../subnet.ts';
import { RecentChanges } from './changes.ts';
import { Openings } from './openings.ts';

/** A height that is in the store and was asked for so often does not come any more. */
const ASKS = 2;

export class FollowerCore implements LifeCore {
  readonly #subnet: Subnet;
  readonly #fibers: Fibers;
  readonly #queries: Queries;
  readonly #openings: Openings;
  readonly #changes = new RecentChanges();
  readonly #early = new Ahead<BatchExecuted>();
  readonly #earlyQueries: EarlyQueries;
  #effects: ExecutionEffect[] = [];
  #ready = false;
  /** Heights of which others have spoken. */
  #committed = 0;
  #certified = 0;
  #asks = 0;
  #asking = false;
  #lost = false;
  #names = 0;

  constructor(config: ExecutionCoreConfig) {
    const emit = (effect: ExecutionEffect): void => this.#emit(effect);
    const raise = (signal: string): void => this.#fibers.raise(signal);
    this.#subnet = new Subnet(config);
    this.#openings = new Openings({
      subnet: this.#subnet,
      changes: this.#changes,
      raise,
      onNeedsHeight: () => this.#applyNext(),
    });
    this.#fibers = new Fibers(emit, (absent, met) => this.#openings.supply(absent, met));
    const room: Room = {
      gate: new QueryGate(raise, () => false),
      subnet: this.#subnet,
      fibers: this.#fibers,
      emit,
      seed: config.seed,
      ensureOpen: (canister) => this.#openings.open(canister),
    };
    this.#queries = new Queries(room, {
      isBusy: () => this.#early.has(this.#subnet.height + 1),
      released: () => this.#applyNext(),
    });
    this.#earlyQueries = new EarlyQueries({
      fibers: this.#fibers,
      queries: this.#queries,
      shows: ({ minHeight = 0 }) => this.#ready && this.#subnet.height >= minHeight,
      onWait: () => this.#askIfMissing(),
    });
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
        if (!this.#fibers.timer(input.token)) this.#askAgain();
        break;
      case 'solved':
        this.#fibers.solved(input.id, input.answer);
        break;
      default:
        unreachable(input);
    }
    return this.#effects;
  }

  /** State that jumps is noticed by what does not come any more. */
  isBehind(): boolean {
    return false;
  }

  get isLost(): boolean {
    return this.#lost || this.#changes.size > 2 * HEIGHTS_UNCOMMITTED;
  }

  /** For tests. */
  view(): { readonly height: number; readonly ready: boolean } {
    return { height: this.#subnet.height, ready: this.#ready };
  }

  #hear(message: Message): void {
    switch (message.kind) {
      case 'BatchExecuted':
        return this.#hearExecuted(message);
      case 'ExecuteQuery':
        return this.#earlyQueries.hear(message);
      case 'StateCommitted':
        this.#committed = Math.max(this.#committed, message.height);
        this.#changes.forget(this.#committed);
        return this.#askIfMissing();
      case 'StateCertified':
        this.#certified = Math.max(this.#certified, message.height);
        this.#queries.certified(message.height);
        return this.#askIfMissing();
      case 'RequestReadiness':
        return this.#sayReadiness();
      default:
        return tellStateAnswer(message, this.#subnet, this.#fibers);
    }
  }

  *#open(): Fiber {
    const { session } = this.#subnet;
    const load = { kind: 'LoadTip', session, reads: true } as const;
    const tip = yield* askFor('TipLoaded', load, TIP_KEY);
    if (tip.height > 0) restoreCanisters(this.#subnet, tip);
    this.#ready = true;
    const { height, canisters } = this.#subnet;
    this.#observe({ kind: 'TipOpened', height, canisters: canisters.size });
    this.#publish({ kind: 'RequestCertified' });
    this.#requestExecuted();
    this.#sayReadiness();
    this.#earlyQueries.release();
  }

  // Heights.

  #hearExecuted(executed: BatchExecuted): void {
    // Before, nobody knows which will be needed: they are asked for.
    if (!this.#ready || executed.height <= this.#subnet.height) return;
    if (!this.#early.add(executed)) return;
    this.#applyNext();
    this.#askIfMissing();
  }

  #applyNext(): void {
    for (;;) {
      // A composite query sees one height, unless it needs what only a later one has: see Queries.
      if (this.#queries.holdsTip && !this.#openings.needsHeight) return;
      const executed = this.#early.get(this.#subnet.height + 1);
      if (executed === undefined) break;
      this.#early.forget(executed.height);
      this.#apply(executed);
    }
    this.#queries.tipFree();
  }

  #apply(executed: BatchExecuted): void {
    const { height, timeNanos, members } = executed;
    this.#subnet.height = height;
    this.#subnet.timeNanos = timeNanos;
    if (members !== undefined) this.#subnet.setMembers(members.nodes.length);
    for (const change of executed.canisters) this.#change(change, height);
    this.#asks = 0;
    this.#changes.add(executed);
    this.#changes.forget(this.#committed);
    this.#observe({ kind: 'HeightFollowed', height, canisters: executed.canisters.length });
    this.#openings.moved();
    this.#earlyQueries.release();
  }

  #change({ canisterId, deleted, systemState, memories }: CanisterChange, height: number): void {
    const { canisters } = this.#subnet;
    const key = toHex(canisterId);
    const canister = canisters.get(key);
    if (deleted) {
      if (canister !== undefined) this.#close(canister);
      canisters.delete(key);
      return;
    }
    if (systemState === undefined) return;
    const next = Canister.decode(canisterId, systemState);
    if (canister === undefined) {
      next.certifiedDataHeight = height;
      canisters.set(key, next);
      return;
    }
    const { code: before, certifiedData } = canister.state;
    if (!bytesEqual(certifiedData, next.state.certifiedData)) canister.certifiedDataHeight = height;
    // The same object: queries that wait hold it.
    Object.assign(canister.state, next.state);
    if (!canister.open) return;
    const { code } = canister.state;
    const isSame = code !== undefined && bytesEqual(code.moduleHash, before?.moduleHash ?? NONE);
    if (!isSame || memories.some(({ cleared }) => cleared)) return this.#close(canister);
    this.#solve({ kind: 'apply', canisterId, memories, instance: code.instance });
  }

  /** It is opened again, as it is by then, when it is asked next. */
  #close(canister: Canister): void {
    if (canister.open) this.#solve({ kind: 'remove', canisterId: canister.id });
    canister.open = false;
    canister.learn(undefined);
  }

  // What is missing.

  get #isMissing(): boolean {
    const { heightWanted } = this.#earlyQueries;
    const { highest } = this.#early;
    const newest = Math.max(this.#committed, this.#certified, heightWanted, highest);
    const { height } = this.#subnet;
    return this.#ready && newest > height && !this.#early.has(height + 1);
  }

  #askIfMissing(): void {
    if (this.#asking || !this.#isMissing) return;
    this.#asking = true;
    this.#emit({ kind: 'wait', token: 'ask missing', delayMs: ASK_AGAIN_MS });
  }

  #askAgain(): void {
    this.#asking = false;
    if (!this.#isMissing) return;
    this.#asks += 1;
    if (this.#asks > ASKS && this.#committed > this.#subnet.height) this.#lost = true;
    this.#requestExecuted();
    this.#askIfMissing();
  }

  #requestExecuted(): void {
    this.#publish({ kind: 'RequestExecuted', fromHeight: this.#subnet.height + 1 });
  }

  #sayReadiness(): void {
    const detail = this.#ready ? '' : 'loading the tip';
    const { height } = this.#subnet;
    this.#publish({ kind: 'Readiness', service: 'follower', ready: this.#ready, height, detail });
  }

  /** Nobody waits for the answer: what comes behind finds it done. */
  #solve(task: Task): void {
    this.#emit({ kind: 'solve', id: `follow ${this.#names++}`, task });
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

const NONE = new Uint8Array(0);
