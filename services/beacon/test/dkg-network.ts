// Beacon cores, a chain that does what consensus does with key generation, and a bus that can lose and cores that can crash.
import type { Effect } from '@internode/actor';
import type {
  Complaint,
  Dealing,
  DkgConfig,
  EpochKeys,
  Message,
  NodeRecord,
  Summary,
  Transcript,
} from '@internode/contracts';
import {
  type BlsEngine,
  type DkgEngines,
  transcriptOf,
  verifyComplaint,
  verifyDealing,
} from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { separator, sha256 } from '@internode/encoding';
import { bytesEqual, compareBytes, concatBytes, utf8 } from '@internode/prelude';
import {
  type BeaconAnswer,
  BeaconCore,
  type BeaconEvent,
  type BeaconTask,
  dealSubnet,
  type HeldKeys,
  heldKeys,
  type NodeKeys,
  solveBeacon,
} from '../src/index.ts';
import { bls } from './network.ts';

export const engines: DkgEngines = { bls, signatures: nodeSignatures };
const EPOCH_LENGTH = 20;
const now = { ms: 0, unixNanos: 0n };

export interface TestNode {
  readonly record: NodeRecord;
  readonly keys: HeldKeys;
  core: BeaconCore;
  journal: Uint8Array[];
  readonly said: Message[];
  readonly events: BeaconEvent[];
  /** Tokens of timers that run. */
  readonly timers: Set<string>;
  up: boolean;
}

