// Says artifacts of peers to our services: each once, within what its peer may have said; and again while it is still on offer,
// because whoever heard it may have had no use for it yet, or died.
import { assert, BoundedSet } from '@internode/prelude';
import { PEER_LIMITS } from '../limits.ts';
import type { Library, Offered } from './library.ts';
import { type Artifact, nameOf } from './name.ts';
import type { Outbox } from './outbox.ts';
import type { Peer } from './peer.ts';

/** What may still be said again in a beat, and how much of each peer was. */
interface Left {
  messages: number;
  bytes: number;
  readonly of: Map<Peer, number>;
}

export class Speaker {
  readonly #outbox: Outbox;
  readonly #library: Library;
  readonly #said = new BoundedSet<string>(PEER_LIMITS.saidIdsMax, 'drop-oldest');
  /** Complete, and waiting until its peer may have more said. Void when its slot is used for something else. */
  readonly #waiting = new Set<Offered>();
  /**
   * By how often they were said again, each in order of when that was last; calls apart, because many of them must not hold up
   * votes.
   */
  readonly #spoken = { calls: newRounds(), others: newRounds() };
  /** Of one peer's, said again in one beat: its rubbish does not keep others from being said again. */
  sayAgainPerPeerMax: number = PEER_LIMITS.sayAgainMessagesMax;
  said = 0;
  saidAgain = 0;

  constructor(outbox: Outbox, library: Library) {
    this.#outbox = outbox;
    this.#library = library;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  wasSaid(name: string): boolean {
    return this.#said.has(name);
  }

  /** An artifact that is on offer and has just become complete. */
  hear(offered: Offered, artifact: Artifact, peer: Peer): void {
    const kept = this.#library.keep(offered, artifact);
    if (this.#said.has(offered.name)) return this.#spoke(offered);
    if (this.#mayHaveSaid(peer, artifact)) {
      this.#say(artifact, peer.nodeId);
      return this.#spoke(offered);
    }
    this.#outbox.limited(peer, 'said');
    if (kept) this.#waiting.add(offered);
  }

  /** This node offers it too: whoever made it has it, unless he has died since. Then it is as good as said just now. */
  hearOwn(offered: Offered, artifact: Artifact): void {
    this.#library.keep(offered, artifact);
    this.#spoke(offered);
  }

  /** It was asked for: said whatever was said before. */
  hearRequested(artifact: Artifact, peer: Peer, offered?: Offered): void {
    this.#say(artifact, peer.nodeId);
    if (offered === undefined) return;
    this.#library.keep(offered, artifact);
    this.#waiting.delete(offered);
    this.#spoke(offered);
  }

  /** An artifact in no slot. False when its peer has used up what it may have said. */
  hearDirect(artifact: Artifact, peer: Peer): boolean {
    if (!this.#mayHaveSaid(peer, artifact)) return false;
    this.#say(artifact, peer.nodeId);
    return true;
  }

  /** On request: whatever was said before. */
  sayNow(artifact: Artifact, fromNode: Uint8Array): void {
    this.#say(artifact, fromNode);
  }

  forget(offered: Offered): void {
    this.#waiting.delete(offered);
    this.#roundOf(offered).delete(offered);
  }

  /** What had to wait, as far as it may be said now. */
  sayWaiting(): void {
    for (const offered of this.#waiting) {
      const { artifact } = offered;
      if (artifact === undefined || this.#said.has(offered.name)) {
        this.#waiting.delete(offered);
        continue;
      }
      const peer = this.#firstWithRoom(offered, artifact);
      if (peer === undefined) continue;
      this.#waiting.delete(offered);
      this.#say(artifact, peer.nodeId);
      this.#spoke(offered);
    }
  }

  /** Says again what is due: ever more rarely while the chain moves, the oldest first, no more at once than can be used. */
  beat(isStalled: boolean): void {
    this.#sayAgain(
      (round) => PEER_LIMITS.sayAgainMs * (isStalled ? 1 : PEER_LIMITS.sayAgainGrowth ** round),
    );
  }

  /** Whoever heard it has forgotten it. */
  sayAllAgain(): void {
    this.#sayAgain(() => 0);
  }

  #sayAgain(delayMsOf: (round: number) => number): void {
    const left: Left = {
      messages: PEER_LIMITS.sayAgainMessagesMax,
      bytes: PEER_LIMITS.sayAgainBytesMax,
      of: new Map(),
    };
    for (const rounds of [this.#spoken.others, this.#spoken.calls])
      for (const [round, spoken] of rounds.entries())
        this.#sayAgainOf(spoken, delayMsOf(round), left);
  }

  #sayAgainOf(spoken: ReadonlySet<Offered>, delayMs: number, left: Left): void {
    const { ms } = this.#outbox.now;
    for (const offered of spoken) {
      const { artifact, saidMs } = offered;
      // Those said again in this step come last.
      if (saidMs === undefined || saidMs === ms || ms - saidMs < delayMs) break;
      if (left.messages <= 0 || left.bytes <= 0) break;
      const peer = this.#firstLeft(offered, left);
      if (peer === undefined) continue;
      this.#spoke(offered, offered.saidAgain + 1);
      if (artifact === undefined) continue;
      left.messages -= 1;
      left.bytes -= artifact.body.length;
      this.saidAgain += 1;
      this.#say(artifact, peer.nodeId);
    }
  }

  #firstLeft({ peers }: Offered, { of }: Left): Peer | undefined {
    for (const peer of peers.keys()) {
      const said = of.get(peer) ?? 0;
      if (said >= this.sayAgainPerPeerMax) continue;
      of.set(peer, said + 1);
      return peer;
    }
    return undefined;
  }

  #roundOf({ content, saidAgain }: Offered): Set<Offered> {
    const rounds = content.artifactKind === 'ingress' ? this.#spoken.calls : this.#spoken.others;
    const round = rounds[Math.min(saidAgain, PEER_LIMITS.sayAgainTimes - 1)];
    assert(round !== undefined, 'p2p: a round for each artifact');
    return round;
  }

  #firstWithRoom(offered: Offered, artifact: Artifact): Peer | undefined {
    for (const peer of offered.peers.keys()) if (this.#mayHaveSaid(peer, artifact)) return peer;
    return undefined;
  }

  #mayHaveSaid(peer: Peer, { artifactKind, body }: Artifact): boolean {
    const { ms } = this.#outbox.now;
    if (!peer.saidBytes.has(ms)) return false;
    const messages = artifactKind === 'ingress' ? peer.saidIngress : peer.saidOther;
    return messages.take(1, ms) && peer.saidBytes.take(body.length, ms);
  }

  #say({ artifactKind, id, body }: Artifact, fromNode: Uint8Array): void {
    this.said += 1;
    this.#said.add(nameOf(artifactKind, id));
    this.#outbox.publish(
      artifactKind === 'ingress'
        ? { kind: 'IngressReceived', id, body, fromNode }
        : { kind: 'ArtifactReceived', artifactKind, id, body, fromNode },
    );
  }

  #spoke(offered: Offered, again = 0): void {
    this.#roundOf(offered).delete(offered);
    offered.saidMs = this.#outbox.now.ms;
    offered.saidAgain = again;
    this.#roundOf(offered).add(offered);
  }
}

function newRounds(): readonly Set<Offered>[] {
  return Array.from({ length: PEER_LIMITS.sayAgainTimes }, () => new Set<Offered>());
}
