// Where values are made: the rounds under way, what peers sent for them, and the finished values of late.
import type { ArtifactReceived, ThresholdShare, ThresholdValue } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { assert, bytesEqual, toHex, unreachable, type Verdict } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import type { BeaconEvent } from './event.ts';
import { History } from './history.ts';
import type { Outbox } from './outbox.ts';
import { KEY_OF, messageOf, Round, type RoundKind } from './round.ts';
import type { BeaconSubnet } from './subnet.ts';
import type { BeaconAnswer, BeaconTask } from './task.ts';
import { faultOf, kindOf, SHARE, VALUE } from './wire.ts';

type Asked =
  | { readonly round: Round; readonly for: 'share' | 'combine' }
  | { readonly round: Round; readonly for: 'claim'; readonly peer: string };

export class Workshop {
  readonly histories: Readonly<Record<RoundKind, History>> = {
    beacon: new History(),
    tape: new History(),
    certification: new History(),
  };
  /** Around which heights there is work: of the latest beacon, of finality, of the latest state root. */
  readonly marks: Record<RoundKind, number> = { beacon: 0, tape: 0, certification: 0 };
  readonly #subnet: BeaconSubnet;
  readonly #nodeId: Uint8Array;
  readonly #self: number;
  readonly #outbox: Outbox;
  readonly #onBeacon: (height: number, value: Uint8Array) => void;
  readonly #indexOf = new Map<string, number>();
  readonly #rounds = new Map<string, Round>();
  /** Members that sent a bad share: finding that out costs a check per share, so no more are taken from them. */
  readonly #culprits = new Set<number>();
  readonly #pending = new Map<string, Asked>();
  #solveCount = 0;

  constructor(options: {
    readonly subnet: BeaconSubnet;
    readonly nodeId: Uint8Array;
    readonly outbox: Outbox;
    /** Told of each new beacon, in order. */
    readonly onBeacon: (height: number, value: Uint8Array) => void;
  }) {
    const { subnet, nodeId, outbox, onBeacon } = options;
    this.#subnet = subnet;
    this.#nodeId = nodeId;
    this.#outbox = outbox;
    this.#onBeacon = onBeacon;
    for (const [index, member] of subnet.members.entries()) {
      this.#indexOf.set(toHex(member.nodeId), index);
    }
    const self = this.#indexOf.get(toHex(nodeId));
    assert(self !== undefined, 'beacon: this node is not a member');
    this.#self = self;
  }

