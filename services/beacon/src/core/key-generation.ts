// This node's part in generating keys: it deals, opens what others dealt to it, complains, and keeps the shares that come of
// it. What it knows of dealings comes from final blocks only; what it holds is sealed, and durable before it is used.
import type {
  Complaint,
  Dealing,
  DealingsFinalized,
  DkgConfig,
  DkgTarget,
  KeptShare,
  Message,
  OpenedShare,
  Summary,
  Transcript,
} from '@internode/contracts';
import { bytesEqual, toHex, unreachable } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import type { OfferId, Offers } from './offers.ts';
import type { Outbox } from './outbox.ts';
import type { BeaconAnswer, BeaconTask, ShareRef } from './task.ts';
import { COMPLAINT, DEALING, ENTRY } from './wire.ts';

type Asked =
  | { readonly for: 'dealing'; readonly config: DkgConfig }
  | { readonly for: 'opening'; readonly config: DkgConfig; readonly dealing: Dealing }
  | { readonly for: 'deriving'; readonly transcript: Transcript; readonly publicKey: Uint8Array };

/** An own dealing or complaint, shown until the chain has it. */
interface OwnPart {
  readonly target: DkgTarget;
  readonly message: Message;
  readonly offer: OfferId | undefined;
}

const DEAL = 'dkg/deal';
const REPEAT = 'dkg/repeat';
const KEPT = 'dkg/kept/';

