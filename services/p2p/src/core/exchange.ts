// Everything between this node and the others: who they are, what comes in frames and what leaves in them.
import type {
  ArtifactKind,
  FetchArtifacts,
  FrameReceived,
  PeerAddress,
  PeerLinkChanged,
  PeerPart,
  PublishArtifact,
  RequestArtifacts,
  SendArtifact,
} from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { bytesEqual } from '@internode/prelude';
import { FETCH_LIMITS, FRAME_LIMITS, OFFER_LIMITS, PEER_LIMITS } from '../limits.ts';
import { Asks } from './asks.ts';
import { chunksOf } from './assembly.ts';
import { circleOf } from './circle.ts';
import type { Misdeed } from './event.ts';
import { type Fetched, Fetcher } from './fetcher.ts';
import { type Part, PEER_FRAME } from './frame.ts';
import { ID_BYTES, Incoming } from './incoming.ts';
import { Library } from './library.ts';
import { type Artifact, nameOf } from './name.ts';
import type { Outbox } from './outbox.ts';
import { Outgoing } from './outgoing.ts';
import { Members, type Peer } from './peer.ts';
import { slotsOf } from './slot-table.ts';
import { Speaker } from './speaker.ts';

/** What this node's own users brought, and what is final. */
export interface OwnIngress {
  named(name: string): Artifact | undefined;
  recent(name: string): Artifact | undefined;
  keepRecent(name: string, artifact: Artifact): void;
  /** Says it to consensus again. */
  say(name: string): void;
}

export class Exchange {
  readonly members = new Members();
  readonly library = new Library();
  readonly outgoing: Outgoing;
  readonly #outbox: Outbox;
  readonly #own: OwnIngress;
  readonly #speaker: Speaker;
  readonly #fetcher: Fetcher;
  readonly #incoming: Incoming;
  readonly asks: Asks;
  #framesReceived = 0;
  #beats = 0;
  #movedMs = Number.NEGATIVE_INFINITY;
  #saidAllMs = Number.NEGATIVE_INFINITY;