  get #alone(): boolean {
    return this.#subnet.members.length === 1;
  }

  /** Does for a round what can be done now: sign, show, combine, check a claim. */
  drive(round: Round): void {
    const { content, kind, height } = round;
    if (content === undefined) return;
    const key = KEY_OF[kind];
    const message = messageOf(kind, { subnetId: this.#subnet.subnetId, height, content });
    if (round.own === 'none') {
      round.own = 'signing';
      this.#solve({ round, for: 'share' }, { kind: 'sign-share', key, message });
    }
    this.#show(round);
    if (round.busy) return;
    const { threshold } = this.#subnet[key];
    const shares = round.fittingShares(this.#self);
    const [first] = shares;
    if (threshold === 1 && first?.index === this.#self) {
      // With a polynomial of degree 0 every share is the value, and the own one needs no check.
      return this.#finish(round, first.signature, {
        kind: 'ValueMade',
        value: kind,
        height,
        shares: 1,
      });
    }
    if (shares.length >= threshold) {
      round.busy = true;
      return this.#solve({ round, for: 'combine' }, { kind: 'combine', key, message, shares });
    }
    const claim = round.nextClaim();
    if (claim === undefined) return;
    round.busy = true;
    const { peer, signature } = claim;
    this.#solve({ round, for: 'claim', peer }, { kind: 'verify', key, message, signature });
  }

  #show(round: Round): void {
    const { own, content, height, kind } = round;
    if (!round.released || round.ownShown || !(own instanceof Uint8Array) || content === undefined)
      return;
    round.ownShown = true;
    if (this.#alone) return;
    const body = SHARE.encode({ height, content, signer: this.#nodeId, signature: own });
    this.#outbox.publish({
      kind: 'PublishArtifact',
      artifactKind: `${kind}_share`,
      id: sha256(body),
      body,
    });
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
        round.own = answer.signature;
        break;
      case 'combined':
        for (const member of answer.culprits) {
          this.#culprits.add(member);
          for (const other of this.#rounds.values()) other.shares.delete(member);
          this.#outbox.observe({ kind: 'ShareBad', value: kind, height, member });
        }
        if (answer.signature !== undefined) {
          const shares = this.#subnet[KEY_OF[kind]].threshold;
          return this.#finish(round, answer.signature, {
            kind: 'ValueMade',
            value: kind,
            height,
            shares,
          });
        }
        break;
      case 'verified': {
        assert(asked.for === 'claim', 'beacon: not the answer to this task');
        const claim = round.claims.get(asked.peer);
        round.claims.delete(asked.peer);
        if (answer.good && claim !== undefined) {
          return this.#finish(round, claim.signature, {
            kind: 'ValueReceived',
            value: kind,
            height,
          });
        }
        this.#outbox.observe({ kind: 'ValueBad', value: kind, height, peer: asked.peer });
        break;
      }
      default:
        unreachable(answer);
    }
    this.drive(round);
  }

  #finish(round: Round, signature: Uint8Array, event: BeaconEvent): void {
    const { kind, height, content } = round;
    assert(content !== undefined, 'beacon: finished without content');
    this.#withdrawShare(round);
    this.#rounds.delete(nameOf(kind, height));
    this.histories[kind].set(height, content, signature);
    this.#outbox.observe(event);
    if (!this.#alone) this.#offerValue(kind, { height, content, signature });
    this.say(kind, height);
    if (kind !== 'beacon') return;
    assert(height === this.marks.beacon + 1, 'B3: beacons are made in order');
    this.marks.beacon = height;
    this.#onBeacon(height, signature);
  }

  hearArtifact(message: ArtifactReceived): void {
    const { artifactKind, body } = message;
    const kind = kindOf(artifactKind);
    if (kind === undefined) return;
    const peer = toHex(message.fromNode);
    const isShare = artifactKind !== kind;
    const decoded: Verdict<ThresholdShare | ThresholdValue> = isShare
      ? SHARE.decode(body)
      : VALUE.decode(body);
    const fault = decoded.kind === 'valid' ? faultOf(kind, decoded.value) : decoded.reason;
    if (decoded.kind !== 'valid' || fault !== undefined) {
      return this.#outbox.observe({
        kind: 'ArtifactRejected',
        artifact: artifactKind,
        peer,
        reason: fault ?? '',
      });
    }
    const { height, content, signature } = decoded.value;
    const sender = this.#indexOf.get(peer);
    // A share comes from its signer, so that nobody takes another's place; a value may come from anyone.
    const stolen = 'signer' in decoded.value && !bytesEqual(decoded.value.signer, message.fromNode);
    if (sender === undefined || sender === this.#self || stolen) {
      return this.#outbox.observe({
        kind: 'ArtifactRejected',
        artifact: artifactKind,
        peer,
        reason: 'not from its signer',
      });
    }
    if (!this.#isWanted(kind, height)) return;
    const round = this.round(kind, height);
    if (isShare && this.#culprits.has(sender)) return;
    if (isShare) round.shares.set(sender, { content, signature });
    else round.claims.set(peer, { content, signature });
    this.drive(round);
  }

  #isWanted(kind: RoundKind, height: number): boolean {
    if (height < 1 || this.histories[kind].get(height) !== undefined) return false;
    const { lookAhead, historyHeights } = BEACON_LIMITS;
    switch (kind) {
      case 'beacon':
        return height > this.marks.beacon && height <= this.marks.beacon + lookAhead;
      case 'tape':
        return height > this.marks.tape - historyHeights && height <= this.marks.tape + lookAhead;
      case 'certification':
        return (
          height > this.marks.certification - historyHeights &&
          height <= this.marks.certification + lookAhead
        );
      default:
        return unreachable(kind);
    }
  }

  round(kind: RoundKind, height: number): Round {
    const name = nameOf(kind, height);
    let round = this.#rounds.get(name);
    if (round === undefined) {
      round = new Round(kind, height);
      this.#rounds.set(name, round);
    }
    return round;
  }

  forgetOld(): void {
    const { historyHeights } = BEACON_LIMITS;
    for (const [name, round] of this.#rounds) {
      if (round.height > this.marks[round.kind] - historyHeights) continue;
      this.#withdrawShare(round);
      this.#rounds.delete(name);
    }
    for (const kind of ['beacon', 'tape', 'certification'] as const) {
      for (const { height, content, signature } of this.histories[kind].forgetOldest(
        historyHeights,
      )) {
        if (this.#alone) continue;
        const id = sha256(VALUE.encode({ height, content, signature }));
        this.#outbox.publish({ kind: 'WithdrawArtifact', artifactKind: kind, id });
      }
    }
  }

  #withdrawShare(round: Round): void {
    const { own, content, height, kind, ownShown } = round;
    if (this.#alone || !ownShown || !(own instanceof Uint8Array) || content === undefined) return;
    const id = sha256(SHARE.encode({ height, content, signer: this.#nodeId, signature: own }));
    this.#outbox.publish({ kind: 'WithdrawArtifact', artifactKind: `${kind}_share`, id });
  }

  /** Says a value that is known. */
  say(kind: RoundKind, height: number): boolean {
    const known = this.histories[kind].get(height);
    if (known === undefined) {
      const latest = { beacon: this.marks.beacon, tape: 0, certification: 0 }[kind];
      if (height <= latest) this.#outbox.observe({ kind: 'ValueForgotten', value: kind, height });
      return false;
    }
    const { content: root, signature } = known;
    if (kind === 'beacon') this.#outbox.publish({ kind: 'BeaconValue', height, value: signature });
    else if (kind === 'tape') this.#outbox.publish({ kind: 'TapeValue', height, value: signature });
    else this.#outbox.publish({ kind: 'CertificationValue', height, root, signature });
    return true;
  }

  /** After a restart: what the journal remembers, to peers that lag. The oldest's parent is unknown. */
  offerHistory(): void {
    if (this.#alone) return;
    for (const { height, content, signature } of this.histories.beacon.entries()) {
      if (content.length > 0) this.#offerValue('beacon', { height, content, signature });
    }
  }

  #offerValue(kind: RoundKind, value: ThresholdValue): void {
    const body = VALUE.encode(value);
    this.#outbox.publish({ kind: 'PublishArtifact', artifactKind: kind, id: sha256(body), body });
  }

  #solve(asked: Asked, task: BeaconTask): void {
    const id = String(this.#solveCount);
    this.#solveCount += 1;
    this.#pending.set(id, asked);
    this.#outbox.add({ kind: 'solve', id, task });
  }
}

function nameOf(kind: RoundKind, height: number): string {
  return `${kind}/${height}`;
}
