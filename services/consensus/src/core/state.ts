// The state of the core: what rules may read (a View) and the few ways in which it changes.
import type { Instant } from '@internode/actor';
import type { PeerLinkChanged } from '@internode/contracts';
import { assert, BoundedSet } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { AbsentMakers } from './absent-makers.ts';
import { type Block, genesisOf, hashOfBlock, keyOf } from './artifact.ts';
import { EpochLog } from './epoch-log.ts';
import type { Epochs } from './epochs.ts';
import { Gathering } from './gathering.ts';
import { IngressPool } from './ingress-pool.ts';
import { KeyDesk } from './key-desk.ts';
import { Ledger } from './ledger.ts';
import { rolesOf } from './membership.ts';
import { Packages } from './packages.ts';
import { type BlockRecord, Pool } from './pool.ts';
import { RecordsKnown } from './records-known.ts';
import type { SubnetParameters } from './subnet.ts';
import { Tempo } from './tempo.ts';
import { Transcripts } from './transcripts.ts';
import { Tray } from './tray.ts';
import { UnvalidatedSection } from './unvalidated.ts';
import type { AskToken, Beacon, Tip, Unvalidated, View } from './view.ts';
import { VoteLock } from './vote-lock.ts';

const NOT_KNOWN = new Uint8Array(0);
const BEFORE_TIME: Instant = { ms: Number.NEGATIVE_INFINITY, unixNanos: 0n };

/** Beacons and tapes: from the last delivered height to a little above the notarised one. */
const VALUES_MAX = 2 * CONSENSUS_LIMITS.hardGap + 2 * CONSENSUS_LIMITS.lookAhead;

export class State implements View {
  readonly epochs: Epochs;
  readonly parameters: SubnetParameters;
  readonly replicaVersion: string | undefined;
  readonly records = new RecordsKnown();
  readonly keyDesk = new KeyDesk();
  readonly transcripts = new Transcripts();
  readonly packages = new Packages();
  readonly ingress: IngressPool;
  readonly gathering = new Gathering();
  readonly lock = new VoteLock();
  readonly tray = new Tray();
  /** Peers that have sent a certificate that does not hold: theirs are not looked at any more. */
  readonly badCertifiers = new BoundedSet<string>(CONSENSUS_LIMITS.culpritsMax, 'drop-oldest');
  /** Own votes that go to all, with their heights. */
  readonly flatVotes = new Map<string, number>();
  readonly tempo: Tempo;
  readonly absent = new AbsentMakers();
  readonly section = new UnvalidatedSection();
  readonly beacons = new Map<number, Beacon>();
  readonly tapes = new Map<number, Uint8Array>();
  readonly asked = new Map<AskToken, number>();
  now: Instant = BEFORE_TIME;
  started = false;
  settled = false;
  notarizedMs = Number.NEGATIVE_INFINITY;
  notarizedBeforeMs = Number.NEGATIVE_INFINITY;
  /** The height of which the own beacon last spoke. */
  ownBeacon = 0;
  tipMs = Number.NEGATIVE_INFINITY;
  certifiedMs = Number.NEGATIVE_INFINITY;
  pool: Pool;
  ledger: Ledger;
  delivered: number;
  certified: number;
  committed: number;
  reached = -1;
  tip: Tip;
  batchesRepeated = false;
  epochLog: EpochLog;

  constructor(epochs: Epochs, parameters: SubnetParameters, replicaVersion?: string) {
    this.epochs = epochs;
    this.parameters = parameters;
    this.replicaVersion = replicaVersion;
    this.epochLog = new EpochLog({ summary: epochs.summary, block: undefined, beacon: NOT_KNOWN });
    this.tempo = new Tempo(parameters);
    const faults = () => epochs.at(this.pool.notarized)?.subnet.faults ?? 0;
    this.ingress = new IngressPool(faults, () => this.now.ms);
    const genesis = genesisOf(epochs.subnetId, epochs.summary.current.record.version);
    this.pool = new Pool(epochs, baseRecord(genesis));
    this.ledger = new Ledger(genesis, this.epochLog.copy());
    this.delivered = 0;
    this.certified = 0;
    this.committed = 0;
    this.tip = { height: 0, workPending: false, nextTimerNanos: undefined };
  }

  get unvalidatedAt(): UnvalidatedSection['heights'] {
    return this.section.heights;
  }

  get unvalidated(): ReadonlyMap<string, Unvalidated> {
    return this.section.items;
  }

  get votesFrom(): number {
    return this.lock.from;
  }

  get journal(): Ledger['figures'] {
    return this.ledger.figures;
  }

  /** Starts anew from a block whose state is certified, and durable here or to be fetched. */
  restoreBase(block: Block, epochLog = this.epochLog): void {
    this.epochLog = epochLog;
    this.epochs.learn(epochLog.opening.summary);
    this.pool = new Pool(this.epochs, baseRecord(block));
    this.ledger = new Ledger(block, epochLog.copy());
    this.delivered = block.height;
    this.certified = block.height;
    this.committed = block.height;
    this.tip = { height: block.height, workPending: false, nextTimerNanos: undefined };
  }

