// The core of beacon: makes each random beacon, random tape and certification once enough members have signed.
// Invariants:
// B1 a beacon share of height h leaves only when height h - 1 is notarised, a tape share only when h - 1 is final;
// B2 one certification content per height, for the life of this core;
// B3 beacon values are contiguous: each is signed over the hash of the one before.
import type { Core, Effect, Input, Instant } from '@internode/actor';
import {
  type ArtifactKind,
  type ArtifactReceived,
  contract,
  decodeBeaconEntry,
  decodeThresholdShare,
  decodeThresholdValue,
  encodeBeaconEntry,
  encodeThresholdShare,
  encodeThresholdValue,
  type Message,
  type ThresholdShare,
  type ThresholdValue,
} from '@internode/contracts';
import { separator, sha256 } from '@internode/encoding';
import { assert, bytesEqual, concatBytes, toHex, unreachable, type Verdict } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import type { BeaconEvent } from './event.ts';
import { History } from './history.ts';
import { KEY_OF, messageOf, Round, type RoundKind } from './round.ts';
import type { BeaconSubnet } from './subnet.ts';
import type { BeaconAnswer, BeaconTask } from './task.ts';

const SHARE = contract('ThresholdShare', 'types', 'threshold_share', encodeThresholdShare, decodeThresholdShare);
const VALUE = contract('ThresholdValue', 'types', 'threshold_value', encodeThresholdValue, decodeThresholdValue);
const ENTRY = contract('BeaconEntry', 'types', 'beacon_entry', encodeBeaconEntry, decodeBeaconEntry);

const CONTENT_BYTES: Readonly<Record<RoundKind, number>> = { beacon: 32, tape: 0, certification: 32 };
const SIGNATURE_BYTES = 48;
const NO_CONTENT = new Uint8Array(0);

type BeaconEffect = Effect<BeaconTask, BeaconEvent>;
type Asked = { readonly round: Round; readonly for: 'share' | 'combine' } | { readonly round: Round; readonly for: 'claim'; readonly peer: string };

/** The beacon of height 0, from which everyone starts. */
export function genesisBeacon(subnetId: Uint8Array): Uint8Array {
  return sha256(concatBytes(separator('internode-genesis-beacon'), subnetId));
}

export class BeaconCore implements Core<BeaconTask, BeaconAnswer, BeaconEvent> {
  readonly #subnet: BeaconSubnet;
  readonly #self: number;
  readonly #nodeId: Uint8Array;
  readonly #indexOf = new Map<string, number>();
  readonly #rounds = new Map<string, Round>();
  /** Members that sent a bad share: finding that out costs a check per share, so no more are taken from them. */
  readonly #culprits = new Set<number>();
  readonly #pending = new Map<string, Asked>();
  readonly #beacons = new History();
  readonly #tapes = new History();
  readonly #certifications = new History();
  #solveCount = 0;
  /** Latest known heights: of the beacon; of notarisation and finality, as consensus told. */
  #latest = 0;
  #notarized = 0;
  #finalized = 0;
  #hashed = 0;
  #unjournalled: Uint8Array[] = [];
  #journalled = 0;
  #started = false;
  #effects: BeaconEffect[] = [];

  constructor(config: { readonly subnet: BeaconSubnet; readonly nodeId: Uint8Array }) {
    const { subnet, nodeId } = config;
    this.#subnet = subnet;
    this.#nodeId = nodeId;
    for (const [index, member] of subnet.members.entries()) this.#indexOf.set(toHex(member.nodeId), index);
    const self = this.#indexOf.get(toHex(nodeId));
    assert(self !== undefined, 'beacon: this node is not a member');
    this.#self = self;
    this.#beacons.set(0, NO_CONTENT, genesisBeacon(subnet.subnetId));
  }