export class KeyGeneration {
  readonly #nodeId: Uint8Array;
  readonly #offers: Offers;
  readonly #outbox: Outbox;
  readonly #onShare: () => void;
  /** The summary before the running one, and that; ascending. */
  #summaries: Summary[] = [];
  /** Whether consensus has spoken in this life. */
  #heard = false;
  #dealtFor: number | undefined;
  readonly #own = new Map<string, OwnPart>();
  /** By target and dealer: at which height its dealing stands. */
  readonly #seen = new Map<string, number>();
  readonly #opened = new Map<string, OpenedShare>();
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
    this.#offers = options.offers;
    this.#outbox = options.outbox;
    this.#onShare = options.onShare;
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
    readonly openedShare?: OpenedShare | undefined;
  }): void {
    const { epoch, keptShare, openedShare } = entry;
    if (epoch !== undefined) this.#advance(epoch);
    if (keptShare !== undefined)
      this.#kept.set(toHex(keptShare.publicKey), { ...keptShare, durable: true });
    if (openedShare !== undefined) this.#opened.set(nameOf(openedShare), openedShare);
  }

  /** What must be in the journal to come back here. */
  entries(): Uint8Array[] {
    const value = { height: 0, value: new Uint8Array(0) };
    return [
      ...this.#summaries.map((epoch) => ENTRY.encode({ ...value, epoch })),
      ...[...this.#kept.values()].map(({ publicKey, sealed }) =>
        ENTRY.encode({ ...value, keptShare: { publicKey, sealed } }),
      ),
      ...[...this.#opened.values()].map((openedShare) => ENTRY.encode({ ...value, openedShare })),
    ];
  }

  /** A summary is final: the running one again, or the next. */
  epochBegan(summary: Summary): void {
    const running = this.#summaries.at(-1);
    if (running !== undefined && summary.height < running.height) return;
    this.#heard = true;
    if (running === undefined || summary.height > running.height) {
      this.#advance(summary);
      this.#persist({ epoch: summary });
    }
    this.#derive('say what is missing');
    if (this.#dealtFor === summary.height) return;
    this.#dealtFor = summary.height;
    // What the chain has of an epoch that is not new comes right after: then nothing is dealt twice.
    if (summary.configs.some(({ dealers }) => has(dealers, this.#nodeId)))
      this.#outbox.add({ kind: 'wait', token: DEAL, delayMs: BEACON_LIMITS.dealAfterMs });
    this.#repeatLater();
  }

  #advance(summary: Summary): void {
    this.#summaries = [...this.#summaries.slice(-1), summary];
    for (const [name, part] of this.#own) {
      if (part.target.summaryHeight < summary.height) this.#withdraw(name);
    }
    for (const [name, { target }] of this.#opened) {
      if (this.#configOf(target) === undefined) this.#opened.delete(name);
    }
    this.#seen.clear();
    this.#vain = 0;
  }

  /** Shares of keys that are out of sight are forgotten; the caller compacts the journal. Answers how many there were. */
  prune(inSight: ReadonlySet<string>): number {
    let gone = 0;
    for (const name of this.#kept.keys()) {
      if (inSight.has(name)) continue;
      this.#kept.delete(name);
      gone += 1;
    }
    return gone;
  }

  dealingsFinalized({ height, dealings, complaints }: DealingsFinalized): void {
    for (const dealing of dealings) {
      if (bytesEqual(dealing.dealer, this.#nodeId)) this.#withdraw(ownName('dealing', dealing));
      this.#open(height, dealing);
    }
    // One complaint convicts a dealer: another is of no use.
    for (const complaint of complaints) this.#withdraw(ownName('complaint', complaint));
  }

  #open(height: number, dealing: Dealing): void {
    const config = this.#configOf(dealing.target);
    if (config === undefined || !has(config.receivers, this.#nodeId)) return;
    if (!has(config.dealers, dealing.dealer)) return;
    const name = nameOf(dealing);
    const seen = this.#seen.get(name);
    // Of two dealings of one dealer the lower one counts.
    if (seen !== undefined && seen <= height) return;
    this.#seen.set(name, height);
    if (seen === undefined && this.#opened.has(name)) return;
    this.#solve({ for: 'opening', config, dealing }, { kind: 'open', config, dealing });
  }

  timer(token: string): void {
    if (token === DEAL) return this.#deal();
    if (token === REPEAT) return this.#repeat();
    if (!token.startsWith(KEPT)) return;
    const kept = this.#kept.get(token.slice(KEPT.length));
    if (kept === undefined || kept.durable) return;
    kept.durable = true;
    this.#onShare();
  }

  #deal(): void {
    for (const config of this.#summaries.at(-1)?.configs ?? []) {
      const { target, dealers } = config;
      const place = dealers.findIndex((dealer) => bytesEqual(dealer, this.#nodeId));
      const name = { target, dealer: this.#nodeId };
      if (place < 0 || this.#seen.has(nameOf(name)) || this.#own.has(ownName('dealing', name)))
        continue;
      const oldShare = this.#shareRef(config.dealerShareKeys[place]);
      const task = { kind: 'deal', config, ...(oldShare && { oldShare }) } as const;
      this.#solve({ for: 'dealing', config }, task);
    }
  }

  #shareRef(publicKey: Uint8Array | undefined): ShareRef | undefined {
    if (publicKey === undefined) return undefined;
    const sealed = this.sealedShare(publicKey);
    return sealed === undefined ? { publicKey } : { publicKey, sealed };
  }

  /** The bus forgets: what the own consensus has to hear is said until the chain shows that it has. */
  #repeat(): void {
    this.#repeating = false;
    for (const { message } of this.#own.values()) this.#outbox.publish(message);
    const lacks = this.#missing().length > 0;
    this.#vain = lacks ? Math.min(this.#vain + 1, 10) : 0;
    if (!this.#heard || lacks) this.#outbox.publish({ kind: 'RequestEpoch' });
    this.#repeatLater();
  }

  #repeatLater(): void {
    const idle = this.#heard && this.#own.size === 0 && this.#missing().length === 0;
    if (this.#repeating || idle) return;
    this.#repeating = true;
    const { repeatMs, repeatMsMax } = BEACON_LIMITS;
    const delayMs = Math.min(repeatMs * 2 ** this.#vain, repeatMsMax);
    this.#outbox.add({ kind: 'wait', token: REPEAT, delayMs });
  }

  /** Keys that are generated, in force now or next, and of which the own share is not complete. */
  #missing(): readonly { readonly transcript: Transcript; readonly config: DkgConfig }[] {
    const running = this.#summaries.at(-1);
    if (running === undefined) return [];
    const { current, next } = running;
    const missing = [];
    for (const transcript of [current.low, current.high, next.low, next.high]) {
      const publicKey = this.#ownKeyOf(transcript);
      const config = this.#configOf(transcript.target);
      if (publicKey === undefined || config === undefined) continue;
      if (!this.#kept.has(toHex(publicKey))) missing.push({ transcript, config });
    }
    return missing;
  }

  /** Of keys that were dealt by an epoch's dealers; those of genesis are not ours to derive. */
  #ownKeyOf({ members, shareKeys, dealers }: Transcript): Uint8Array | undefined {
    if (dealers.length === 0) return undefined;
    return shareKeys[members.findIndex((member) => bytesEqual(member, this.#nodeId))];
  }

  #derive(mode: 'quietly' | 'say what is missing'): void {
    for (const { transcript, config } of this.#missing()) {
      const { target } = transcript;
      const publicKey = this.#ownKeyOf(transcript);
      if (publicKey === undefined || this.#isDeriving(publicKey)) continue;
      const opened = transcript.dealers.flatMap((dealer) => {
        const share = this.#opened.get(nameOf({ target, dealer }));
        return share === undefined ? [] : [{ dealer, sealed: share.sealed }];
      });
      if (opened.length === transcript.dealers.length) {
        const task = { kind: 'derive', config, transcript, opened } as const;
        this.#solve({ for: 'deriving', transcript, publicKey }, task);
      } else if (mode === 'say what is missing' && this.#missedAt !== target.summaryHeight) {
        this.#missedAt = target.summaryHeight;
        this.#outbox.observe({ kind: 'ShareMissing', ...target });
      }
    }
  }

  #isDeriving(publicKey: Uint8Array): boolean {
    for (const asked of this.#pending.values()) {
      if (asked.for === 'deriving' && bytesEqual(asked.publicKey, publicKey)) return true;
    }
    return false;
  }

  solved(id: string, answer: BeaconAnswer): void {
    const asked = this.#pending.get(id);
    if (asked === undefined) return;
    this.#pending.delete(id);
    switch (asked.for) {
      case 'dealing':
        if (answer.kind === 'dealt' && answer.dealing !== undefined) this.#dealt(answer.dealing);
        return;
      case 'opening':
        if (answer.kind === 'opened') this.#openedOne(asked.dealing, answer);
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
    if (this.#seen.has(nameOf(dealing))) return;
    this.#outbox.observe({ kind: 'Dealt', ...target });
    const offer = this.#offers.publish('dealing', DEALING.encode(dealing));
    this.#show(ownName('dealing', dealing), {
      target,
      offer,
      message: { kind: 'DealingMade', dealing },
    });
  }

  #openedOne(
    dealing: Dealing,
    answer: { readonly sealed: Uint8Array | undefined; readonly complaint: Complaint | undefined },
  ): void {
    const { target, dealer } = dealing;
    if (this.#configOf(target) === undefined) return;
    if (answer.sealed !== undefined) {
      const openedShare = { target, dealer, sealed: answer.sealed };
      this.#opened.set(nameOf(dealing), openedShare);
      this.#persist({ openedShare });
      return this.#derive('quietly');
    }
    // What was dealt before the running epoch is decided.
    if (answer.complaint === undefined || target.summaryHeight !== this.#summaries.at(-1)?.height)
      return;
    this.#outbox.observe({ kind: 'DealerCheated', ...target, dealer: toHex(dealer) });
    const { complaint } = answer;
    const offer = this.#offers.publish('complaint', COMPLAINT.encode(complaint));
    this.#show(ownName('complaint', complaint), {
      target,
      offer,
      message: { kind: 'ComplaintMade', complaint },
    });
  }

  #derived(
    asked: { readonly transcript: Transcript; readonly publicKey: Uint8Array },
    sealed: Uint8Array | undefined,
  ): void {
    const { target } = asked.transcript;
    if (sealed === undefined) return this.#outbox.observe({ kind: 'ShareMissing', ...target });
    const keptShare = { publicKey: asked.publicKey, sealed };
    const name = toHex(asked.publicKey);
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

  #show(name: string, part: OwnPart): void {
    this.#withdraw(name);
    this.#own.set(name, part);
    this.#vain = 0;
    this.#outbox.publish(part.message);
    this.#repeatLater();
  }

  #withdraw(name: string): void {
    this.#offers.withdraw(this.#own.get(name)?.offer);
    this.#own.delete(name);
  }

  #configOf(target: DkgTarget): DkgConfig | undefined {
    for (const { height, configs } of this.#summaries) {
      if (height !== target.summaryHeight) continue;
      return configs.find((config) => config.target.key === target.key);
    }
    return undefined;
  }

  #persist(fact: { readonly epoch: Summary } | { readonly openedShare: OpenedShare }): void {
    const entry = ENTRY.encode({ height: 0, value: new Uint8Array(0), ...fact });
    this.#outbox.add({ kind: 'persist', entry, then: [] });
  }

  #solve(asked: Asked, task: BeaconTask): void {
    const id = `dkg/${this.#solveCount}`;
    this.#solveCount += 1;
    this.#pending.set(id, asked);
    this.#outbox.add({ kind: 'solve', id, task });
  }
}

interface Dealt {
  readonly target: DkgTarget;
  readonly dealer: Uint8Array;
}

function nameOf({ target, dealer }: Dealt): string {
  return `${target.summaryHeight}/${target.key}/${toHex(dealer)}`;
}

function ownName(what: 'dealing' | 'complaint', dealt: Dealt): string {
  return `${what}/${nameOf(dealt)}`;
}

function has(nodes: readonly Uint8Array[], node: Uint8Array): boolean {
  return nodes.some((other) => bytesEqual(other, node));
}
