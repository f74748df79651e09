// Where values are made: the rounds under way, what peers sent for them, and the finished values of late.
import type { ArtifactReceived } from '@internode/contracts';
import { assert, bytesEqual, toHex, unreachable } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import { combineTask, Patience } from './agreement.ts';
import { type Epochs, ownShareKey, sameSharing } from './epochs.ts';
import type { BeaconEvent } from './event.ts';
import { History } from './history.ts';
import type { Offers } from './offers.ts';
import type { Outbox } from './outbox.ts';
import { isLarge, relay, sendTo } from './relays.ts';
import { KEY_OF, messageOf, nameOf, ROUND_KINDS, Round, type RoundKind } from './round.ts';
import { roundOfToken } from './round-timers.ts';
import type { BeaconAnswer, BeaconTask, ShareRef } from './task.ts';
import { kindOf, readArtifact, SHARE, VALUE } from './wire.ts';

type Asked =
  | { readonly round: Round; readonly for: 'share' | 'combine' }
  /** The signature that is being checked: the peer may claim another one meanwhile. */
  | {
      readonly round: Round;
      readonly for: 'claim';
      readonly peer: string;
      readonly signature: Uint8Array;
    };

export interface Finished {
  readonly kind: RoundKind;
  readonly height: number;
  readonly content: Uint8Array;
  readonly signature: Uint8Array;
}

export interface WorkshopOptions {
  readonly subnetId: Uint8Array;
  readonly nodeId: Uint8Array;
  readonly epochs: Epochs;
  readonly offers: Offers;
  readonly outbox: Outbox;
  /** The sealed share of this public key, when it was generated and is durable. */
  readonly sealedShare: (publicKey: Uint8Array) => Uint8Array | undefined;
  /** Told of each new value; beacons come in order. */
  readonly onFinished: (finished: Finished) => void;
  /** Told when a peer lacks a certification whose root this node does not know. */
  readonly onRootUnknown: () => void;
}

const NO_CONTENT = new Uint8Array(0);

export class Workshop {
  readonly histories: Readonly<Record<RoundKind, History>> = {
    beacon: new History(),
    tape: new History(),
    certification: new History(),
    catch_up: new History(),
  };
  /** Around which heights there is work: of the latest beacon, of finality, of the latest state root. */
  readonly marks: Record<RoundKind, number> = {
    beacon: 0,
    tape: 0,
    certification: 0,
    catch_up: 0,
  };
  readonly #options: WorkshopOptions;
  readonly #rounds = new Map<string, Round>();
  /** Members that sent a bad share: finding that out costs a check per share, so no more are taken from them in this epoch. */
  readonly #culprits = new Set<string>();
  /** Public keys of own shares that the solver does not have. */
  readonly #absent = new Set<string>();
  readonly #pending = new Map<string, Asked>();
  readonly #patience: Patience;
  #solveCount = 0;

  constructor(options: WorkshopOptions) {
    this.#options = options;
    this.#patience = new Patience(options.outbox);
  }