  /** Starts anew from the newest package. What this node has promised above it still binds. */
  adoptPackage(): readonly Uint8Array[] {
    const { newest } = this.packages;
    assert(newest !== undefined, 'adopt: no package');
    const { pool: before, ledger: journal } = this;
    const { block, beacon } = newest.content;
    this.restoreBase(block, new EpochLog({ summary: newest.summary, block, beacon }));
    this.pool.adoptPromises(before);
    this.ledger.adoptVotes(journal);
    this.beacons.clear();
    this.tapes.clear();
    this.hearBeacon(block.height, beacon);
    this.notarizedMs = this.now.ms;
    this.lock.sawFinal(block.height, block.timeNanos);
    return this.ledger.entries();
  }

  /** A height is notarised; answers how long its round took. */
  roundEnded(height: number, rank: number): number {
    this.#missMakers(height, rank);
    this.notarizedBeforeMs = this.notarizedMs;
    this.notarizedMs = this.now.ms;
    this.tempo.notarized(height, this.now.ms);
    this.settled = true;
    return this.notarizedMs - this.notarizedBeforeMs;
  }

  hearLink(changed: PeerLinkChanged): void {
    const faults = this.epochs.at(this.pool.notarized)?.subnet.faults ?? 0;
    this.absent.linkChanged(changed, faults);
  }

  /** Whoever had a better rank than the notarised block and was waited for, in vain. In a round that is caught up nobody waits. */
  #missMakers(height: number, rank: number): void {
    const beacon = this.beacons.get(height - 1);
    const epoch = this.epochs.at(height);
    if (rank === 0 || beacon === undefined || epoch === undefined) return;
    const waitedMs = this.now.ms - Math.max(beacon.receivedMs, this.notarizedMs);
    if (waitedMs < this.tempo.unitMs / 2) return;
    const { subnet } = epoch;
    const made = new Set(
      [...(this.pool.at(height)?.blocks.values() ?? [])].map(({ maker }) => maker),
    );
    for (const maker of beacon.roles.makers.slice(0, rank)) {
      if (made.has(maker) || maker === subnet.self) continue;
      this.absent.missed(subnet.member(maker).nodeId, subnet.faults);
    }
  }

  hearBeacon(height: number, value: Uint8Array): void {
    const { pool } = this;
    this.ownBeacon = height;
    if (height < pool.finalized || height > pool.notarized + CONSENSUS_LIMITS.lookAhead) return;
    // One that comes before the members of its height are known is asked for again.
    const epoch = this.epochs.at(height + 1);
    if (epoch === undefined || this.beacons.has(height)) return;
    const roles = rolesOf(epoch.subnet.n, value);
    this.beacons.set(height, { value, roles, receivedMs: this.now.ms });
    assert(this.beacons.size <= VALUES_MAX, 'P3: too many beacons');
  }

  hearTape(height: number, value: Uint8Array): void {
    if (height <= this.delivered || height > this.pool.notarized + CONSENSUS_LIMITS.lookAhead)
      return;
    this.tapes.set(height, value);
    assert(this.tapes.size <= VALUES_MAX, 'P3: too many tapes');
  }

  hearTip(tip: Tip): void {
    assert(
      tip.height <= this.delivered,
      'execution is ahead of the journal: it is not from this data directory',
    );
    this.#heard();
    this.reached = Math.max(this.reached, tip.height);
    if (tip.height < this.tip.height) return;
    if (tip.height > this.tip.height) this.batchesRepeated = false;
    this.tip = tip;
    this.tipMs = this.now.ms;
  }

  hearCertified(height: number): void {
    assert(
      height <= this.delivered,
      'state is ahead of the journal: it is not from this data directory',
    );
    this.#heard();
    this.reached = Math.max(this.reached, height);
    const more = Math.max(0, height - this.certified);
    this.certified += more;
    if (more > 0) this.certifiedMs = this.now.ms;
    this.tempo.certified(more, this.pool.finalized - this.certified, this.now.ms);
    // What is certified was executed, whether or not execution's own word arrived.
    if (height <= this.tip.height) return;
    this.tip = { height, workPending: false, nextTimerNanos: undefined };
    this.batchesRepeated = false;
  }

  hearCommitted(height: number, durable: boolean): void {
    assert(
      height <= this.delivered,
      'state is ahead of the journal: it is not from this data directory',
    );
    if (durable) this.committed = Math.max(this.committed, height);
  }

  forgetBeaconsBelow(height: number): void {
    for (const known of this.beacons.keys()) if (known < height) this.beacons.delete(known);
  }

  #heard(): void {
    this.asked.set('certified', this.now.ms);
  }
}

function baseRecord(block: Block): BlockRecord {
  const hash = hashOfBlock(block);
  const key = keyOf(hash);
  return {
    key,
    hash,
    parentKey: keyOf(block.parent),
    block,
    proposal: undefined,
    stripped: undefined,
    maker: -1,
    ingressKeys: [],
  };
}
