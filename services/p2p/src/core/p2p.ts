// The core of p2p: the door for artifacts. Hears this node's services and its peers, and tells each what concerns it. Knows no
// artifact's meaning.
import type { Core, Input, Instant } from '@internode/actor';
import type { EpochBegan, Message, NodeRecord, PeerAddress } from '@internode/contracts';
import { bytesEqual, toHex, unreachable } from '@internode/prelude';
import { P2P_LIMITS } from '../limits.ts';
import { Admission } from './admission.ts';
import type { P2pEvent } from './event.ts';
import { Exchange } from './exchange.ts';
import type { IngressStore } from './ingress-store.ts';
import type { Library } from './library.ts';
import { Outbox, type P2pEffect } from './outbox.ts';
import type { Members } from './peer.ts';
import type { SlotTable } from './slot-table.ts';

export interface P2pCoreConfig {
  readonly nodeId: Uint8Array;
  readonly peers?: readonly PeerAddress[];
  readonly places?: ReadonlyMap<string, string>;
  readonly peersVersion?: number;
}

export class P2pCore implements Core<never, never, P2pEvent> {
  readonly #config: P2pCoreConfig;
  readonly #outbox: Outbox;
  readonly #admission: Admission;
  readonly #exchange: Exchange;
  #height = 0;
  #epochHeight = -1;
  /** First height of the next epoch, 0 if there is none; undefined while consensus has not said which one runs. */
  #nextEpoch: number | undefined;