  /** Does for a round what can be done now: sign, show, combine, check a claim. */
  drive(round: Round): void {
    const { content, kind, height, ring } = round;
    if (content === undefined) return;
    const message = messageOf(kind, { subnetId: this.#options.subnetId, height, content });
    if (round.own === 'none') this.#signOwn(round, message);
    this.#show(round);
    if (round.busy) return;
    const { threshold, groupPublicKey } = ring;
    const shares = round.fittingShares();
    const [first] = shares;
    if (threshold === 1 && first !== undefined && first.index === ring.self) {
      // With a polynomial of degree 0 every share is the value, and the own one needs no check.
      const made = { kind: 'ValueMade', value: kind, height, shares: 1 } as const;
      return this.#finish(round, first.signature, made);
    }
    if (shares.length >= threshold) {
      if (this.#patience.waits(round, shares.length)) return;
      round.busy = true;
      return this.#solve({ round, for: 'combine' }, combineTask(round, message, shares));
    }
    const claim = round.nextClaim();
    if (claim === undefined) return;
    round.busy = true;
    const { peer, signature } = claim;
    this.#solve(
      { round, for: 'claim', peer, signature },
      { kind: 'verify', key: KEY_OF[kind], publicKey: groupPublicKey, message, signature },
    );
  }

  /** A reference to the own share of the round's key. */
  #signOwn(round: Round, message: Uint8Array): void {
    const publicKey = ownShareKey(round.ring);
    if (publicKey === undefined || this.#absent.has(toHex(publicKey))) {
      round.own = 'absent';
      return;
    }
    const sealed = this.#options.sealedShare(publicKey);
    const share: ShareRef = sealed === undefined ? { publicKey } : { publicKey, sealed };
    round.own = 'signing';
    const key = KEY_OF[round.kind];
    this.#solve({ round, for: 'share' }, { kind: 'sign-share', key, share, message });
  }

  #show(round: Round): void {
    const { own, content, height, kind } = round;
    if (!round.released || round.ownShown || !(own instanceof Uint8Array) || content === undefined)
      return;
    round.ownShown = true;
    const { nodeId, offers, epochs } = this.#options;
    if (epochs.alone) return;
    const body = SHARE.encode({ height, content, signer: nodeId, signature: own });
    if (isLarge(round.ring)) this.#relay(round, body);
    else round.offer = offers.publish(`${kind}_share`, body);
  }

  #relay(round: Round, body: Uint8Array): void {
    const seed = this.histories.beacon.get(round.height - 1)?.signature ?? NO_CONTENT;
    relay(this.#options, { round, body, seed });
  }

  timer(token: string): void {
    const impatient = this.#rounds.get(roundOfToken('agree', token) ?? '');
    if (impatient !== undefined && this.#patience.ends(impatient)) return this.drive(impatient);
    const round = this.#rounds.get(roundOfToken('relay', token) ?? '');
    if (round === undefined || round.offer !== undefined) return;
    const { own, content, height } = round;
    if (!(own instanceof Uint8Array) || content === undefined) return;
    const signer = this.#options.nodeId;
    this.#relay(round, SHARE.encode({ height, content, signer, signature: own }));
  }

  solved(id: string, answer: BeaconAnswer): void {
    const asked = this.#pending.get(id);
    if (asked === undefined) return;
    this.#pending.delete(id);
    const { round } = asked;
    if (asked.for !== 'share') round.busy = false;
    // Made, received or given up meanwhile.
    if (this.#rounds.get(nameOf(round.kind, round.height)) !== round) return;
    const { kind, height } = round;
    switch (answer.kind) {
      case 'share-signed':
        this.#signed(round, answer.signature);
        break;
      case 'combined':
        if (answer.agreed) this.#patience.pays(kind);
        for (const index of answer.culprits) this.#suspect(round, index);
        if (answer.signature !== undefined) {
          const shares = round.ring.threshold;
          const made = { kind: 'ValueMade', value: kind, height, shares } as const;
          return this.#finish(round, answer.signature, made);
        }
        break;
      case 'verified': {
        assert(asked.for === 'claim', 'beacon: not the answer to this task');
        if (round.claims.get(asked.peer)?.signature === asked.signature)
          round.claims.delete(asked.peer);
        if (answer.good) {
          return this.#finish(round, asked.signature, {
            kind: 'ValueReceived',
            value: kind,
            height,
          });
        }
        this.#options.outbox.observe({ kind: 'ValueBad', value: kind, height, peer: asked.peer });
        break;
      }
      default:
        assert(false, 'beacon: not an answer to a round');
    }
    this.drive(round);
  }

