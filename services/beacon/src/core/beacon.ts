// The core of beacon: makes each random beacon, random tape and certification once enough members have signed.
// Invariants:
// B1 a beacon share of height h leaves only when height h - 1 is notarised, a tape share only when h - 1 is final;
// B2 one certification content per height, for the life of this core;
// B3 beacon values are contiguous: each is signed over the hash of the one before.
import type { Core, Input, Instant } from '@internode/actor';
import type { EpochBegan, Message } from '@internode/contracts';
import { separator, sha256 } from '@internode/encoding';
import { assert, bytesEqual, concatBytes, unreachable } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import { CatchUp } from './catch-up.ts';
import { Epochs } from './epochs.ts';
import type { BeaconEvent } from './event.ts';
import { KeyGeneration } from './key-generation.ts';
import { Offers } from './offers.ts';
import { type BeaconEffect, Outbox } from './outbox.ts';
import type { BeaconSubnet } from './subnet.ts';
import type { BeaconAnswer, BeaconTask } from './task.ts';
import { CONTENT_BYTES, ENTRY } from './wire.ts';
import { type Finished, Workshop } from './workshop.ts';

const NO_CONTENT = new Uint8Array(0);
const ASK_STATE = 'ask-state';

/** The beacon of height 0, from which everyone starts. */
export function genesisBeacon(subnetId: Uint8Array): Uint8Array {
  return sha256(concatBytes(separator('internode-genesis-beacon'), subnetId));
}

export class BeaconCore implements Core<BeaconTask, BeaconAnswer, BeaconEvent> {
  readonly #outbox = new Outbox();
  readonly #epochs: Epochs;
  readonly #offers: Offers;
  readonly #keys: KeyGeneration;
  readonly #workshop: Workshop;
  readonly #catchUp: CatchUp;
  /** The highest notarised height that consensus told of. */
  #notarized = 0;
  /** Up to here the own consensus has had the beacons that it needs. */
  #passed = 0;
  /** The highest height with a certification known here. */
  #certified = 0;
  #unjournalled: Uint8Array[] = [];
  #journalled = 0;
  #started = false;
  #askedState = false;