export class DkgNetwork {
  readonly nodes: TestNode[];
  readonly subnet: ReturnType<typeof dealSubnet>['subnet'];
  summary: Summary;
  /** Of the running epoch and of the one before, in the order of the chain. */
  #chain: {
    readonly height: number;
    readonly dealings: Dealing[];
    readonly complaints: Complaint[];
  }[] = [];
  #height = 0;
  #queue: (() => void)[] = [];
  #entropy = 0;
  readonly #born: readonly NodeKeys[];
  /** Dealers whose shares do not fit their commitments; all that everyone can check is in order. */
  readonly cheats = new Set<number>();
  /** What reaches the chain of a dealing. */
  corrupt: (dealing: Dealing, node: number) => Dealing | undefined = (dealing) => dealing;
  /** Whether a message from the chain reaches a node. */
  reaches: (node: number, message: Message) => boolean = () => true;
  /** What a node's answer to a peer becomes on its way; nothing: it is lost. */
  answers: (node: number, body: Uint8Array) => Uint8Array | undefined = (_, body) => body;
  /** Whether complaints reach the chain. */
  complains = true;
  /** Called before each input of a node. */
  before: (node: number) => void = () => {};
  /** What came on the chain although no honest verifier should let it. */
  readonly refused: string[] = [];

  /** `members` are born with keys; `strangers` are nodes that may join later. */
  constructor(members: number, strangers = 0) {
    const dealing = dealSubnet({
      nodes: members,
      entropy: new Uint8Array(32).fill(members),
      bls,
      signatures: nodeSignatures,
      epochLength: EPOCH_LENGTH,
    });
    const others = dealSubnet({
      nodes: Math.max(strangers, 1),
      entropy: utf8('strangers to the subnet that join later'),
      bls,
      signatures: nodeSignatures,
    });
    this.subnet = dealing.subnet;
    this.summary = dealing.summary;
    this.#born = [...dealing.nodes, ...others.nodes.slice(0, strangers)];
    const records = [
      ...dealing.summary.record.nodes,
      ...others.summary.record.nodes.slice(0, strangers),
    ];
    this.nodes = this.#born.map((node, i) => {
      const { nodeSecret, receiverSecret, lowShare, highShare } = node;
      const own = i < members ? { lowShare, highShare } : {};
      return {
        record: records[i] as NodeRecord,
        keys: heldKeys(dealing.subnet, { nodeSecret, receiverSecret, ...own }),
        core: this.#core(node.nodeId),
        journal: [],
        said: [],
        events: [],
        timers: new Set(),
        up: true,
      };
    });
  }

  node(index: number): TestNode {
    return this.nodes[index] as TestNode;
  }

  start(): void {
    for (const index of this.nodes.keys()) this.#input(index, { kind: 'started' });
    this.settle();
    this.sayEpoch();
  }

  crash(index: number): void {
    this.node(index).up = false;
  }

  /** From its journal, or from the first entries of it that were on the disk. */
  restart(index: number, entries = Number.POSITIVE_INFINITY): void {
    const node = this.node(index);
    node.journal = node.journal.slice(0, entries);
    node.core = this.#core(node.record.nodeId);
    node.timers.clear();
    node.up = true;
    for (const entry of node.journal) node.core.step(now, { kind: 'replayed', entry });
    this.#input(index, { kind: 'started' });
  }

  /** EpochBegan to all. */
  sayEpoch(): void {
    for (const index of this.nodes.keys()) this.tell(index, this.#epochBegan());
    this.settle();
  }

  /** Until nobody has anything to do: all timers fire again and again, and the chain takes what is said. */
  run(rounds = 6): void {
    for (let round = 0; round < rounds; round += 1) {
      for (const index of this.nodes.keys()) this.fireTimers(index);
      this.settle();
      this.takeParts();
    }
  }

  fireTimers(index: number): void {
    const node = this.node(index);
    for (const token of [...node.timers]) {
      node.timers.delete(token);
      this.#input(index, { kind: 'timer', token });
    }
  }

  /** What the nodes' consensus would put into blocks: valid parts, one dealing for each dealer, one complaint for each. */
  takeParts(): void {
    for (const [index, node] of this.nodes.entries()) {
      for (const message of node.said.splice(0)) {
        if (message.kind === 'DealingMade') this.#takeDealing(message.dealing, index);
        if (message.kind === 'ComplaintMade') this.#takeComplaint(message.complaint);
        if (message.kind === 'RequestEpoch') this.#answerRequest(index);
      }
    }
    this.settle();
  }

  #takeDealing(made: Dealing, index: number): void {
    const config = this.#configOf(made.target);
    const dealing = this.corrupt(made, index);
    if (config === undefined || dealing === undefined) return;
    if (this.#dealingOf(config, dealing.dealer) !== undefined) return;
    const { publicKey } = this.node(index).record;
    const verdict = verifyDealing(engines, { config, dealing, publicKey });
    if (verdict.kind !== 'valid') {
      this.refused.push(verdict.kind === 'invalid' ? verdict.reason : '');
      return;
    }
    this.#append([dealing], []);
  }

  #takeComplaint(complaint: Complaint): void {
    const config = this.#configOf(complaint.target);
    if (config === undefined || !this.complains) return;
    const dealing = this.#dealingOf(config, complaint.dealer);
    const receiver = this.nodes.find(({ record }) => bytesEqual(record.nodeId, complaint.receiver));
    const known = this.#chain.some((block) =>
      block.complaints.some(
        (other) =>
          bytesEqual(other.dealer, complaint.dealer) && other.target.key === complaint.target.key,
      ),
    );
    if (dealing === undefined || receiver === undefined || known) return;
    const { publicKey } = receiver.record;
    const verdict = verifyComplaint(engines, { config, dealing, complaint, publicKey });
    if (verdict.kind === 'valid') this.#append([], [complaint]);
    else this.refused.push(verdict.kind === 'invalid' ? verdict.reason : '');
  }

  #append(dealings: Dealing[], complaints: Complaint[]): void {
    this.#height += 1;
    const block = { height: this.#height, dealings, complaints };
    this.#chain.push(block);
    for (const index of this.nodes.keys())
      this.tell(index, { kind: 'DealingsFinalized', ...block });
    this.settle();
  }

  #answerRequest(index: number): void {
    this.tell(index, this.#epochBegan());
    for (const block of this.#chain) this.tell(index, { kind: 'DealingsFinalized', ...block });
  }

  #epochBegan(): Message {
    const { summary } = this;
    return {
      kind: 'EpochBegan',
      height: summary.height,
      summary,
      ...(summary.height > 0 && { block: blockOf(summary) }),
      beacon: new Uint8Array(0),
    };
  }

  /** The summary of the next height, as consensus computes it, for these members; nothing is said yet. */
  nextEpoch(members: readonly number[] = this.members()): Summary {
    const { summary } = this;
    const height = summary.nextHeight;
    const generated = (key: 'low' | 'high'): Transcript | undefined => {
      const config = summary.configs.find(({ target }) => target.key === key);
      if (config === undefined) return summary.next[key];
      const fits = ({ target }: { target: Dealing['target'] }) =>
        target.key === key && target.summaryHeight === summary.height;
      return transcriptOf(engines, {
        config,
        dealings: this.#chain.flatMap((block) => block.dealings).filter(fits),
        complaints: this.#chain.flatMap((block) => block.complaints).filter(fits),
      });
    };
    const [low, high] = [generated('low'), generated('high')];
    const next: EpochKeys =
      low === undefined || high === undefined
        ? summary.next
        : { record: summary.record, low, high };
    const nodes = members
      .map((index) => this.node(index).record)
      .sort((a, b) => compareBytes(a.nodeId, b.nodeId));
    const record = { ...summary.record, nodes };
    const current = summary.next;
    const configs = [fresh(height, current, nodes), reshare(height, current, nodes)];
    this.#height = height;
    this.#chain = this.#chain.filter((block) => block.height > summary.height);
    this.summary = { height, nextHeight: height + EPOCH_LENGTH, current, next, configs, record };
    return this.summary;
  }

  /** The members for whom keys are generated now. */
  members(): number[] {
    return this.summary.record.nodes.map(({ nodeId }) =>
      this.nodes.findIndex(({ record }) => bytesEqual(record.nodeId, nodeId)),
    );
  }

  #configOf(target: Dealing['target']): DkgConfig | undefined {
    if (target.summaryHeight !== this.summary.height) return undefined;
    return this.summary.configs.find((config) => config.target.key === target.key);
  }

  #dealingOf(config: DkgConfig, dealer: Uint8Array): Dealing | undefined {
    for (const { height, dealings } of this.#chain) {
      if (height <= this.summary.height) continue;
      const found = dealings.find(
        (one) => bytesEqual(one.dealer, dealer) && one.target.key === config.target.key,
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }

  tell(index: number, message: Message): void {
    if (!this.reaches(index, message)) return;
    this.#queue.push(() => this.#input(index, { kind: 'message', message, sender: 'test' }));
  }

  tellAll(message: Message): void {
    for (const index of this.nodes.keys()) this.tell(index, message);
    this.settle();
  }

  /** Whoever waits for a share more has heard all there are when nothing is on its way. */
  settle(): void {
    do for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next();
    while (this.nodes.some((node, index) => this.#endWait(node, index)));
  }

  #endWait({ timers }: DkgNetwork['nodes'][number], index: number): boolean {
    const token = [...timers].find((one) => one.startsWith('agree/'));
    if (token === undefined) return false;
    timers.delete(token);
    this.#input(index, { kind: 'timer', token });
    return true;
  }

  #core(nodeId: Uint8Array): BeaconCore {
    return new BeaconCore({ subnet: this.subnet, nodeId });
  }

  #input(index: number, input: Parameters<BeaconCore['step']>[1]): void {
    this.before(index);
    const node = this.node(index);
    if (!node.up) return;
    this.#perform(index, node.core.step(now, input));
  }

  #perform(index: number, effects: readonly Effect<BeaconTask, BeaconEvent>[]): void {
    const node = this.node(index);
    for (const effect of effects) {
      switch (effect.kind) {
        case 'publish':
          node.said.push(effect.message);
          this.#spread(index, effect.message);
          break;
        case 'persist':
          node.journal.push(effect.entry);
          this.#perform(index, effect.then);
          break;
        case 'compact':
          node.journal = [...effect.entries];
          break;
        case 'wait':
          node.timers.add(effect.token);
          break;
        case 'cancel':
          node.timers.delete(effect.token);
          break;
        case 'solve': {
          const { core } = node;
          this.#queue.push(() => {
            if (node.core !== core || !node.up) return;
            const answer: BeaconAnswer = solveBeacon(this.#tools(index), node.keys, effect.task);
            this.#input(index, { kind: 'solved', id: effect.id, answer });
          });
          break;
        }
        case 'observe':
          node.events.push(effect.event);
          break;
        default:
      }
    }
  }

  #tools(index: number) {
    const entropy = (): Uint8Array => {
      this.#entropy += 1;
      return sha256(utf8(String(this.#entropy)));
    };
    return { ...engines, entropy, bls: this.cheats.has(index) ? cheatingBls() : bls };
  }

  /** As p2p does: to one peer and back, or a failure when nobody is there. */
  #carry(from: number, message: Extract<Message, { kind: 'AskPeer' | 'AnswerPeer' }>): void {
    const { askId, topic, body } = message;
    const peer = this.node(from).record.nodeId;
    const to = this.nodes.findIndex(({ record }) => bytesEqual(record.nodeId, message.peer));
    if (to < 0) return;
    if (message.kind === 'AnswerPeer') {
      const told = this.answers(from, body);
      if (told === undefined) return;
      return this.tell(to, { kind: 'PeerAnswered', askId, topic, peer, body: told, failure: '' });
    }
    if (this.node(to).up) return this.tell(to, { kind: 'PeerAsked', askId, topic, peer, body });
    const failed = { peer: message.peer, body: new Uint8Array(0), failure: 'not connected' };
    this.tell(from, { kind: 'PeerAnswered', askId, topic, ...failed });
  }

  #spread(from: number, message: Message): void {
    if (message.kind === 'AskPeer' || message.kind === 'AnswerPeer')
      return this.#carry(from, message);
    if (message.kind !== 'PublishArtifact') return;
    const { artifactKind, id, body } = message;
    const fromNode = this.node(from).record.nodeId;
    for (const to of this.nodes.keys()) {
      if (to === from) continue;
      this.#queue.push(() =>
        this.#input(to, {
          kind: 'message',
          message: { kind: 'ArtifactReceived', artifactKind, id, body, fromNode },
          sender: 'p2p',
        }),
      );
    }
  }
}