  step(_now: Instant, input: Input<BeaconAnswer>): readonly BeaconEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case 'replayed':
        this.#replay(input.entry);
        return [];
      case 'started':
        this.#started = true;
        this.#observe({ kind: 'Replayed', height: this.#latest });
        this.#sayReadiness();
        this.#say('beacon', this.#latest);
        this.#offerHistory();
        this.#prepare();
        break;
      case 'message':
        this.#hear(input.message);
        break;
      case 'timer':
        break;
      case 'solved':
        this.#solved(input.id, input.answer);
        break;
      default:
        unreachable(input);
    }
    return this.#effects;
  }

  get #alone(): boolean {
    return this.#subnet.members.length === 1;
  }

  #hear(message: Message): void {
    switch (message.kind) {
      case 'BlockNotarized':
        return this.#advanceTo({ notarized: message.height });
      case 'BlockFinalized':
        return this.#advanceTo({ notarized: message.height, finalized: message.height });
      case 'RequestBeacon':
        if (this.#say('beacon', message.height)) return;
        // Consensus needs it to go on, so the height before is notarised: the news was lost.
        return this.#advanceTo({ notarized: message.height - 1 });
      case 'RequestTape':
        if (this.#say('tape', message.height)) return;
        return this.#advanceTo({ notarized: message.height - 1, finalized: message.height - 1, tape: message.height });
      case 'StateHashed':
        return this.#certify(message.height, message.root);
      case 'ArtifactReceived':
        return this.#hearArtifact(message);
      case 'RequestReadiness':
        if (message.service === '' || message.service === 'beacon') this.#sayReadiness();
        return;
      default:
        return;
    }
  }

  #advanceTo(heights: { readonly notarized: number; readonly finalized?: number; readonly tape?: number }): void {
    this.#notarized = Math.max(this.#notarized, heights.notarized);
    this.#finalized = Math.max(this.#finalized, heights.finalized ?? 0);
    if (heights.tape !== undefined) this.#prepareTape(heights.tape);
    this.#prepare();
  }

  /** Opens the rounds that are due next; their own shares are signed ahead and released when allowed. */
  #prepare(): void {
    const parent = this.#beacons.get(this.#latest);
    assert(parent !== undefined, 'B3: the latest beacon is known');
    const next = this.#round('beacon', this.#latest + 1);
    next.content ??= sha256(parent.signature);
    if (this.#notarized >= next.height - 1) next.released = true;
    this.#drive(next);
    this.#prepareTape(this.#finalized + 1);
    this.#prepareTape(this.#finalized + 2);
    this.#forgetOld();
  }

  #prepareTape(height: number): void {
    if (height < 1 || height > this.#finalized + 2 || this.#tapes.get(height) !== undefined) return;
    const round = this.#round('tape', height);
    round.content ??= NO_CONTENT;
    if (this.#finalized >= height - 1) round.released = true;
    this.#drive(round);
  }

  #certify(height: number, root: Uint8Array): void {
    if (root.length !== CONTENT_BYTES.certification) return;
    const known = this.#certifications.get(height);
    if (known !== undefined) {
      assert(bytesEqual(known.content, root), 'B2: another state root at a certified height');
      this.#say('certification', height);
      return;
    }
    this.#hashed = Math.max(this.#hashed, height);
    const round = this.#round('certification', height);
    assert(round.content === undefined || bytesEqual(round.content, root), 'B2: another state root');
    round.content = root;
    round.released = true;
    this.#drive(round);
    this.#forgetOld();
  }

  /** Does for a round what can be done now: sign, show, combine, check a claim. */
  #drive(round: Round): void {
    const { content, kind, height } = round;
    if (content === undefined || !this.#started) return;
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
      return this.#finish(round, first.signature, { kind: 'ValueMade', value: kind, height, shares: 1 });
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
    if (!round.released || round.ownShown || !(own instanceof Uint8Array) || content === undefined) return;
    round.ownShown = true;
    if (this.#alone) return;
    const body = SHARE.encode({ height, content, signer: this.#nodeId, signature: own });
    this.#publish({ kind: 'PublishArtifact', artifactKind: `${kind}_share`, id: sha256(body), body });
  }

  #solved(id: string, answer: BeaconAnswer): void {
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
          this.#observe({ kind: 'ShareBad', value: kind, height, member });
        }
        if (answer.signature !== undefined) {
          const shares = this.#subnet[KEY_OF[kind]].threshold;
          return this.#finish(round, answer.signature, { kind: 'ValueMade', value: kind, height, shares });
        }
        break;
      case 'verified': {
        assert(asked.for === 'claim', 'beacon: not the answer to this task');
        const claim = round.claims.get(asked.peer);
        round.claims.delete(asked.peer);
        if (answer.good && claim !== undefined) {
          return this.#finish(round, claim.signature, { kind: 'ValueReceived', value: kind, height });
        }
        this.#observe({ kind: 'ValueBad', value: kind, height, peer: asked.peer });
        break;
      }
      default:
        unreachable(answer);
    }
    this.#drive(round);
  }

  #finish(round: Round, signature: Uint8Array, event: BeaconEvent): void {
    const { kind, height, content } = round;
    assert(content !== undefined, 'beacon: finished without content');
    this.#withdrawShare(round);
    this.#rounds.delete(nameOf(kind, height));
    this.#historyOf(kind).set(height, content, signature);
    this.#observe(event);
    if (!this.#alone) this.#offerValue(kind, { height, content, signature });
    this.#say(kind, height);
    if (kind !== 'beacon') return;
    assert(height === this.#latest + 1, 'B3: beacons are made in order');
    this.#latest = height;
    this.#journal(height, signature);
    this.#prepare();
  }

  #hearArtifact(message: ArtifactReceived): void {
    const { artifactKind, body } = message;
    const kind = kindOf(artifactKind);
    if (kind === undefined) return;
    const peer = toHex(message.fromNode);
    const isShare = artifactKind !== kind;
    const decoded: Verdict<ThresholdShare | ThresholdValue> = isShare ? SHARE.decode(body) : VALUE.decode(body);
    const fault = decoded.kind === 'valid' ? this.#faultOf(kind, decoded.value) : decoded.reason;
    if (decoded.kind !== 'valid' || fault !== undefined) {
      return this.#observe({ kind: 'ArtifactRejected', artifact: artifactKind, peer, reason: fault ?? '' });
    }
    const { height, content, signature } = decoded.value;
    const sender = this.#indexOf.get(peer);
    // A share comes from its signer, so that nobody takes another's place; a value may come from anyone.
    const stolen = 'signer' in decoded.value && !bytesEqual(decoded.value.signer, message.fromNode);
    if (sender === undefined || sender === this.#self || stolen) {
      return this.#observe({ kind: 'ArtifactRejected', artifact: artifactKind, peer, reason: 'not from its signer' });
    }
    if (!this.#isWanted(kind, height)) return;
    const round = this.#round(kind, height);
    if (isShare && this.#culprits.has(sender)) return;
    if (isShare) round.shares.set(sender, { content, signature });
    else round.claims.set(peer, { content, signature });
    this.#drive(round);
  }

  #faultOf(kind: RoundKind, signed: { readonly content: Uint8Array; readonly signature: Uint8Array }): string | undefined {
    if (signed.content.length !== CONTENT_BYTES[kind]) return 'content length';
    return signed.signature.length === SIGNATURE_BYTES ? undefined : 'signature length';
  }

  #isWanted(kind: RoundKind, height: number): boolean {
    if (height < 1 || this.#historyOf(kind).get(height) !== undefined) return false;
    const { lookAhead, historyHeights } = BEACON_LIMITS;
    switch (kind) {
      case 'beacon':
        return height > this.#latest && height <= this.#latest + lookAhead;
      case 'tape':
        return height > this.#finalized - historyHeights && height <= this.#finalized + lookAhead;
      case 'certification':
        return height > this.#hashed - historyHeights && height <= this.#hashed + lookAhead;
      default:
        return unreachable(kind);
    }
  }

  #round(kind: RoundKind, height: number): Round {
    const name = nameOf(kind, height);
    let round = this.#rounds.get(name);
    if (round === undefined) {
      round = new Round(kind, height);
      this.#rounds.set(name, round);
    }
    return round;
  }

  #forgetOld(): void {
    const { historyHeights } = BEACON_LIMITS;
    const oldest = { beacon: this.#latest, tape: this.#finalized, certification: this.#hashed } as const;
    for (const [name, round] of this.#rounds) {
      if (round.height > oldest[round.kind] - historyHeights) continue;
      this.#withdrawShare(round);
      this.#rounds.delete(name);
    }
    for (const kind of ['beacon', 'tape', 'certification'] as const) {
      for (const { height, content, signature } of this.#historyOf(kind).forgetOldest(historyHeights)) {
        if (this.#alone) continue;
        const id = sha256(VALUE.encode({ height, content, signature }));
        this.#publish({ kind: 'WithdrawArtifact', artifactKind: kind, id });
      }
    }
  }

  #withdrawShare(round: Round): void {
    const { own, content, height, kind, ownShown } = round;
    if (this.#alone || !ownShown || !(own instanceof Uint8Array) || content === undefined) return;
    const id = sha256(SHARE.encode({ height, content, signer: this.#nodeId, signature: own }));
    this.#publish({ kind: 'WithdrawArtifact', artifactKind: `${kind}_share`, id });
  }

  #historyOf(kind: RoundKind): History {
    return { beacon: this.#beacons, tape: this.#tapes, certification: this.#certifications }[kind];
  }

  /** Says a value that is known. */
  #say(kind: RoundKind, height: number): boolean {
    const known = this.#historyOf(kind).get(height);
    if (known === undefined) {
      const latest = { beacon: this.#latest, tape: 0, certification: 0 }[kind];
      if (height <= latest) this.#observe({ kind: 'ValueForgotten', value: kind, height });
      return false;
    }
    const { content: root, signature } = known;
    if (kind === 'beacon') this.#publish({ kind: 'BeaconValue', height, value: signature });
    else if (kind === 'tape') this.#publish({ kind: 'TapeValue', height, value: signature });
    else this.#publish({ kind: 'CertificationValue', height, root, signature });
    return true;
  }

  /** After a restart: what the journal remembers, to peers that lag. The oldest's parent is unknown. */
  #offerHistory(): void {
    if (this.#alone) return;
    for (const { height, content, signature } of this.#beacons.entries()) {
      if (content.length > 0) this.#offerValue('beacon', { height, content, signature });
    }
  }

  #offerValue(kind: RoundKind, value: ThresholdValue): void {
    const body = VALUE.encode(value);
    this.#publish({ kind: 'PublishArtifact', artifactKind: kind, id: sha256(body), body });
  }

  #sayReadiness(): void {
    const detail = this.#started ? '' : 'starts';
    this.#publish({ kind: 'Readiness', service: 'beacon', ready: this.#started, height: this.#latest, detail });
  }

  #journal(height: number, value: Uint8Array): void {
    this.#unjournalled.push(ENTRY.encode({ height, value }));
    if (this.#unjournalled.length < BEACON_LIMITS.journalEvery) return;
    for (const entry of this.#unjournalled) this.#effects.push({ kind: 'persist', entry, then: [] });
    this.#journalled += this.#unjournalled.length;
    this.#unjournalled = [];
    if (this.#journalled < BEACON_LIMITS.journalEntriesMax) return;
    const entries = [...this.#beacons.entries()].map((kept) => ENTRY.encode({ height: kept.height, value: kept.signature }));
    this.#effects.push({ kind: 'compact', entries });
    this.#journalled = entries.length;
  }

  #replay(bytes: Uint8Array): void {
    const entry = ENTRY.decode(bytes);
    assert(entry.kind === 'valid', 'journal of beacon: entry is malformed');
    const { height, value } = entry.value;
    const parent = this.#beacons.get(height - 1);
    const content = parent === undefined ? NO_CONTENT : sha256(parent.signature);
    assert(this.#journalled === 0 || parent !== undefined, 'B3: a gap in the journal of beacon');
    this.#beacons.set(height, content, value);
    this.#beacons.forgetOldest(BEACON_LIMITS.historyHeights);
    this.#latest = height;
    this.#notarized = Math.max(this.#notarized, height - 1);
    this.#journalled += 1;
  }

  #solve(asked: Asked, task: BeaconTask): void {
    const id = String(this.#solveCount);
    this.#solveCount += 1;
    this.#pending.set(id, asked);
    this.#effects.push({ kind: 'solve', id, task });
  }

  #publish(message: Message): void {
    this.#effects.push({ kind: 'publish', message });
  }

  #observe(event: BeaconEvent): void {
    this.#effects.push({ kind: 'observe', event });
  }
}

function nameOf(kind: RoundKind, height: number): string {
  return `${kind}/${height}`;
}

function kindOf(artifactKind: ArtifactKind): RoundKind | undefined {
  switch (artifactKind) {
    case 'beacon':
    case 'beacon_share':
      return 'beacon';
    case 'tape':
    case 'tape_share':
      return 'tape';
    case 'certification':
    case 'certification_share':
      return 'certification';
    default:
      return undefined;
  }
}