  /** The seed names this life to peers. */
  constructor(config: P2pCoreConfig, seed: Uint8Array = new Uint8Array(32)) {
    this.#config = config;
    const outbox = new Outbox(lifeOf(seed));
    this.#outbox = outbox;
    this.#exchange = new Exchange(outbox, {
      named: (name) => this.#admission.store.named(name)?.artifact,
      recent: (name) => this.#admission.recent.get(name),
      keepRecent: (name, artifact) => this.#admission.recent.put(name, artifact),
      say: (name) => {
        const admitted = this.#admission.store.named(name);
        if (admitted !== undefined) this.#admission.say(admitted);
      },
    });
    const { outgoing, members } = this.#exchange;
    const hasPeers = (): boolean => members.size > 0;
    this.#admission = new Admission({ nodeId: config.nodeId, outbox, outgoing, hasPeers });
  }

  /** For tests and status. */
  view(): {
    readonly ingress: IngressStore;
    readonly slots: SlotTable;
    readonly members: Members;
    readonly library: Library;
    readonly wanted: number;
  } {
    const { members, library, outgoing, wanted } = this.#exchange;
    return { ingress: this.#admission.store, slots: outgoing.table, members, library, wanted };
  }

  step(now: Instant, input: Input<never>): readonly P2pEffect[] {
    this.#outbox.begin(now);
    switch (input.kind) {
      case 'started':
        this.#setMembers(this.#config.peers ?? []);
        this.#sayReadiness();
        this.#askEpoch();
        break;
      case 'message':
        this.#hear(input.message);
        break;
      case 'timer':
        this.#outbox.timerRang(input.token);
        this.#timer(input.token);
        break;
      case 'replayed':
      case 'solved':
        break;
      default:
        unreachable(input);
    }
    return this.#outbox.end();
  }

  #timer(token: string): void {
    if (token === 'offer-again') this.#admission.timer();
    else if (token === 'beat') this.#exchange.beat();
    else if (token === 'ask-epoch') this.#askEpoch();
    else if (token.startsWith('flush')) this.#exchange.outgoing.flush();
    else if (token === 'look-after') this.#exchange.lookAfter();
    else if (this.#exchange.asks.isTimer(token)) this.#exchange.asks.timer(token);
  }

  #hear(message: Message): void {
    const exchange = this.#exchange;
    switch (message.kind) {
      case 'SubmitIngress':
        return this.#admission.submit(message);
      case 'BlockFinalized':
        if (message.height > this.#height) exchange.chainMoved();
        this.#height = Math.max(this.#height, message.height);
        if (this.#lacksEpoch()) this.#outbox.startTimer('ask-epoch', P2P_LIMITS.askEpochMs);
        return this.#admission.finish(message.ingressIds);
      case 'RequestIngress':
        this.#admission.sayAgain(0);
        return exchange.sayAllAgain();
      case 'RequestReceived':
        return exchange.sayAllAgain();
      case 'PublishArtifact':
        return exchange.publishArtifact(message);
      case 'WithdrawArtifact':
        exchange.outgoing.withdraw(message.artifactKind, message.id);
        return;
      case 'SendArtifact':
        return exchange.sendArtifact(message);
      case 'RequestArtifacts':
        return exchange.requestArtifacts(message);
      case 'AskPeer':
        return exchange.asks.ask(message);
      case 'AnswerPeer':
        return exchange.asks.answer(message);
      case 'PeerLinkChanged':
        return exchange.hearLink(message);
      case 'FrameReceived':
        return exchange.hearFrame(message);
      case 'BlamePeer':
        return exchange.blame(message.peer);
      case 'EpochBegan':
        return this.#hearEpoch(message);
      case 'RequestReadiness':
        if (message.service === '' || message.service === 'p2p') this.#sayReadiness();
        return;
      default:
        return;
    }
  }

  /** Who the members are is in no journal of this room: until consensus says so, those of the configuration may all be gone. */
  #askEpoch(): void {
    if (!this.#lacksEpoch()) return;
    this.#outbox.publish({ kind: 'RequestEpoch' });
    this.#outbox.startTimer('ask-epoch', P2P_LIMITS.askEpochMs);
  }

  /** Nothing was said yet, or the bus has lost the news of a later epoch. */
  #lacksEpoch(): boolean {
    const next = this.#nextEpoch;
    return next === undefined || (next > 0 && this.#height > next);
  }

  /**
   * Those of this epoch, those of the next, who are to be up to date when it begins, and those for whom keys are dealt meanwhile: who
   * does not hear the dealings has no share of the subnet's key when it is a member.
   */
  #hearEpoch({ height, summary }: EpochBegan): void {
    if (height < this.#epochHeight) return;
    this.#epochHeight = height;
    this.#nextEpoch = summary.nextHeight;
    const { current, next, record } = summary;
    const records = [current.record, next.record, record];
    const nodes = records.flatMap((one) => one.nodes.map(addressOf));
    // A node that joins knows from elsewhere whom to ask: the members of its genesis may all be gone.
    const isBehind = current.record.version < (this.#config.peersVersion ?? 0);
    this.#setMembers(isBehind ? [...nodes, ...(this.#config.peers ?? [])] : nodes);
  }

  #setMembers(addresses: readonly PeerAddress[]): void {
    const others = new Map<string, PeerAddress>();
    for (const member of addresses) {
      if (bytesEqual(member.nodeId, this.#config.nodeId)) continue;
      const key = toHex(member.nodeId);
      others.set(key, { ...member, address: this.#config.places?.get(key) ?? member.address });
    }
    const wasAlone = this.#exchange.members.size === 0;
    this.#exchange.setMembers([...others.values()], this.#config.nodeId);
    if (wasAlone && others.size > 0) this.#admission.offerAll();
  }

  #sayReadiness(): void {
    this.#outbox.publish({
      kind: 'Readiness',
      service: 'p2p',
      ready: true,
      height: this.#height,
      detail: '',
    });
  }
}

function addressOf({ nodeId, publicKey, address }: NodeRecord): PeerAddress {
  return { nodeId, publicKey, address };
}

/** Any number but zero. */
function lifeOf(seed: Uint8Array): number {
  let life = 0;
  for (const byte of seed.subarray(0, 6)) life = life * 256 + byte;
  return life + 1;
}