function blockOf(summary: Summary) {
  return {
    height: summary.height,
    parent: new Uint8Array(32),
    rank: 0,
    registryVersion: 1,
    certifiedHeight: summary.height - 1,
    timeNanos: BigInt(summary.height),
    payloadHash: sha256(utf8(`payload ${summary.height}`)),
  };
}

function fresh(height: number, current: EpochKeys, nodes: readonly NodeRecord[]): DkgConfig {
  const dealers = current.record.nodes.map(({ nodeId }) => nodeId);
  return {
    target: { summaryHeight: height, key: 'low' },
    threshold: Math.floor((nodes.length - 1) / 3) + 1,
    dealers,
    receivers: nodes.map(({ nodeId }) => nodeId),
    receiverKeys: nodes.map(({ receiverKey }) => receiverKey),
    dealerShareKeys: [],
    dealerIndices: [],
    dealingsNeeded: Math.floor((dealers.length - 1) / 3) + 1,
  };
}

function reshare(height: number, current: EpochKeys, nodes: readonly NodeRecord[]): DkgConfig {
  const { members, shareKeys, threshold } = current.high;
  return {
    target: { summaryHeight: height, key: 'high' },
    threshold: 2 * Math.floor((nodes.length - 1) / 3) + 1,
    dealers: members,
    receivers: nodes.map(({ nodeId }) => nodeId),
    receiverKeys: nodes.map(({ receiverKey }) => receiverKey),
    dealerShareKeys: shareKeys,
    dealerIndices: members.map((_, i) => i),
    dealingsNeeded: threshold,
  };
}

