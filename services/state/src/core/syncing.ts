/**
 * Fetches the state of a proven package: head of the manifest, manifest, then the chunks that differ from what is here.
 * From the first change on the store has no tip; what was applied stays when we are interrupted. The tip is written
 * last, by whoever opens the store: see `install`.
 */
import type { Instant } from '@internode/actor';
import {
  type CatchUpPackage,
  contract,
  decodeCatchUpContent,
  encodeCatchUpContent,
  type PeerAnswered,
  type StoredTip,
  type SyncState,
} from '@internode/contracts';
import { catchUpMessage } from '@internode/crypto';
import { bytesEqual } from '@internode/prelude';
import { HASH_BYTES, STATE_LIMITS, SYNC_LIMITS } from '../limits.ts';
import type { EngineAnswer, EngineRequest } from './engine.ts';
import { Fetching, type Got, type Wanted } from './fetching.ts';
import type { Outbox } from './outbox.ts';
import { SYNC, SYNC_KEY, TIP, TIP_KEY } from './rows.ts';
import type { StateAnswer, StateTask } from './task.ts';

export interface SyncRoom {
  readonly out: Outbox;
  readonly subnetId: Uint8Array;
  /** Names our questions. */
  readonly seed: Uint8Array;
}

/** What others have to do. */
export type SyncStep =
  /** The store is about to change under whoever reads it. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'progress' }
  | { readonly kind: 'full'; readonly detail: string }
  | { readonly kind: 'recovered' }
  | { readonly kind: 'install'; readonly tip: StoredTip }
  | { readonly kind: 'refuse'; readonly detail: string };

type Stage =
  | 'idle'
  | 'marking'
  | 'head'
  | 'manifest'
  | 'planning'
  | 'rows'
  | 'pages'
  | 'tip'
  | 'done';

interface Doing {
  readonly what: 'verify' | 'mark' | 'probe' | 'target' | 'part' | 'plan' | 'apply' | 'tip';
  readonly task: StateTask;
  readonly got?: Got;
  readonly package?: CatchUpPackage;
}

const CONTENT = contract(
  'CatchUpContent',
  'types',
  'catch_up_content',
  encodeCatchUpContent,
  decodeCatchUpContent,
);
const PREFIX = 'sync:';
const SIGNATURE_BYTES = 48;

export class Syncing {
  readonly #room: SyncRoom;
  readonly #fetching: Fetching;
  #stage: Stage = 'idle';
  #package: CatchUpPackage | undefined;
  /** Proven and newer: taken when nobody has the checkpoint of the current one any more. */
  #newer: CatchUpPackage | undefined;
  #pages: readonly Wanted[] = [];
  readonly #doing = new Map<string, Doing>();
  /** Tasks that met a full disk. */
  readonly #again = new Map<string, StateTask>();
  #count = 0;
  #bytes = 0;
  #bytesReused = 0;
  #bytesDone = 0;
  #rate = { sinceMs: 0, bytes: 0, perSecond: 0 };
  #movedMs = 0;

  constructor(room: SyncRoom) {
    this.#room = room;
    this.#fetching = new Fetching(room.out, room.seed);
  }

  static owns(id: string): boolean {
    return id.startsWith(PREFIX);
  }

  get isActive(): boolean {
    return this.#stage !== 'idle' && this.#stage !== 'done';
  }

  get height(): number {
    return this.#package?.content.block.height ?? 0;
  }

  /** For people; undefined when nothing is being fetched. */
  get detail(): string | undefined {
    if (!this.isActive) return undefined;
    const what = `fetching the state of height ${this.height} from peers`;
    if (this.#stage !== 'rows' && this.#stage !== 'pages') return `${what}: ${this.#stage}`;
    const percent = this.#bytes === 0 ? 100 : Math.floor((100 * this.#bytesDone) / this.#bytes);
    const [done, all, rate] = [this.#bytesDone, this.#bytes, this.#rate.perSecond].map(
      (bytes) => `${(bytes / 1e6).toFixed(1)} MB`,
    );
    return `${what}: ${percent} %, ${done} of ${all}, ${rate}/s`;
  }

  /** `tipHeight`: what is here already. */
  hear(now: Instant, { package: offered, peers }: SyncState, tipHeight: number): void {
    // Its rows are being read: nothing is written between them.
    if (this.#stage === 'done') return;
    const { content, signature } = offered;
    const height = content.block.height;
    if (height <= tipHeight || height < this.height || peers.length > SYNC_LIMITS.peersMax) return;
    const isWhole =
      content.manifestRoot.length === HASH_BYTES &&
      content.stateRoot.length === HASH_BYTES &&
      signature.length === SIGNATURE_BYTES;
    if (!isWhole) return this.#room.out.ignore('SyncState', 'the package is incomplete');
    this.#fetching.peers.set(peers);
    if (this.isActive && height === this.height) return this.#proceed(now);
    if (this.isActive && height === this.#newer?.content.block.height) return;
    if ([...this.#doing.values()].some(({ what }) => what === 'verify')) return;
    const message = catchUpMessage(this.#room.subnetId, CONTENT.encode(content));
    const task = { kind: 'verify-package', message, signature } as const;
    this.#do({ what: 'verify', task, package: offered });
  }

  /** The answer to a task of ours. */
  solved(now: Instant, id: string, answer: StateAnswer): SyncStep[] {
    const doing = this.#doing.get(id);
    if (doing === undefined) return [];
    if (answer.kind === 'failed') {
      const { code, detail } = answer.fault;
      if (code !== 'full') return [{ kind: 'refuse', detail: `The state store failed: ${detail}` }];
      this.#full(id, doing);
      return [{ kind: 'full', detail }];
    }
    this.#doing.delete(id);
    const steps: SyncStep[] = [];
    if (this.#again.delete(id) && this.#again.size === 0) steps.push({ kind: 'recovered' });
    if (doing.what === 'verify') steps.push(...this.#verified(now, doing, answer));
    else if (doing.what === 'mark') this.#marked(now);
    else if (doing.what === 'probe') this.#proceed(now);
    else if (answer.kind === 'engine') steps.push(...this.#worked(now, doing, answer.answer));
    return steps;
  }

  /** Nothing is fetched that could not be stored: the same task, or a small one, is tried until it can. */
  #full(id: string, { task, got }: Doing): void {
    if (got === undefined) this.#again.set(id, task);
    else {
      // What the peer gave went to the store's thread: it is fetched again.
      this.#doing.delete(id);
      this.#fetching.lost(got);
    }
    if (this.#again.size === 0) {
      const probe = `${PREFIX}${this.#count++}`;
      const write = { kind: 'write', changes: [this.#mark], sync: false } as const;
      this.#doing.set(probe, { what: 'probe', task: write });
      this.#again.set(probe, write);
    }
    this.#room.out.wait('fetch-again', STATE_LIMITS.retryMs);
  }

  /** The store is on its way to this package. */
  get #mark() {
    const manifestRoot = this.#package?.content.manifestRoot ?? new Uint8Array(0);
    return { key: SYNC_KEY, value: SYNC.encode({ height: this.height, manifestRoot }) };
  }

  /** Asks for as much as may be asked for. */
  #proceed(now: Instant): void {
    if (this.#again.size === 0) this.#fetching.proceed(now);
  }

  /** The disk may have space again. */
  again(): void {
    for (const [id, task] of this.#again) this.#room.out.solve(id, task);
  }

  #verified(now: Instant, doing: Doing, answer: StateAnswer): SyncStep[] {
    const offered = doing.package;
    if (offered === undefined || answer.kind !== 'verified' || !answer.valid) {
      this.#room.out.ignore('SyncState', 'the subnet did not sign the package');
      return [];
    }
    if (this.isActive || this.#stage === 'done') {
      this.#newer = offered;
      return [];
    }
    return this.#begin(now, offered);
  }

  #begin(now: Instant, chosen: CatchUpPackage): SyncStep[] {
    this.#package = chosen;
    this.#newer = undefined;
    this.#stage = 'marking';
    this.#doing.clear();
    this.#again.clear();
    this.#fetching.begin(chosen.content.manifestRoot);
    this.#bytesDone = 0;
    this.#rate = { sinceMs: now.ms, bytes: 0, perSecond: 0 };
    this.#movedMs = now.ms;
    const changes = [{ key: TIP_KEY, value: undefined }, this.#mark];
    this.#do({ what: 'mark', task: { kind: 'write', changes, sync: true } });
    this.#room.out.observe({ kind: 'SyncBegan', height: this.height });
    this.#room.out.wait('fetch', SYNC_LIMITS.tickMs);
    return [{ kind: 'begin' }];
  }

  #marked(now: Instant): void {
    this.#stage = 'head';
    this.#want(now, [{ part: 'manifest_head', indices: [] }]);
  }

  answered(now: Instant, answered: PeerAnswered): SyncStep[] {
    if (!this.isActive) return [];
    const got = this.#fetching.take(now, answered);
    if (got !== undefined) this.#verify(got);
    this.#proceed(now);
    return [];
  }

  #verify(got: Got): void {
    const { wanted, answer } = got;
    const { indices } = wanted;
    const manifestRoot = this.#package?.content.manifestRoot ?? new Uint8Array(0);
    if (wanted.part === 'manifest_head') {
      this.#work('target', { kind: 'target', manifestRoot, answer }, got);
    } else if (wanted.part === 'sub_manifest') {
      this.#work('part', { kind: 'target-part', index: indices[0] ?? 0, answer }, got);
    } else this.#work('apply', { kind: 'apply', indices, answer }, got);
  }

  #worked(now: Instant, { got, what }: Doing, answer: EngineAnswer): SyncStep[] {
    if (answer.kind === 'rejected') {
      if (got === undefined) return [this.#refusal(answer.reason)];
      this.#fetching.rejected(got, answer.reason);
      this.#proceed(now);
      return [];
    }
    if (answer.kind === 'refused') {
      if (got !== undefined) this.#fetching.refused(now, got, answer.outcome);
      this.#proceed(now);
      return [];
    }
    if (got !== undefined) this.#fetching.kept();
    this.#movedMs = now.ms;
    if (answer.kind === 'target') return this.#headed(now, answer);
    if (answer.kind === 'plan') return this.#planned(now, answer);
    if (answer.kind === 'tip') return this.#tipped(answer.tip);
    if (answer.kind === 'applied') this.#bytesDone += answer.bytes;
    this.#proceed(now);
    if (!this.#fetching.isDone) return [];
    if (what === 'part') {
      this.#stage = 'planning';
      this.#work('plan', { kind: 'plan' });
    } else this.#rowsDone(now);
    return [{ kind: 'progress' }];
  }

  #headed(now: Instant, target: Extract<EngineAnswer, { kind: 'target' }>): SyncStep[] {
    const { height, stateRoot, parts } = target;
    const content = this.#package?.content;
    if (height !== this.height || !bytesEqual(stateRoot, content?.stateRoot ?? new Uint8Array(0))) {
      return [this.#refusal('its manifest is of another state')];
    }
    this.#stage = 'manifest';
    const wanted = Array.from({ length: parts }, (_, index): Wanted => {
      return { part: 'sub_manifest', indices: [index] };
    });
    this.#want(now, wanted);
    return [{ kind: 'progress' }];
  }

  #planned(now: Instant, plan: Extract<EngineAnswer, { kind: 'plan' }>): SyncStep[] {
    const [rows, pages] = plan.phases.map((groups) =>
      groups.map(({ indices }): Wanted => ({ part: 'chunks', indices })),
    );
    this.#bytes = plan.bytes;
    this.#bytesReused = plan.reusedBytes;
    this.#pages = pages ?? [];
    this.#stage = 'rows';
    this.#want(now, rows ?? []);
    if (this.#fetching.isDone) this.#rowsDone(now);
    return [{ kind: 'progress' }];
  }

  /** Pages wait for the layouts, which say where they are. */
  #rowsDone(now: Instant): void {
    if (this.#stage === 'rows') {
      this.#stage = 'pages';
      this.#want(now, this.#pages);
      this.#pages = [];
    }
    if (this.#stage !== 'pages' || !this.#fetching.isDone) return;
    this.#stage = 'tip';
    this.#work('tip', { kind: 'tip' });
  }

  #tipped(bytes: Uint8Array | undefined): SyncStep[] {
    const tip = bytes && TIP.decode(bytes);
    if (tip?.kind !== 'valid' || tip.value.height !== this.height) {
      return [this.#refusal('its state has no tip')];
    }
    const { content } = this.#package as CatchUpPackage;
    if (!bytesEqual(tip.value.root, content.stateRoot)) {
      return [this.#refusal('its tip is of another state')];
    }
    this.#stage = 'done';
    const { height } = this;
    const [bytesFetched, bytesReused] = [this.#bytesDone, this.#bytesReused];
    this.#room.out.cancel('fetch');
    this.#room.out.observe({ kind: 'SyncDone', height, bytesFetched, bytesReused });
    return [{ kind: 'install', tip: tip.value }];
  }

  /** What was fetched is the state of this replica now: another may be fetched. */
  installed(): void {
    this.#stage = 'idle';
  }

  /** The subnet vouches for what does not fit together: nothing that we could fetch would help. */
  #refusal(reason: string): SyncStep {
    this.#stage = 'idle';
    const { height } = this;
    return {
      kind: 'refuse',
      detail: `The catch-up package of height ${height} is wrong: ${reason}`,
    };
  }

  /** By timer: late answers, progress, and a newer package when this one leads nowhere. */
  tick(now: Instant): SyncStep[] {
    if (!this.isActive) return [];
    this.#room.out.wait('fetch', SYNC_LIMITS.tickMs);
    this.#proceed(now);
    this.#measure(now);
    const isStuck = now.ms - this.#movedMs >= SYNC_LIMITS.stuckMs && this.#again.size === 0;
    if (isStuck && this.#newer !== undefined) return this.#begin(now, this.#newer);
    return [{ kind: 'progress' }];
  }

  #measure(now: Instant): void {
    const { sinceMs, bytes } = this.#rate;
    const tookMs = now.ms - sinceMs;
    if (tookMs < SYNC_LIMITS.tickMs) return;
    const perSecond = ((this.#bytesDone - bytes) / tookMs) * 1e3;
    this.#rate = { sinceMs: now.ms, bytes: this.#bytesDone, perSecond };
    const [height, done, all] = [this.height, this.#bytesDone, this.#bytes];
    this.#room.out.observe({ kind: 'SyncProgressed', height, done, all, perSecond });
  }

  #want(now: Instant, wanted: readonly Wanted[]): void {
    this.#fetching.want(wanted);
    this.#proceed(now);
  }

  #work(what: Doing['what'], request: EngineRequest, got?: Got): void {
    this.#do({ what, task: { kind: 'engine', request }, ...(got !== undefined && { got }) });
  }

  #do(doing: Doing): void {
    const id = `${PREFIX}${this.#count++}`;
    this.#doing.set(id, doing);
    this.#room.out.solve(id, doing.task);
  }
}