  #signed(round: Round, signature: Uint8Array | undefined): void {
    round.own = signature ?? 'absent';
    const publicKey = ownShareKey(round.ring);
    if (signature === undefined && publicKey !== undefined) this.#absent.add(toHex(publicKey));
  }

  #suspect(round: Round, index: number): void {
    const { kind, height, ring } = round;
    const holder = ring.holders[index];
    if (holder === undefined) return;
    this.#culprits.add(toHex(holder));
    for (const other of this.#rounds.values()) {
      const place = other.ring.indexOf.get(toHex(holder));
      if (place !== undefined) other.shares.delete(place);
    }
    this.#options.outbox.observe({ kind: 'ShareBad', value: kind, height, member: index });
  }

  #finish(round: Round, signature: Uint8Array, event: BeaconEvent): void {
    const { kind, height, content } = round;
    assert(content !== undefined, 'beacon: finished without content');
    this.#options.offers.withdraw(round.offer);
    this.#rounds.delete(nameOf(kind, height));
    this.histories[kind].set(height, content, signature);
    this.#options.outbox.observe(event);
    // In a large subnet those who made it offer it, not everybody who has it.
    const offered = kind !== 'catch_up' && !(isLarge(round.ring) && event.kind === 'ValueReceived');
    if (offered) this.#offer(kind, height);
    this.say(kind, height);
    if (kind === 'beacon') {
      assert(height === this.marks.beacon + 1, 'B3: beacons are made in order');
      this.marks.beacon = height;
    }
    this.#options.onFinished({ kind, height, content, signature });
  }

  hearArtifact(message: ArtifactReceived): void {
    const { artifactKind, body } = message;
    const kind = kindOf(artifactKind);
    if (kind === undefined) return;
    const peer = toHex(message.fromNode);
    const { epochs, nodeId, outbox } = this.#options;
    const reject = (reason: string): void =>
      outbox.observe({ kind: 'ArtifactRejected', artifact: artifactKind, peer, reason });
    const read = readArtifact(kind, artifactKind, body);
    if (read.kind !== 'valid') return reject(read.reason);
    const { height, content, signature } = read.value;
    // A share comes from its signer, so that nobody takes another's place; a value may come from anyone.
    const stolen = 'signer' in read.value && !bytesEqual(read.value.signer, message.fromNode);
    const own = bytesEqual(message.fromNode, nodeId);
    const isShare = artifactKind !== kind;
    // The own consensus brings values that its blocks hold.
    if (stolen || (own && isShare)) return reject('not from its signer');
    // Who is about to be a member means well, and there is nothing that only it could bring.
    if (!own && !epochs.knows(peer)) return;
    if (!this.#isWanted(kind, height, isShare)) {
      if (isShare) this.#answer(kind, height, message.fromNode);
      return;
    }
    const round = this.round(kind, height);
    if (round === undefined) return;
    if (!isShare) {
      round.claims.set(peer, { content, signature });
    } else {
      const index = round.ring.indexOf.get(peer);
      if (index === undefined || this.#culprits.has(peer)) return;
      round.shares.set(index, { content, signature });
    }
    if (kind === 'certification' && round.content === undefined) this.#options.onRootUnknown();
    // A peer that lacks an old tape cannot make it alone. Whoever has forgotten it in a crash signs again (B1: it is due).
    if (kind === 'tape' && height <= this.marks.tape + 1) {
      round.content ??= NO_CONTENT;
      round.released = true;
    }
    this.drive(round);
  }

  /** In a large subnet whoever still sends a share of what is made lacks the value. */
  #answer(kind: RoundKind, height: number, peer: Uint8Array): void {
    const known = kind === 'catch_up' ? undefined : this.histories[kind].get(height);
    const ring = this.#options.epochs.at(height)?.[KEY_OF[kind]];
    if (known === undefined || ring === undefined || !isLarge(ring)) return;
    const { content, signature } = known;
    const body = VALUE.encode({ height, content, signature });
    sendTo(this.#options.outbox, [peer], { artifactKind: kind, body });
  }

  #isWanted(kind: RoundKind, height: number, isShare: boolean): boolean {
    if (height < 1 || this.histories[kind].get(height) !== undefined) return false;
    const { lookAhead, historyHeights } = BEACON_LIMITS;
    // A node that lags is offered as many values as others keep: it takes them all, they may not be said again soon.
    const end = (mark: number): number => mark + (isShare ? lookAhead : historyHeights);
    switch (kind) {
      case 'beacon':
        return height > this.marks.beacon && height <= end(this.marks.beacon);
      case 'tape':
        return height > this.marks.tape - historyHeights && height <= end(this.marks.tape);
      case 'certification':
        return (
          height > this.marks.certification - historyHeights &&
          height <= end(this.marks.certification)
        );
      case 'catch_up':
        // Only of summaries: that of the running epoch, and the one after it.
        return height > this.marks.catch_up && this.#options.epochs.at(height)?.from === height;
      default:
        return unreachable(kind);
    }
  }

  /** Undefined when the keys of this height are not known yet, or no more. */
  round(kind: RoundKind, height: number): Round | undefined {
    const name = nameOf(kind, height);
    const known = this.#rounds.get(name);
    const ring = this.#options.epochs.at(height)?.[KEY_OF[kind]];
    if (known !== undefined || ring === undefined) return known;
    const round = new Round(kind, height, ring);
    this.#rounds.set(name, round);
    return round;
  }

  /** Keys have changed, or an own share has come: what is under way with others begins again. */
  keysChanged(): void {
    this.#absent.clear();
    this.#culprits.clear();
    for (const [name, old] of [...this.#rounds]) {
      const ring = this.#options.epochs.at(old.height)?.[KEY_OF[old.kind]];
      if (ring !== undefined && sameSharing(ring, old.ring) && old.own !== 'absent') continue;
      this.#options.offers.withdraw(old.offer);
      this.#rounds.delete(name);
      const round = this.round(old.kind, old.height);
      if (round === undefined || old.content === undefined) continue;
      round.content = old.content;
      round.released = old.released;
      this.drive(round);
    }
  }

  forgetOld(): void {
    const { historyHeights } = BEACON_LIMITS;
    for (const [name, round] of this.#rounds) {
      const lowest = this.marks[round.kind] - (round.kind === 'catch_up' ? 0 : historyHeights);
      if (round.height > lowest) continue;
      this.#options.offers.withdraw(round.offer);
      this.#rounds.delete(name);
    }
    for (const kind of ROUND_KINDS) {
      for (const { offer } of this.histories[kind].forgetOldest(historyHeights)) {
        this.#options.offers.withdraw(offer);
      }
    }
  }

  /** The beacon goes on from a value that the subnet has signed in a catch-up package; nothing before it is known. */
  jumpTo(height: number, beacon: Uint8Array): void {
    for (const { offer } of this.histories.beacon.forgetOldest(0)) {
      this.#options.offers.withdraw(offer);
    }
    this.histories.beacon.set(height, NO_CONTENT, beacon);
    this.marks.beacon = height;
    for (const [name, round] of this.#rounds) {
      if (round.kind !== 'beacon' || round.height > height) continue;
      this.#options.offers.withdraw(round.offer);
      this.#rounds.delete(name);
    }
  }

  /** Says a value that is known. */
  say(kind: RoundKind, height: number): boolean {
    const { outbox } = this.#options;
    const known = this.histories[kind].get(height);
    if (known === undefined) {
      const latest = kind === 'beacon' ? this.marks.beacon : 0;
      if (height <= latest) outbox.observe({ kind: 'ValueForgotten', value: kind, height });
      return false;
    }
    const { content: root, signature } = known;
    if (kind === 'beacon') outbox.publish({ kind: 'BeaconValue', height, value: signature });
    else if (kind === 'tape') outbox.publish({ kind: 'TapeValue', height, value: signature });
    else if (kind === 'certification')
      outbox.publish({ kind: 'CertificationValue', height, root, signature });
    return true;
  }

  /** After a restart: what the journal remembers, to peers that lag. The oldest's parent is unknown. */
  offerHistory(): void {
    for (const { height, content } of this.histories.beacon.entries()) {
      if (content.length > 0) this.#offer('beacon', height);
    }
  }

  #offer(kind: Exclude<RoundKind, 'catch_up'>, height: number): void {
    const kept = this.histories[kind].get(height);
    if (this.#options.epochs.alone || kept === undefined) return;
    const { content, signature } = kept;
    kept.offer = this.#options.offers.publish(kind, VALUE.encode({ height, content, signature }));
  }

  #solve(asked: Asked, task: BeaconTask): void {
    const id = `round/${this.#solveCount}`;
    this.#solveCount += 1;
    this.#pending.set(id, asked);
    this.#options.outbox.add({ kind: 'solve', id, task });
  }
}
