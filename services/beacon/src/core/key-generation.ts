// This node's part in generating keys: it deals, opens what others dealt to it, complains, and keeps the shares that come of
// it. What it knows of dealings comes from final blocks, or from peers when it was not there (sharings); what it holds is sealed,
// and durable before it is used.
import type {
  Complaint,
  Dealing,
  DealingsFinalized,
  DkgConfig,
  DkgTarget,
  KeptShare,
  Message,
  PeerAnswered,
  PeerAsked,
  SharingRows,
  Summary,
  Transcript,
} from '@internode/contracts';
import { positionOf } from '@internode/crypto';
import { bytesEqual, toHex, unreachable } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import { DealingsSeen, type Dealt, has, nameOf } from './dealings-seen.ts';
import { LostNews } from './lost-news.ts';
import type { Offers } from './offers.ts';
import type { Outbox } from './outbox.ts';
import { OwnParts } from './own-parts.ts';
import { SharingAsks } from './sharing-asks.ts';
import { nameOfTarget, Sharings } from './sharings.ts';
import type { BeaconAnswer, BeaconTask, ShareRef } from './task.ts';
import { ENTRY } from './wire.ts';

type Asked =
  | { readonly for: 'dealing'; readonly target: DkgTarget; readonly oldShare: ShareRef | undefined }
  | { readonly for: 'opening'; readonly dealing: Dealing }
  | { readonly for: 'deriving'; readonly transcript: Transcript; readonly publicKey: Uint8Array };

const DEAL = 'dkg/deal';
const REPEAT = 'dkg/repeat';
const KEPT = 'dkg/kept/';

export class KeyGeneration {
  readonly #nodeId: Uint8Array;
  readonly #outbox: Outbox;
  readonly #onShare: () => void;
  /** The summary before the running one, and that; ascending. */
  #summaries: Summary[] = [];
  /** Whether consensus has spoken in this life. */
  #heard = false;
  #dealtFor: number | undefined;
  /** The time to deal in this epoch has come. */
  #isDealing = false;
  readonly #own: OwnParts;
  readonly #seen = new DealingsSeen();
  readonly #sharings: Sharings;
  readonly #asks: SharingAsks;
  readonly #lostNews: LostNews;
  /** Own shares, by public key in hex, that cannot be had: a dealer cheated this node when it was not there to complain. */
  readonly #cheated = new Set<string>();
  /** By public key in hex. Those that are not durable yet are not used. */
  readonly #kept = new Map<string, KeptShare & { durable: boolean }>();
  readonly #pending = new Map<string, Asked>();
  #solveCount = 0;
  #repeating = false;
  /** Times that consensus was asked in vain: it is asked more and more rarely. */
  #vain = 0;
  /** For which summary it has been said that shares are missing. */
  #missedAt: number | undefined;

  constructor(options: {
    readonly nodeId: Uint8Array;
    readonly offers: Offers;
    readonly outbox: Outbox;
    /** Told when a share can be signed with. */
    readonly onShare: () => void;
  }) {
    this.#nodeId = options.nodeId;
    this.#own = new OwnParts(options.offers, options.outbox);
    this.#outbox = options.outbox;
    this.#onShare = options.onShare;
    this.#lostNews = new LostNews(options.outbox);
    this.#sharings = new Sharings(options.nodeId, options.outbox, () => this.#derive());
    this.#asks = new SharingAsks(options.nodeId, options.outbox, this.#sharings);
  }

  sealedShare(publicKey: Uint8Array): Uint8Array | undefined {
    const kept = this.#kept.get(toHex(publicKey));
    return kept?.durable === true ? kept.sealed : undefined;
  }

  start(): void {
    this.#outbox.publish({ kind: 'RequestEpoch' });
    this.#repeatLater();
  }

  /** From the journal: what it holds is durable. */
  replay(entry: {
    readonly epoch?: Summary | undefined;
    readonly keptShare?: KeptShare | undefined;
    readonly sharing?: SharingRows | undefined;
  }): void {
    const { epoch, keptShare, sharing } = entry;
    if (epoch !== undefined) this.#advance(epoch);
    if (keptShare !== undefined)
      this.#kept.set(toHex(keptShare.publicKey), { ...keptShare, durable: true });
    if (sharing !== undefined) this.#sharings.replay(sharing);
  }