  constructor(config: { readonly subnet: BeaconSubnet; readonly nodeId: Uint8Array }) {
    const { subnet, nodeId } = config;
    const outbox = this.#outbox;
    const epochs = new Epochs(subnet, nodeId);
    const offers = new Offers(outbox, () => epochs.alone);
    const onShare = (): void => this.#workshop.keysChanged();
    this.#keys = new KeyGeneration({ nodeId, offers, outbox, onShare });
    this.#workshop = new Workshop({
      subnetId: subnet.subnetId,
      nodeId,
      epochs,
      offers,
      outbox,
      sealedShare: (publicKey) => this.#keys.sealedShare(publicKey),
      onFinished: (finished) => this.#finished(finished),
      onRootUnknown: () => this.#askState(),
    });
    this.#epochs = epochs;
    this.#offers = offers;
    this.#catchUp = new CatchUp(this.#workshop, offers, outbox);
    this.#workshop.histories.beacon.set(0, NO_CONTENT, genesisBeacon(subnet.subnetId));
  }

  step(now: Instant, input: Input<BeaconAnswer>): readonly BeaconEffect[] {
    const workshop = this.#workshop;
    this.#outbox.now = now;
    switch (input.kind) {
      case 'replayed':
        this.#replay(input.entry);
        return [];
      case 'started':
        this.#started = true;
        this.#outbox.observe({ kind: 'Replayed', height: workshop.marks.beacon });
        this.#sayReadiness();
        workshop.say('beacon', workshop.marks.beacon);
        workshop.offerHistory();
        this.#outbox.publish({ kind: 'RequestReceived' });
        this.#keys.start();
        this.#prepare();
        break;
      case 'message':
        this.#hear(input.message);
        break;
      case 'timer':
        if (input.token === ASK_STATE) this.#askedState = false;
        workshop.timer(input.token);
        this.#keys.timer(input.token);
        break;
      case 'solved':
        // Each knows its own questions.
        workshop.solved(input.id, input.answer);
        this.#keys.solved(input.id, input.answer);
        break;
      default:
        unreachable(input);
    }
    return this.#outbox.take();
  }

  #hear(message: Message): void {
    switch (message.kind) {
      case 'BlockNotarized':
        return this.#advanceTo({ notarized: message.height });
      case 'BlockFinalized':
        this.#passed = Math.max(this.#passed, message.height);
        this.#keys.finalized(message.height);
        return this.#advanceTo({ notarized: message.height, finalized: message.height });
      case 'RequestBeacon':
        this.#askEpoch(message.height);
        this.#passed = Math.max(this.#passed, message.height - 1);
        if (this.#sayFrom('beacon', message.height)) return this.#prepare();
        // Consensus needs it to go on, so the height before is notarised: the news was lost. Or this journal has lost its
        // end, and peers their memory of it: consensus has those values in its blocks, and hears from where on.
        if (message.height > this.#workshop.marks.beacon + 1)
          this.#workshop.say('beacon', this.#workshop.marks.beacon);
        return this.#advanceTo({ notarized: message.height - 1 });
      case 'RequestTape':
        this.#askEpoch(message.height);
        if (this.#sayFrom('tape', message.height)) return;
        return this.#advanceTo({
          notarized: message.height - 1,
          finalized: message.height - 1,
          tape: message.height,
        });
      case 'StateHashed':
        return this.#certify(message.height, message.root);
      case 'ArtifactReceived':
        return this.#workshop.hearArtifact(message);
      case 'RequestOffers':
        return this.#offers.repeat();
      case 'EpochBegan':
        return this.#enter(message);
      case 'DealingsFinalized':
        return this.#keys.dealingsFinalized(message);
      case 'CheckpointMade':
        return this.#catchUp.checkpointMade(message);
      case 'PeerAsked':
      case 'PeerAnswered':
        return this.#keys.hearPeer(message);
      case 'RequestReadiness':
        if (message.service === '' || message.service === 'beacon') this.#sayReadiness();
        return;
      default:
        return;
    }
  }

  #enter(message: EpochBegan): void {
    const { summary, beacon } = message;
    const { height } = summary;
    const isNew = this.#epochs.learn(summary);
    // Consensus starts from a package of the subnet: nothing that was made before is of use to it.
    if (isNew && beacon.length > 0 && height > this.#workshop.marks.beacon) {
      this.#workshop.jumpTo(height, beacon);
      this.#notarized = Math.max(this.#notarized, height);
      this.#passed = Math.max(this.#passed, height);
      this.#workshop.marks.tape = Math.max(this.#workshop.marks.tape, height);
    }
    if (isNew) {
      this.#outbox.observe({
        kind: 'EpochBegan',
        height,
        members: summary.current.record.nodes.length,
      });
      this.#workshop.keysChanged();
    }
    this.#keys.epochBegan(summary);
    this.#catchUp.epochBegan(message);
    this.#prepare();
  }

  #finished(finished: Finished): void {
    const { kind, height, signature } = finished;
    if (kind === 'certification') this.#certified = Math.max(this.#certified, height);
    if (kind === 'catch_up') this.#catchUp.finished(finished);
    this.#forgetEpochs();
    if (kind !== 'beacon') return;
    this.#journal(height, signature);
    this.#catchUp.prepare();
    this.#prepare();
  }

  /** Shares of an epoch are erased when everything of its heights is made. */
  #forgetEpochs(): void {
    const { marks } = this.#workshop;
    const begun = Math.min(this.#epochs.learnt ?? 0, marks.beacon, marks.tape, this.#certified);
    if (begun === 0 || begun !== this.#epochs.learnt || !this.#epochs.forgetBelow(begun)) return;
    const { shares, sharings } = this.#keys.prune(this.#epochs.ownShareKeys());
    if (shares > 0 || sharings) this.#compact();
    if (shares > 0) this.#outbox.observe({ kind: 'SharesErased', shares });
  }

  /** Consensus knows which keys a height has, and so should this service: the news of its epoch was lost. */
  #askEpoch(height: number): void {
    if (this.#epochs.at(height) === undefined) this.#outbox.publish({ kind: 'RequestEpoch' });
  }

  /** Says a value that is known, and of those that follow what its hearer can hold: it asks for one at a time. */
  #sayFrom(kind: 'beacon' | 'tape', height: number): boolean {
    if (!this.#workshop.say(kind, height)) return false;
    const history = this.#workshop.histories[kind];
    const end = height + BEACON_LIMITS.saidAtOnce;
    for (let next = height + 1; next < end && history.get(next) !== undefined; next += 1)
      this.#workshop.say(kind, next);
    return true;
  }

  #advanceTo(heights: {
    readonly notarized: number;
    readonly finalized?: number;
    readonly tape?: number;
  }): void {
    this.#notarized = Math.max(this.#notarized, heights.notarized);
    this.#workshop.marks.tape = Math.max(this.#workshop.marks.tape, heights.finalized ?? 0);
    if (heights.tape !== undefined) this.#prepareTape(heights.tape);
    this.#prepare();
  }

  /** Opens the rounds that are due next; their own shares are signed ahead and released when allowed. */
  #prepare(): void {
    const parent = this.#workshop.histories.beacon.get(this.#workshop.marks.beacon);
    assert(parent !== undefined, 'B3: the latest beacon is known');
    const height = this.#workshop.marks.beacon + 1;
    // Peers offer more than this node remembers, and its own consensus may be slower, or have lost its disk: nothing that it
    // still needs is forgotten for their sake.
    const isTime = height - BEACON_LIMITS.historyHeights <= this.#passed;
    const next = isTime ? this.#workshop.round('beacon', height) : undefined;
    if (next !== undefined) {
      next.content ??= sha256(parent.signature);
      if (this.#notarized >= next.height - 1) next.released = true;
      this.#workshop.drive(next);
    }
    this.#prepareTape(this.#workshop.marks.tape + 1);
    this.#prepareTape(this.#workshop.marks.tape + 2);
    this.#workshop.forgetOld();
  }

  #prepareTape(height: number): void {
    if (
      height < 1 ||
      height > this.#workshop.marks.tape + 2 ||
      this.#workshop.histories.tape.get(height) !== undefined
    )
      return;
    const round = this.#workshop.round('tape', height);
    if (round === undefined) return;
    round.content ??= NO_CONTENT;
    if (this.#workshop.marks.tape >= height - 1) round.released = true;
    this.#workshop.drive(round);
  }

  #certify(height: number, root: Uint8Array): void {
    if (root.length !== CONTENT_BYTES.certification) return;
    const known = this.#workshop.histories.certification.get(height);
    if (known !== undefined) {
      assert(bytesEqual(known.content, root), 'B2: another state root at a certified height');
      this.#workshop.say('certification', height);
      return;
    }
    this.#workshop.marks.certification = Math.max(this.#workshop.marks.certification, height);
    const round = this.#workshop.round('certification', height);
    if (round === undefined) return;
    assert(
      round.content === undefined || bytesEqual(round.content, root),
      'B2: another state root',
    );
    round.content = root;
    round.released = true;
    this.#workshop.drive(round);
    this.#workshop.forgetOld();
  }

  /** State knows the root that was forgotten in a crash, if it still has that height. */
  #askState(): void {
    if (this.#askedState) return;
    this.#askedState = true;
    this.#outbox.publish({ kind: 'RequestCertified' });
    this.#outbox.add({ kind: 'wait', token: ASK_STATE, delayMs: BEACON_LIMITS.askStateMs });
  }

  #sayReadiness(): void {
    const detail = this.#started ? '' : 'starts';
    this.#outbox.publish({
      kind: 'Readiness',
      service: 'beacon',
      ready: this.#started,
      height: this.#workshop.marks.beacon,
      detail,
    });
  }

  #journal(height: number, value: Uint8Array): void {
    this.#unjournalled.push(ENTRY.encode({ height, value }));
    if (this.#unjournalled.length < BEACON_LIMITS.journalEvery) return;
    for (const entry of this.#unjournalled) this.#outbox.add({ kind: 'persist', entry, then: [] });
    this.#journalled += this.#unjournalled.length;
    this.#unjournalled = [];
    if (this.#journalled >= BEACON_LIMITS.journalEntriesMax) this.#compact();
  }

  /** The journal becomes what is in force: what is erased here is erased there. */
  #compact(): void {
    const beacons = [...this.#workshop.histories.beacon.entries()].filter(
      ({ height }) => height > 0,
    );
    const entries = [
      ...this.#keys.entries(),
      ...beacons.map((kept) => ENTRY.encode({ height: kept.height, value: kept.signature })),
    ];
    this.#outbox.add({ kind: 'compact', entries });
    this.#unjournalled = [];
    this.#journalled = entries.length;
  }

  #replay(bytes: Uint8Array): void {
    const entry = ENTRY.decode(bytes);
    assert(entry.kind === 'valid', 'journal of beacon: entry is malformed');
    this.#journalled += 1;
    const { height, value, epoch } = entry.value;
    if (epoch !== undefined) this.#epochs.learn(epoch);
    this.#keys.replay(entry.value);
    if (value.length === 0) return;
    const { histories, marks } = this.#workshop;
    const parent = histories.beacon.get(height - 1);
    const content = parent === undefined ? NO_CONTENT : sha256(parent.signature);
    // Only after a catch-up package there is a gap: nothing below it is of use.
    if (parent === undefined) histories.beacon.forgetOldest(0);
    histories.beacon.set(height, content, value);
    histories.beacon.forgetOldest(BEACON_LIMITS.historyHeights);
    marks.beacon = height;
    this.#passed = Math.max(0, height - BEACON_LIMITS.historyHeights);
    this.#notarized = Math.max(this.#notarized, height - 1);
  }
}