  constructor(outbox: Outbox, own: OwnIngress) {
    this.#outbox = outbox;
    this.#own = own;
    const { members, library } = this;
    this.outgoing = new Outgoing(outbox, members);
    this.#speaker = new Speaker(outbox, library);
    this.#fetcher = new Fetcher(outbox, members, library);
    this.asks = new Asks(outbox, members);
    this.#incoming = new Incoming({
      outbox,
      library,
      speaker: this.#speaker,
      fetcher: this.#fetcher,
      own: (name) => this.outgoing.table.get(name) ?? own.named(name),
      onGone: (artifact) => {
        const { artifactKind, id } = artifact;
        if (artifactKind === 'ingress') own.keepRecent(nameOf(artifactKind, id), artifact);
      },
    });
  }

  /** Bodies that are asked for. */
  get wanted(): number {
    return this.#fetcher.size;
  }

  /** These are the other members now; of whoever is none any more, nothing is kept. */
  setMembers(addresses: readonly PeerAddress[], self: Uint8Array): void {
    const before = this.members.size;
    for (const peer of this.members.set(addresses)) this.#forget(peer);
    const others = addresses.map(({ nodeId }) => nodeId);
    if (this.members.setCircle(circleOf(self, others))) this.outgoing.circleChanged();
    const { size } = this.members;
    if (before === 0 && size === 0) return;
    this.#share(size);
    this.#outbox.observe({ kind: 'MembersChanged', members: size });
    this.#sayConnect();
    if (size > 0) this.#outbox.startTimer('beat', PEER_LIMITS.beatMs);
  }

  hearLink({ peer: nodeId, up }: PeerLinkChanged): void {
    const peer = this.members.get(nodeId);
    if (peer === undefined) return;
    if (up) return this.#linkUp(peer);
    if (!peer.up) return;
    this.members.setUp(peer, false);
    this.#outbox.observe({ kind: 'LinkChanged', peer: peer.key, up });
    this.#fetcher.linkDown(peer);
    this.asks.linkDown(peer);
    peer.table.wantedMs = undefined;
  }

  hearFrame({ peer: nodeId, frame }: FrameReceived): void {
    const peer = this.members.get(nodeId);
    if (peer === undefined) return this.#misbehaved('', 'not a member');
    this.#framesReceived += 1;
    if (frame.length > FRAME_LIMITS.frameBytesMax)
      return this.#misbehaved(peer.key, 'frame too large');
    const { ms } = this.#outbox.now;
    const mayBeHeard = peer.mayBeHeard(frame.length, ms);
    const forMs = peer.pauseMs(ms);
    if (forMs > 0) this.#outbox.publish({ kind: 'PausePeer', peer: nodeId, forMs });
    if (!mayBeHeard) return this.#outbox.limited(peer, 'heard');
    const decoded = PEER_FRAME.decode(frame);
    if (decoded.kind !== 'valid') return this.#misbehaved(peer.key, 'frame malformed');
    const { life, parts } = decoded.value;
    peer.chargeParts(countParts(parts), ms);
    if (life === 0) return this.#misbehaved(peer.key, 'frame malformed');
    // The news that its link is up may be late, or lost.
    this.#linkUp(peer);
    if (!this.#incoming.meet(peer, life)) return;
    for (const { part } of parts) {
      const misdeed = this.#hearPart(peer, part);
      if (misdeed !== undefined) this.#misbehaved(peer.key, misdeed);
    }
    this.#fetcher.send();
    this.#lookAfterWaiting();
  }

  publishArtifact({ artifactKind, id, body }: PublishArtifact): void {
    const name = nameOf(artifactKind, id);
    const wasBrought = this.library.get(name) !== undefined || this.#speaker.wasSaid(name);
    if (this.outgoing.offer({ artifactKind, id, body }, wasBrought)) return;
    this.#outbox.observe({ kind: 'SlotTableFull', artifact: artifactKind });
  }

  sendArtifact({ artifactKind, id, body, toNodes }: SendArtifact): void {
    if (body.length > OFFER_LIMITS.urgentBytesMax) {
      this.#outbox.observe({ kind: 'SlotTableFull', artifact: artifactKind });
      return;
    }
    for (const nodeId of toNodes) {
      const peer = this.members.get(nodeId);
      if (peer !== undefined)
        this.#outbox.send(peer, { kind: 'direct', direct: { artifactKind, id, body } });
    }
  }

  requestArtifacts({ artifactKind, ids, fromNode }: RequestArtifacts): void {
    const first = this.members.get(fromNode);
    for (const id of ids) {
      if (id.length !== ID_BYTES) continue;
      const name = nameOf(artifactKind, id);
      if (this.#own.named(name) !== undefined) {
        this.#own.say(name);
        continue;
      }
      const offered = this.library.get(name);
      const artifact = offered?.artifact ?? this.#own.recent(name);
      if (artifact === undefined) this.#fetcher.request(artifactKind, id, first);
      else this.#speaker.sayNow(artifact, this.#bringerOf(offered?.peers.keys(), first));
    }
    this.#fetcher.send();
  }

  blame(nodeId: Uint8Array): void {
    const peer = this.members.get(nodeId);
    if (peer === undefined) return;
    peer.blame(this.#outbox.now.ms);
    this.#outbox.limited(peer, 'blamed');
  }

  /** Whoever has heard what peers offer has forgotten it. Not more often than by itself. */
  sayAllAgain(): void {
    const { ms } = this.#outbox.now;
    if (ms - this.#saidAllMs < PEER_LIMITS.beatMs) return;
    this.#saidAllMs = ms;
    this.#speaker.sayAllAgain();
  }

  /** A block became final: what is on offer has been of use. */
  chainMoved(): void {
    this.#movedMs = this.#outbox.now.ms;
  }

  beat(): void {
    const isStalled = this.#outbox.now.ms - this.#movedMs > PEER_LIMITS.stalledMs;
    this.#beats += 1;
    if (this.#beats % OFFER_LIMITS.connectBeats === 0) this.#sayConnect();
    const turn = this.members.nextFar(PEER_LIMITS.farPerBeat);
    this.outgoing.beat(isStalled, turn);
    // Those who tell us nothing unless we ask may have what others keep from us.
    if (isStalled) for (const peer of turn) this.#incoming.wantAll(peer);
    for (const peer of this.members.up) this.#incoming.catchUp(peer);
    this.#speaker.beat(isStalled);
    this.#outbox.tellComplaints();
    this.#tellFigures();
    if (this.members.size > 0) this.#outbox.startTimer('beat', PEER_LIMITS.beatMs);
  }

  lookAfter(): void {
    this.#speaker.sayWaiting();
    this.#fetcher.lookAfter();
    this.#lookAfterWaiting();
  }

  /** Room is shared out among so many. */
  #share(members: number): void {
    const slots = slotsOf(members);
    this.outgoing.table.slotsMax = slots;
    this.#incoming.slotsMax = Math.floor(slots * PEER_LIMITS.slotsTolerance);
    const { bodyBytesMax, bodyBytesPerPeerMax, sayAgainMessagesMax } = PEER_LIMITS;
    this.#speaker.sayAgainPerPeerMax = Math.ceil(sayAgainMessagesMax / Math.max(1, members));
    this.library.bytesPerPeerMax = Math.min(
      bodyBytesPerPeerMax,
      Math.floor(bodyBytesMax / Math.max(1, members)),
    );
  }

  #hearPart(peer: Peer, part: Part): Misdeed | undefined {
    switch (part.kind) {
      case 'updates':
        return this.#incoming.hearUpdates(peer, part.updates);
      case 'want':
        this.outgoing.hearWant(peer, part.want);
        return undefined;
      case 'fetch':
        return this.#serve(peer, part.fetch);
      case 'chunk': {
        const fetched = this.#fetcher.hearChunk(peer, part.chunk);
        if (fetched === undefined || typeof fetched === 'string') return fetched;
        this.#deliver(fetched);
        return undefined;
      }
      case 'direct':
        return this.#hearDirect(peer, part.direct);
      case 'ask':
        return this.asks.hearQuestion(peer, part.ask);
      case 'answer':
        return this.asks.hearAnswer(peer, part.answer);
      default:
        return part satisfies never;
    }
  }

  #hearDirect(peer: Peer, artifact: Artifact): Misdeed | undefined {
    const { id, body } = artifact;
    if (id.length !== ID_BYTES || !bytesEqual(sha256(body), id))
      return 'body is not what the id says';
    if (!this.#speaker.hearDirect(artifact, peer)) this.#outbox.limited(peer, 'said');
    return undefined;
  }

  #deliver({ artifact, peer, requested }: Fetched): void {
    const { artifactKind, id } = artifact;
    const offered = this.library.get(nameOf(artifactKind, id));
    if (requested) this.#speaker.hearRequested(artifact, peer, offered);
    else if (offered !== undefined) this.#speaker.hear(offered, artifact, peer);
  }

  /** Bodies for a peer, as far as they are here and its turn allows. */
  #serve(peer: Peer, { artifactKind, ids }: FetchArtifacts): Misdeed | undefined {
    const { ms } = this.#outbox.now;
    for (const id of ids.slice(0, FETCH_LIMITS.idsPerRequestMax)) {
      if (id.length !== ID_BYTES) return 'frame malformed';
      const body = this.#find(artifactKind, id)?.body;
      if (!peer.served.take(ID_BYTES + (body?.length ?? 0), ms)) {
        this.#outbox.limited(peer, 'served');
        return undefined;
      }
      const chunks = body === undefined || body.length === 0 ? MISSING : chunksOf(body);
      for (const chunk of chunks) {
        const bulk = chunks.length > 1;
        this.#outbox.send(peer, { kind: 'chunk', chunk: { artifactKind, id, ...chunk } }, bulk);
      }
    }
    return undefined;
  }

  #find(artifactKind: ArtifactKind, id: Uint8Array): Artifact | undefined {
    const name = nameOf(artifactKind, id);
    return (
      this.outgoing.table.get(name) ??
      this.#own.named(name) ??
      this.library.get(name)?.artifact ??
      this.#own.recent(name)
    );
  }

  #linkUp(peer: Peer): void {
    if (peer.up) return;
    this.members.setUp(peer, true);
    this.outgoing.tellCommit(peer);
    this.#outbox.observe({ kind: 'LinkChanged', peer: peer.key, up: true });
    this.#incoming.want(peer);
    this.#fetcher.send();
  }

  #forget(peer: Peer): void {
    this.members.setUp(peer, false);
    this.#fetcher.linkDown(peer);
    this.asks.linkDown(peer);
    this.#incoming.forget(peer);
    this.outgoing.forget(peer);
  }

  #bringerOf(peers: Iterable<Peer> | undefined, first: Peer | undefined): Uint8Array {
    for (const { nodeId } of peers ?? []) return nodeId;
    return first?.nodeId ?? new Uint8Array(0);
  }

  #lookAfterWaiting(): void {
    if (this.#speaker.isWaiting) this.#outbox.startTimer('look-after', FETCH_LIMITS.lookAfterMs);
  }

  #sayConnect(): void {
    const peers = [...this.members.values()].map(({ address }) => address);
    this.#outbox.publish({ kind: 'ConnectPeers', peers });
  }

  #misbehaved(peer: string, what: Misdeed): void {
    this.#outbox.misbehaved(peer, what);
  }

  #tellFigures(): void {
    const { library, members } = this;
    this.#outbox.observe({
      kind: 'PeersFigures',
      linksUp: members.up.length,
      slots: this.outgoing.table.size,
      bodies: library.bodies,
      bodyBytes: library.bodyBytes,
      wanted: this.#fetcher.size,
      framesSent: this.#outbox.framesSent,
      framesReceived: this.#framesReceived,
      artifactsSaid: this.#speaker.said,
      artifactsSaidAgain: this.#speaker.saidAgain,
    });
  }
}

/** What a frame costs besides its bytes. */
function countParts(parts: readonly PeerPart[]): number {
  let count = parts.length;
  for (const { part } of parts) {
    if (part.kind === 'updates') count += part.updates.changes.length;
    else if (part.kind === 'fetch') count += part.fetch.ids.length;
  }
  return count;
}

const MISSING = [{ size: 0, offset: 0, body: new Uint8Array(0) }];