  /** What must be in the journal to come back here. */
  entries(): Uint8Array[] {
    const value = { height: 0, value: new Uint8Array(0) };
    return [
      ...this.#summaries.map((epoch) => ENTRY.encode({ ...value, epoch })),
      ...[...this.#kept.values()].map(({ publicKey, sealed }) =>
        ENTRY.encode({ ...value, keptShare: { publicKey, sealed } }),
      ),
      ...this.#sharings.entries(),
    ];
  }

  /** A summary is final: the running one again, or the next. */
  epochBegan(summary: Summary): void {
    const running = this.#summaries.at(-1);
    if (running !== undefined && summary.height < running.height) return;
    this.#heard = true;
    if (running === undefined || summary.height > running.height) {
      this.#advance(summary);
      const entry = ENTRY.encode({ height: 0, value: new Uint8Array(0), epoch: summary });
      this.#outbox.add({ kind: 'persist', entry, then: [] });
    }
    this.#derive();
    this.#sayMissing();
    this.#asks.lookAfter();
    if (this.#dealtFor === summary.height) return;
    this.#dealtFor = summary.height;
    // What the chain has of an epoch that is not new comes right after: then nothing is dealt twice.
    if (summary.configs.some(({ dealers }) => has(dealers, this.#nodeId)))
      this.#outbox.add({ kind: 'wait', token: DEAL, delayMs: BEACON_LIMITS.dealAfterMs });
    this.#repeatLater();
  }

  #advance(summary: Summary): void {
    this.#summaries = [...this.#summaries.slice(-1), summary];
    this.#own.withdrawBefore(summary.height);
    this.#isDealing = false;
    this.#cheated.clear();
    this.#seen.clear();
    this.#lostNews.advance();
    this.#sharings.advance(this.#summaries);
    this.#asks.advance(summary);
    this.#vain = 0;
  }

  /** Shares of keys that are out of sight are forgotten; the caller compacts the journal. Answers how many there were. */
  prune(inSight: ReadonlySet<string>): { readonly shares: number; readonly sharings: boolean } {
    let gone = 0;
    for (const name of this.#kept.keys()) {
      if (inSight.has(name)) continue;
      this.#kept.delete(name);
      gone += 1;
    }
    return { shares: gone, sharings: this.#sharings.prune() };
  }

  dealingsFinalized({ height, dealings, complaints }: DealingsFinalized): void {
    for (const dealing of dealings) {
      if (bytesEqual(dealing.dealer, this.#nodeId)) this.#own.withdraw(ownName('dealing', dealing));
      this.#sharings.heard(height, dealing);
      this.#open(height, dealing);
    }
    // One complaint convicts a dealer: another is of no use.
    for (const complaint of complaints) this.#own.withdraw(ownName('complaint', complaint));
  }

  /** A block is final: the bus may have lost what consensus said before. */
  finalized(height: number): void {
    const running = this.#summaries.at(-1);
    const lacks = (summary: Summary) => this.#seen.lacksFor(this.#nodeId, summary);
    if (running !== undefined) this.#lostNews.finalized(height, running, lacks);
  }

  #open(height: number, dealing: Dealing): void {
    // What was dealt before the running epoch is decided: nobody can complain of it any more.
    const config = this.#configOf(dealing.target);
    if (config === undefined || !has(config.dealers, dealing.dealer)) return;
    if (!this.#seen.note(height, dealing)) return;
    if (!has(config.receivers, this.#nodeId)) return;
    this.#solve({ for: 'opening', dealing }, { kind: 'open', config, dealing });
  }

  timer(token: string): void {
    if (token === DEAL) {
      this.#isDealing = true;
      return this.#deal();
    }
    if (token === REPEAT) return this.#repeat();
    this.#lostNews.timer(token);
    if (!token.startsWith(KEPT)) return this.#asks.timer(token);
    const kept = this.#kept.get(token.slice(KEPT.length));
    if (kept === undefined || kept.durable) return;
    kept.durable = true;
    this.#onShare();
    // Perhaps it is what is to be dealt on.
    if (this.#isDealing) this.#deal();
  }

  hearPeer(message: (PeerAsked | PeerAnswered) & Message): void {
    if (message.kind === 'PeerAsked') this.#asks.hearQuestion(message);
    else this.#asks.hearAnswer(message);
  }

  #deal(): void {
    for (const config of this.#summaries.at(-1)?.configs ?? []) {
      const { target, dealers } = config;
      const place = positionOf(dealers, this.#nodeId);
      const name = { target, dealer: this.#nodeId };
      if (place < 0 || this.#seen.has(name) || this.#own.has(ownName('dealing', name))) continue;
      if (this.#isUnderWay({ for: 'dealing', target })) continue;
      const oldShare = this.#shareRef(config.dealerShareKeys[place]);
      const task = { kind: 'deal', config, ...(oldShare && { oldShare }) } as const;
      this.#solve({ for: 'dealing', target, oldShare }, task);
    }
  }

  #shareRef(publicKey: Uint8Array | undefined): ShareRef | undefined {
    if (publicKey === undefined) return undefined;
    const sealed = this.sealedShare(publicKey);
    return sealed === undefined ? { publicKey } : { publicKey, sealed };
  }

  #hasCome({ publicKey, sealed }: ShareRef): boolean {
    return sealed === undefined && this.sealedShare(publicKey) !== undefined;
  }

  /** The bus forgets: what the own consensus has to hear is said until the chain shows that it has. */
  #repeat(): void {
    this.#repeating = false;
    this.#own.repeat();
    const lacks = this.#lacks();
    this.#vain = lacks ? Math.min(this.#vain + 1, 10) : 0;
    if (!this.#heard || lacks) this.#outbox.publish({ kind: 'RequestEpoch' });
    this.#repeatLater();
  }

  #repeatLater(): void {
    const idle = this.#heard && this.#own.size === 0 && !this.#lacks();
    if (this.#repeating || idle) return;
    this.#repeating = true;
    const { repeatMs, repeatMsMax } = BEACON_LIMITS;
    const delayMs = Math.min(repeatMs * 2 ** this.#vain, repeatMsMax);
    this.#outbox.add({ kind: 'wait', token: REPEAT, delayMs });
  }

  /** Whether the own chain may know something that is missing here. */
  #lacks(): boolean {
    const oldest = this.#summaries.at(0)?.height ?? 0;
    return this.#sharings.incomplete().some(({ target }) => target.summaryHeight >= oldest);
  }

  /** Keys that are generated, in force now or next, and of which the own share is not complete but may come. */
  #missing(): readonly { readonly transcript: Transcript; readonly publicKey: Uint8Array }[] {
    const running = this.#summaries.at(-1);
    if (running === undefined) return [];
    const { current, next } = running;
    return [current.low, current.high, next.low, next.high].flatMap((transcript) => {
      const publicKey = this.#ownKeyOf(transcript);
      if (publicKey === undefined) return [];
      const name = toHex(publicKey);
      return this.#kept.has(name) || this.#cheated.has(name) ? [] : [{ transcript, publicKey }];
    });
  }

  /** Of keys that were dealt in an epoch; this node is born with its shares of those of genesis. */
  #ownKeyOf({ members, shareKeys, target }: Transcript): Uint8Array | undefined {
    if (target.summaryHeight === 0) return undefined;
    return shareKeys[positionOf(members, this.#nodeId)];
  }

  #derive(): void {
    for (const { transcript, publicKey } of this.#missing()) {
      const found = this.#sharings.ownRow(transcript);
      const asked = { for: 'deriving', transcript, publicKey } as const;
      if (found === undefined || this.#isUnderWay({ for: 'deriving', target: transcript.target }))
        continue;
      this.#solve(asked, { kind: 'derive', transcript, ...found });
    }
  }

  #sayMissing(): void {
    for (const { transcript } of this.#missing()) {
      const { target } = transcript;
      if (this.#missedAt === target.summaryHeight) continue;
      if (this.#isUnderWay({ for: 'deriving', target })) continue;
      this.#missedAt = target.summaryHeight;
      this.#outbox.observe({ kind: 'ShareMissing', ...target });
    }
  }

  #isUnderWay(task: { readonly for: 'dealing' | 'deriving'; readonly target: DkgTarget }): boolean {
    for (const asked of this.#pending.values()) {
      if (asked.for === 'opening' || asked.for !== task.for) continue;
      const target = asked.for === 'dealing' ? asked.target : asked.transcript.target;
      if (nameOfTarget(target) === nameOfTarget(task.target)) return true;
    }
    return false;
  }

  solved(id: string, answer: BeaconAnswer): void {
    const asked = this.#pending.get(id);
    if (asked === undefined) return;
    this.#pending.delete(id);
    switch (asked.for) {
      case 'dealing':
        if (answer.kind !== 'dealt') return;
        if (answer.dealing !== undefined) return this.#dealt(answer.dealing);
        // The share that was missing may have come meanwhile.
        if (asked.oldShare !== undefined && this.#hasCome(asked.oldShare)) this.#deal();
        return;
      case 'opening':
        if (answer.kind === 'opened') this.#openedOne(asked.dealing, answer.complaint);
        return;
      case 'deriving':
        if (answer.kind === 'derived') this.#derived(asked, answer.sealed);
        return;
      default:
        unreachable(asked);
    }
  }

  #dealt(dealing: Dealing): void {
    const { target } = dealing;
    // The epoch is over, or the chain has shown an earlier one of ours meanwhile.
    if (target.summaryHeight !== this.#summaries.at(-1)?.height) return;
    if (this.#seen.has(dealing)) return;
    this.#outbox.observe({ kind: 'Dealt', ...target });
    this.#own.show(ownName('dealing', dealing), { kind: 'DealingMade', dealing });
    this.#vain = 0;
    this.#repeatLater();
  }

  #openedOne({ target, dealer }: Dealing, complaint: Complaint | undefined): void {
    if (complaint === undefined || this.#configOf(target) === undefined) return;
    this.#outbox.observe({ kind: 'DealerCheated', ...target, dealer: toHex(dealer) });
    this.#own.show(ownName('complaint', complaint), { kind: 'ComplaintMade', complaint });
    this.#vain = 0;
    this.#repeatLater();
  }

  #derived(
    asked: { readonly transcript: Transcript; readonly publicKey: Uint8Array },
    sealed: Uint8Array | undefined,
  ): void {
    const { target } = asked.transcript;
    const name = toHex(asked.publicKey);
    if (sealed === undefined) {
      this.#cheated.add(name);
      return this.#outbox.observe({ kind: 'ShareMissing', ...target });
    }
    const keptShare = { publicKey: asked.publicKey, sealed };
    this.#kept.set(name, { ...keptShare, durable: false });
    const entry = ENTRY.encode({ height: 0, value: new Uint8Array(0), keptShare });
    this.#outbox.add({
      kind: 'persist',
      entry,
      then: [
        { kind: 'observe', event: { kind: 'ShareKept', ...target } },
        { kind: 'wait', token: `${KEPT}${name}`, delayMs: 0 },
      ],
    });
  }

  /** Of the running epoch. */
  #configOf(target: DkgTarget): DkgConfig | undefined {
    const running = this.#summaries.at(-1);
    if (running?.height !== target.summaryHeight) return undefined;
    return running.configs.find((config) => config.target.key === target.key);
  }

  #solve(asked: Asked, task: BeaconTask): void {
    const id = `dkg/${this.#solveCount}`;
    this.#solveCount += 1;
    this.#pending.set(id, asked);
    this.#outbox.add({ kind: 'solve', id, task });
  }
}

function ownName(what: 'dealing' | 'complaint', dealt: Dealt): string {
  return `${what}/${nameOf(dealt)}`;
}