/** Commits to another polynomial than it evaluates, from its second coefficient on. */
function cheatingBls(): BlsEngine {
  let commitments = 0;
  const publicKey = (secret: Uint8Array): Uint8Array => {
    commitments += 1;
    if (commitments === 1) return bls.publicKey(secret);
    return bls.publicKey(secret.map((byte, i) => (i === 31 ? byte ^ 1 : byte)));
  };
  return new Proxy(bls, {
    get: (target, name) => {
      if (name === 'publicKey') return publicKey;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Certifies a height at all nodes: whoever has a share of the height's key takes part. Answers who knows the result. */
export function certify(network: DkgNetwork, height: number): number[] {
  const root = sha256(utf8(`state ${height}`));
  for (const node of network.nodes) node.said.length = 0;
  network.tellAll({ kind: 'StateHashed', height, root, timeNanos: 0n });
  const { groupKey: publicKey } = network.summary.current.high;
  const message = concatBytes(separator('ic-state-root'), root);
  return network.nodes.flatMap((node, index) => {
    const value = node.said.find((one) => one.kind === 'CertificationValue');
    if (value?.kind !== 'CertificationValue') return [];
    const { signature } = value;
    if (bls.verify({ publicKey, message, signature }).kind !== 'valid')
      throw new Error('a certificate that does not verify');
    return [index];
  });
}

/** Everything up to a height is made, notarised, final and certified. */
export function advance(network: DkgNetwork, to: number): void {
  for (const node of network.nodes) node.said.length = 0;
  network.tellAll({ kind: 'RequestBeacon', height: to });
  for (let height = 1; height <= to; height += 1) {
    network.tellAll({ kind: 'BlockNotarized', height, blockHash: new Uint8Array(32) });
  }
  network.tellAll(finalized(to));
}

export function finalized(height: number): Message {
  const blockHash = new Uint8Array(32);
  return { kind: 'BlockFinalized', height, blockHash, timeNanos: 0n, ingressIds: [] };
}

export function epoch(network: DkgNetwork, members?: readonly number[]): void {
  network.nextEpoch(members);
  network.sayEpoch();
  network.run();
}

export function kept(network: DkgNetwork, index: number): number {
  return network.node(index).events.filter(({ kind }) => kind === 'ShareKept').length;
}
