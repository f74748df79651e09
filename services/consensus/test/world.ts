// A network of consensus cores in one thread, with virtual time: artifacts reach everyone, beacon and execution are
// played by functions with fixed answers. What it can lose, repeat, delay and crash is up to the test.
import type { Effect, Instant } from '@internode/actor';
import type {
  ArtifactKind,
  BatchReady,
  BlockFinalized,
  Message,
  Summary,
} from '@internode/contracts';
import { CONTRACTS } from '@internode/contracts';
import { type BlsEngine, nobleBls, provePossession } from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { selfAuthenticating, sha256 } from '@internode/encoding';
import { concatBytes, toHex, utf8 } from '@internode/prelude';
import {
  type Block,
  bytesOfProposal,
  hashOfBlock,
  hashOfPayload,
  INGRESS,
  type Ingress,
  idOfIngress,
  type Payload,
  payloadOf,
  QUESTION,
  STRIPPED_PROPOSAL,
  stripProposal,
  THRESHOLD_VALUE,
  VOTE,
} from '../src/core/artifact.ts';
import { rolesOf } from '../src/core/membership.ts';
import type { BlockRecord } from '../src/core/pool.ts';
import {
  type ConsensusAnswer,
  ConsensusCore,
  type ConsensusEvent,
  type ConsensusTask,
  LOCAL_PARAMETERS,
  type SubnetParameters,
  type SubnetRecord,
  solveConsensus,
  summaryAtGenesis,
} from '../src/index.ts';
import { CANISTER_RANGES, call } from './calls.ts';

type Fx = Effect<ConsensusTask, ConsensusEvent>;

export interface TestNode {
  readonly index: number;
  readonly nodeId: Uint8Array;
  readonly secret: Uint8Array;
  core: ConsensusCore;
  journal: Uint8Array[];
  /** Entries of the journal that survive a power cut. */
  durable: number;
  /** Its disk was lost once. */
  lost: boolean;
  /** Beacons and tapes that its beacon has checked, by kind and height. */
  readonly values: Set<string>;
  beaconHeight: number;
  /** Beacons ahead of its turn that its beacon was told. */
  readonly claims: Map<number, Uint8Array>;
  /** How many tasks of each kind its solver had. */
  readonly tasks: Map<string, number>;
  /** Bodies of calls that its p2p holds, by id in hex. */
  readonly bodies: Map<string, Uint8Array>;
  /** What it offers to its peers now. */
  slots: Map<string, Extract<Message, { kind: 'PublishArtifact' }>>;
  said: Message[];
  events: ConsensusEvent[];
  timers: Map<string, number>;
  up: boolean;
  /** Height of the execution that is played for this node. It keeps its state over crashes. */
  executed: number;
  /** Bumped at each crash, so that what was on its way is lost. */
  life: number;
}

export interface WorldOptions {
  readonly n: number;
  readonly parameters?: Partial<SubnetParameters>;
  /** Milliseconds that a delivery takes, by message; undefined = lost. */
  readonly delay?: (message: Message, from: number, to: number) => number | undefined;
  /** How often everybody's offers are said again, as a slot table does that lost something. */
  readonly offersAgainMs?: number;
  /** Beacons and tapes are made near the tip only, as members do; older ones come from peers or not at all. */
  readonly strictValues?: boolean;
  /** What a peer answers in place of the truth; undefined = the truth. */
  readonly liar?: (from: number, answer: Uint8Array) => Uint8Array | undefined;
  /** Nobody has blocks below: such questions get no answer. */
  forgottenBelow?: number;
  /** A node that answers no question. */
  silent?: number;
  /** What a member signs in place of a vote. */
  readonly badVote?: (index: number, signature: Uint8Array) => Uint8Array;
  /** What configuration says of empty journals; true when absent. */
  readonly firstLife?: boolean | 'ask';
  /** Whether execution and state follow. */
  executes?: boolean;
  /** The summary at height 0, instead of one without keys whose epoch never ends. */
  readonly genesis?: Summary;
  /** For key generation and catch-up packages; without, nothing of either holds. */
  readonly bls?: BlsEngine;
  readonly replicaVersion?: (index: number) => string | undefined;
  /** Of the subnet record that the played execution has at a height. */
  readonly recordVersion?: (height: number) => number | undefined;
  /** Hears what a node says, as its neighbours do. */
  readonly hears?: (node: TestNode, message: Message) => void;
}

const START_NANOS = 1_785_000_000_000_000_000n;

interface Item {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A heap by time, then by order of arrival. */
class Agenda {
  readonly #heap: Item[] = [];

  put(item: Item): void {
    const heap = this.#heap;
    let place = heap.push(item) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!before(heap[place], heap[parent])) break;
      this.#swap(place, parent);
      place = parent;
    }
  }

  take(untilMs: number): Item | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > untilMs) return undefined;
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return first;
    heap[0] = last;
    for (let place = 0; ; ) {
      const left = 2 * place + 1;
      const least = before(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!before(heap[least], heap[place])) return first;
      this.#swap(place, least);
      place = least;
    }
  }

  #swap(a: number, b: number): void {
    const moved = this.#heap[a] as Item;
    this.#heap[a] = this.#heap[b] as Item;
    this.#heap[b] = moved;
  }
}

function before(a: Item | undefined, b: Item | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined;
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Tasks whose answer is the same for all, and slow. */
const SHARED: ReadonlySet<string> = new Set(['examine', 'generate', 'verify-multi']);

export class World {
  readonly nodes: TestNode[];
  readonly subnet: SubnetRecord;
  readonly options: WorldOptions;
  nowMs = 0;
  /** How long an entry takes to become durable. */
  diskMs = 0.5;
  readonly #agenda = new Agenda();
  readonly #solved = new Map<string, ConsensusAnswer>();
  readonly #calls = new Map<string, Ingress>();
  #order = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    const keys = Array.from({ length: options.n }, (_, i) => {
      const secret = sha256(utf8(`node ${i}`));
      const publicKey = nodeSignatures.ed25519PublicKey(secret);
      const nodeId = selfAuthenticating(publicKey);
      const { bls } = options;
      if (bls === undefined) return { secret, publicKey, nodeId };
      const voteKey = bls.publicKey(voteSecretOf(secret));
      const voteKeyProof = provePossession(bls, voteSecretOf(secret));
      return { secret, publicKey, nodeId, voteKey, voteKeyProof };
    });
    this.subnet = { subnetId: utf8('test subnet'), registryVersion: 1, members: keys };
    this.nodes = keys.map(({ nodeId, secret }, index) => ({
      index,
      nodeId,
      secret,
      core: this.#newCore(nodeId),
      journal: [],
      durable: 0,
      slots: new Map(),
      bodies: new Map(),
      tasks: new Map(),
      values: new Set(),
      lost: false,
      beaconHeight: 0,
      claims: new Map(),
      said: [],
      events: [],
      timers: new Map(),
      up: false,
      executed: 0,
      life: 0,
    }));
  }

  start(): void {
    for (const node of this.nodes) this.startNode(node.index);
    if (this.options.offersAgainMs !== undefined) this.#offerAgain(this.options.offersAgainMs);
  }

  #offerAgain(everyMs: number): void {
    for (const node of this.nodes)
      if (node.up) for (const slot of node.slots.values()) this.#spread(node, slot);
    this.at(everyMs, () => this.#offerAgain(everyMs));
  }

  startNode(index: number): void {
    const node = this.node(index);
    const { firstLife = true } = this.options;
    const said = firstLife === 'ask' || node.lost ? undefined : firstLife;
    node.core = this.#newCore(node.nodeId, node.lost && firstLife === false ? false : said);
    node.up = true;
    for (const entry of node.journal) {
      if (node.core.step(this.now(), { kind: 'replayed', entry }).length > 0)
        throw new Error('replay has effects');
    }
    this.#step(node, () => node.core.step(this.now(), { kind: 'started' }));
    this.#sayValue(node, 'beacon', node.core.view().pool.notarized);
    for (const other of this.nodes) {
      if (other.up && other !== node)
        for (const slot of other.slots.values()) this.#send(other, node, slot);
    }
    if (this.options.executes !== false) {
      this.tell(index, { kind: 'RequestBatches', fromHeight: node.executed + 1 });
    }
  }

  /** Stops a node, keeping the first `entries` of its journal (default: all). */
  crash(index: number, entries?: number): void {
    const node = this.node(index);
    node.up = false;
    node.life += 1;
    node.timers.clear();
    node.slots.clear();
    node.bodies.clear();
    if (entries !== undefined) node.journal = node.journal.slice(0, entries);
    node.durable = node.journal.length;
  }

  /** Stops a node and takes all that it remembered. */
  loseDisk(index: number): void {
    this.crash(index, 0);
    const node = this.node(index);
    node.lost = true;
    node.executed = 0;
    node.values.clear();
    node.beaconHeight = 0;
  }

  node(index: number): TestNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`no node ${index}`);
    return node;
  }

  now(): Instant {
    return { ms: this.nowMs, unixNanos: START_NANOS + BigInt(Math.round(this.nowMs * 1e6)) };
  }

  at(delayMs: number, run: () => void): void {
    this.#agenda.put({ atMs: this.nowMs + delayMs, order: this.#order, run });
    this.#order += 1;
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (let item = this.#agenda.take(endMs); item !== undefined; item = this.#agenda.take(endMs)) {
      this.nowMs = Math.max(this.nowMs, item.atMs);
      item.run();
    }
    this.nowMs = endMs;
  }

  /** A call that this node's gateway admits. */
  submit(index: number, name: string, expiryMs = 240_000): void {
    this.bring(index, index, this.ingress(name, expiryMs));
  }

  /** One that this node's gateway admits and its p2p offers to all others. */
  gossip(index: number, name: string, expiryMs = 240_000): void {
    for (const node of this.nodes) this.bring(node.index, index, this.ingress(name, expiryMs));
  }

  bring(to: number, from: number, ingress: Ingress): void {
    const body = INGRESS.encode(ingress);
    this.node(to).bodies.set(toHex(sha256(body)), body);
    this.artifact(to, from, 'ingress', body);
  }

  /** The same call whenever it is asked for. */
  ingress(name: string, expiryMs = 240_000, bytes = 0): Ingress {
    const key = `${name}/${expiryMs}`;
    const expiryNanos = START_NANOS + BigInt(Math.round(this.nowMs + expiryMs)) * 1_000_000n;
    const ingress = this.#calls.get(key) ?? call(name.padEnd(bytes), { expiryNanos });
    this.#calls.set(key, ingress);
    return ingress;
  }

  artifact(to: number, from: number, artifactKind: ArtifactKind, body: Uint8Array): void {
    const content = { id: sha256(body), body, fromNode: this.node(from).nodeId };
    const message: Message =
      artifactKind === 'ingress'
        ? { kind: 'IngressReceived', ...content }
        : { kind: 'ArtifactReceived', artifactKind, ...content };
    this.tell(to, message, from);
  }

  tell(index: number, message: Message, from = index): void {
    const node = this.node(index);
    const delayMs =
      this.options.delay === undefined ? 0.1 : this.options.delay(message, from, index);
    if (delayMs === undefined) return;
    const { life } = node;
    this.at(delayMs, () => {
      if (!node.up || node.life !== life) return;
      const contract = CONTRACTS[message.kind] as {
        encode(m: Message): Uint8Array;
        decode(b: Uint8Array): { kind: string; value?: Message };
      };
      const decoded = contract.decode(contract.encode(message)).value as Message;
      this.#step(node, () =>
        node.core.step(this.now(), { kind: 'message', message: decoded, sender: 'test' }),
      );
    });
  }

  /** Delivers without asking `delay`. */
  deliver(index: number, message: Message): void {
    const node = this.node(index);
    if (node.up)
      this.#step(node, () =>
        node.core.step(this.now(), { kind: 'message', message, sender: 'test' }),
      );
  }

  /** A proposal on `parent`, signed by a node, as bytes. */
  proposal(
    index: number,
    parent: BlockRecord,
    calls: readonly string[],
    expiryMs?: number,
  ): Uint8Array {
    return this.proposalOf(
      index,
      parent,
      calls.map((name) => this.ingress(name, expiryMs)),
    ).body;
  }

  /** The same with calls of the test's own making, and the key of the block. */
  proposalOf(index: number, parent: BlockRecord, calls: readonly Ingress[]) {
    return this.proposalWith(index, parent, payloadOf(calls));
  }

  proposalWith(index: number, parent: BlockRecord, payload: Payload) {
    const { secret, nodeId } = this.node(index);
    for (const ingress of payload.ingress)
      this.node(index).bodies.set(toHex(idOfIngress(ingress)), INGRESS.encode(ingress));
    const height = parent.block.height + 1;
    const subnet = this.node(0).core.view().epochs.subnetOf(height);
    const maker = subnet.indexOf(nodeId) ?? -1;
    const block: Block = {
      height,
      parent: parent.hash,
      rank: Math.max(0, rolesOf(subnet.n, beaconOf(height - 1)).makers.indexOf(maker)),
      registryVersion: subnet.registryVersion,
      certifiedHeight: parent.block.certifiedHeight,
      timeNanos: this.now().unixNanos,
      payloadHash: hashOfPayload(payload),
    };
    const signature = nodeSignatures.signEd25519(
      secret,
      bytesOfProposal(subnet.subnetId, height, hashOfBlock(block)),
    );
    const stripped = stripProposal({ block, payload, maker: nodeId, signature });
    return { body: STRIPPED_PROPOSAL.encode(stripped), key: toHex(hashOfBlock(block)) };
  }

  /** A multi-signature's part by this node. */
  voteOf(index: number, message: Uint8Array): Uint8Array {
    const { bls } = this.options;
    if (bls === undefined) throw new Error('a world without vote keys');
    return bls.sign(voteSecretOf(this.node(index).secret), message);
  }

  /** What an honest node never does, over all its lives: two finalisation votes at a height, or one beside a foreign notarisation vote. */
  checkVotes(index: number): void {
    const votes = new Map<number, { notarization: Set<string>; finalization: Set<string> }>();
    for (const message of this.node(index).said) {
      if (message.kind !== 'PublishArtifact') continue;
      const purpose = { notarization_share: 'notarization', finalization_share: 'finalization' }[
        message.artifactKind as string
      ];
      const vote = VOTE.decode(message.body);
      if (purpose === undefined || vote.kind !== 'valid') continue;
      const here = votes.get(vote.value.height) ?? {
        notarization: new Set(),
        finalization: new Set(),
      };
      here[purpose as 'notarization' | 'finalization'].add(toHex(vote.value.blockHash));
      votes.set(vote.value.height, here);
    }
    for (const [height, { notarization, finalization }] of votes) {
      if (finalization.size > 1) throw new Error(`two finalisation votes at ${height}`);
      for (const hash of finalization) {
        if ([...notarization].some((other) => other !== hash))
          throw new Error(`contradicting votes at ${height}`);
      }
    }
  }

  batches(index: number): readonly BatchReady[] {
    return this.node(index).said.filter((m) => m.kind === 'BatchReady');
  }

  finals(index: number): readonly BlockFinalized[] {
    return this.node(index).said.filter((m) => m.kind === 'BlockFinalized');
  }

  #newCore(nodeId: Uint8Array, firstLife?: boolean): ConsensusCore {
    const index = this.subnet.members.findIndex((one) => toHex(one.nodeId) === toHex(nodeId));
    const version = this.options.replicaVersion?.(index);
    return new ConsensusCore({
      subnetId: this.subnet.subnetId,
      genesis: this.options.genesis ?? summaryAtGenesis(this.subnet),
      nodeId,
      firstLife,
      ...(version !== undefined && { replicaVersion: version }),
      parameters: { ...LOCAL_PARAMETERS, ...pacesOf(this.options.parameters) },
    });
  }

  #ingressRules() {
    return {
      signatures: nodeSignatures,
      bls: nobleBls,
      rootKey: new Uint8Array(0),
      subnetId: this.subnet.subnetId,
      canisterRanges: CANISTER_RANGES,
    };
  }

  /** As p2p does: the named peer first, then anybody who has it. */
  #fetch(to: number, request: Extract<Message, { kind: 'RequestArtifacts' }>): void {
    const named = this.nodes.filter(({ nodeId }) => toHex(nodeId) === toHex(request.fromNode));
    for (const id of request.ids) {
      const holder = [...named, ...this.nodes].find(({ bodies }) => bodies.has(toHex(id)));
      const body = holder?.bodies.get(toHex(id));
      if (holder === undefined || body === undefined) continue;
      this.artifact(to, holder.index, request.artifactKind, body);
    }
  }

  /** Heavy pure functions are computed once for all nodes. */
  #solve(node: TestNode, task: ConsensusTask): ConsensusAnswer {
    const solve = (): ConsensusAnswer =>
      solveConsensus(
        {
          signatures: nodeSignatures,
          secret: node.secret,
          ingress: this.#ingressRules(),
          voteSecret: voteSecretOf(node.secret),
          ...(this.options.bls !== undefined && { bls: this.options.bls }),
        },
        task,
      );
    if (task.kind === 'sign-vote') {
      const answer = solve();
      const { badVote } = this.options;
      if (badVote === undefined || answer.kind !== 'signed') return answer;
      return { kind: 'signed', signature: badVote(node.index, answer.signature) };
    }
    if (!SHARED.has(task.kind)) return solve();
    const key = JSON.stringify(task, (_, value) =>
      value instanceof Uint8Array ? toHex(value) : value,
    );
    const answer = this.#solved.get(key) ?? solve();
    this.#solved.set(key, answer);
    return answer;
  }

  #step(node: TestNode, step: () => readonly Fx[]): void {
    this.#perform(node, step());
  }

  #perform(node: TestNode, effects: readonly Fx[]): void {
    const { life } = node;
    const alive = (run: () => void) => () => {
      if (node.up && node.life === life) run();
    };
    for (const effect of effects) {
      switch (effect.kind) {
        case 'publish':
          node.said.push(effect.message);
          this.#hear(node, effect.message);
          break;
        case 'persist':
          node.journal.push(effect.entry);
          this.at(
            this.diskMs,
            alive(() => {
              node.durable += 1;
              this.#perform(node, effect.then);
            }),
          );
          break;
        case 'compact':
          // What waits for the disk is in the entries, and counts when its time has come.
          node.durable = effect.entries.length - (node.journal.length - node.durable);
          node.journal = [...effect.entries];
          break;
        case 'wait': {
          const atMs = this.nowMs + effect.delayMs;
          node.timers.set(effect.token, atMs);
          this.at(
            effect.delayMs,
            alive(() => {
              if (node.timers.get(effect.token) !== atMs) return;
              node.timers.delete(effect.token);
              this.#step(node, () =>
                node.core.step(this.now(), { kind: 'timer', token: effect.token }),
              );
            }),
          );
          break;
        }
        case 'cancel':
          node.timers.delete(effect.token);
          break;
        case 'solve': {
          node.tasks.set(effect.task.kind, (node.tasks.get(effect.task.kind) ?? 0) + 1);
          const answer = this.#solve(node, effect.task);
          this.at(
            0.1,
            alive(() =>
              this.#step(node, () =>
                node.core.step(this.now(), { kind: 'solved', id: effect.id, answer }),
              ),
            ),
          );
          break;
        }
        case 'observe':
          node.events.push(effect.event);
          break;
      }
    }
  }

  /** As the node's beacon or execution would. */
  says(index: number, message: Message): void {
    this.#hear(this.node(index), message);
  }

  sayTip(node: TestNode): void {
    const { index, executed: height } = node;
    const recordVersion = this.options.recordVersion?.(height);
    this.tell(index, { kind: 'TipAdvanced', height, workPending: false, recordVersion });
    this.#sayState(node);
  }

  #sayState(node: TestNode): void {
    const { index, executed: height } = node;
    this.tell(index, {
      kind: 'StateCertified',
      height,
      root: new Uint8Array(32),
      timeNanos: 0n,
      completedRequests: [],
    });
    this.tell(index, { kind: 'StateCommitted', height, durable: true });
  }

  #spread(from: TestNode, slot: Extract<Message, { kind: 'PublishArtifact' }>): void {
    for (const other of this.nodes) if (other !== from) this.#send(from, other, slot);
  }

  #send(from: TestNode, to: TestNode, slot: Extract<Message, { kind: 'PublishArtifact' }>): void {
    const { artifactKind, id, body } = slot;
    this.tell(
      to.index,
      { kind: 'ArtifactReceived', artifactKind, id, body, fromNode: from.nodeId },
      from.index,
    );
  }

  #sayValue(node: TestNode, kind: 'beacon' | 'tape', height: number): void {
    const tip = Math.max(
      ...this.nodes.map(({ up, core }) => (up ? core.view().pool.notarized : 0)),
    );
    const near = height > tip - 5;
    if (this.options.strictValues === true && kind === 'beacon') {
      while (node.beaconHeight < height && node.beaconHeight >= tip - 5) this.#makeBeacon(node);
      if (height > node.beaconHeight) height = node.beaconHeight;
      if (height > 0 && !node.values.has(`beacon/${height}`)) return;
    } else if (this.options.strictValues === true && kind === 'tape') {
      if (!near && !node.values.has(`tape/${height}`)) return;
    }
    const value = kind === 'beacon' ? beaconOf(height) : tapeOf(height);
    if (kind === 'beacon') this.tell(node.index, { kind: 'BeaconValue', height, value });
    else this.tell(node.index, { kind: 'TapeValue', height, value });
  }

  #makeBeacon(node: TestNode): void {
    node.beaconHeight += 1;
    node.values.add(`beacon/${node.beaconHeight}`);
  }

  /** What a crash leaves of a beacon's journal. */
  forgetBeacons(index: number, above: number): void {
    const node = this.node(index);
    for (let height = above + 1; height <= node.beaconHeight; height += 1)
      node.values.delete(`beacon/${height}`);
    node.beaconHeight = Math.min(node.beaconHeight, above);
    node.claims.clear();
  }

  /** What consensus gives to beacon. As it does, this one takes beacons in their order only and few ahead. */
  #checkValue(node: TestNode, message: Extract<Message, { kind: 'ArtifactReceived' }>): void {
    const { artifactKind: kind, body } = message;
    const decoded = THRESHOLD_VALUE.decode(body);
    if ((kind !== 'beacon' && kind !== 'tape') || decoded.kind !== 'valid') return;
    const { height, content, signature } = decoded.value;
    if (kind === 'tape') {
      if (toHex(signature) !== toHex(tapeOf(height))) return;
      node.values.add(`tape/${height}`);
      return this.#sayValue(node, kind, height);
    }
    if (toHex(content) !== toHex(sha256(beaconOf(height - 1)))) return;
    if (height > node.beaconHeight && height <= node.beaconHeight + 128)
      node.claims.set(height, signature);
    for (;;) {
      const next = node.beaconHeight + 1;
      const claim = node.claims.get(next);
      node.claims.delete(next);
      if (claim === undefined || toHex(claim) !== toHex(beaconOf(next))) return;
      this.#makeBeacon(node);
      this.#sayValue(node, 'beacon', next);
    }
  }

  /** Beacon, execution and state of the node, and the network. */
  #hear(node: TestNode, message: Message): void {
    const { index } = node;
    this.options.hears?.(node, message);
    switch (message.kind) {
      case 'BlockNotarized':
      case 'RequestBeacon':
        this.#sayValue(node, 'beacon', message.height);
        break;
      case 'BlockFinalized':
        this.#sayValue(node, 'tape', message.height + 1);
        break;
      case 'RequestTape':
        this.#sayValue(node, 'tape', message.height);
        break;
      case 'BatchReady':
        if (this.options.executes === false) break;
        // Execution may miss one: it asks, and takes them in order.
        if (message.height === node.executed + 1) node.executed = message.height;
        else if (message.height > node.executed)
          this.tell(index, { kind: 'RequestBatches', fromHeight: node.executed + 1 });
        this.sayTip(node);
        break;
      case 'RequestCertified':
        if (this.options.executes !== false && node.executed > 0) this.#sayState(node);
        break;
      case 'PublishArtifact':
        node.slots.set(`${message.artifactKind}/${toHex(message.id)}`, message);
        this.#spread(node, message);
        break;
      case 'SendArtifact': {
        const { artifactKind, id, body } = message;
        const received = { kind: 'ArtifactReceived', artifactKind, id, body } as const;
        for (const to of this.nodes)
          if (message.toNodes.some((nodeId) => toHex(nodeId) === toHex(to.nodeId)))
            this.tell(to.index, { ...received, fromNode: node.nodeId }, index);
        break;
      }
      case 'AskPeer': {
        const peer = this.nodes.find(({ nodeId }) => toHex(nodeId) === toHex(message.peer));
        const { askId, topic, body } = message;
        const asked = QUESTION.decode(body);
        const { question } = asked.kind === 'valid' ? asked.value : { question: undefined };
        const from = question?.kind === 'range' ? question.range.fromHeight : undefined;
        if (from !== undefined && from < (this.options.forgottenBelow ?? 0)) break;
        if (peer !== undefined && peer.index !== this.options.silent)
          this.tell(
            peer.index,
            { kind: 'PeerAsked', askId, topic, peer: node.nodeId, body },
            index,
          );
        break;
      }
      case 'AnswerPeer': {
        const asker = this.nodes.find(({ nodeId }) => toHex(nodeId) === toHex(message.peer));
        const { askId, topic } = message;
        const body = this.options.liar?.(index, message.body) ?? message.body;
        const answered = { kind: 'PeerAnswered', askId, topic, body, failure: '' } as const;
        if (asker !== undefined) this.tell(asker.index, { ...answered, peer: node.nodeId }, index);
        break;
      }
      case 'ArtifactReceived':
        this.#checkValue(node, message);
        break;
      case 'RequestArtifacts':
        this.#fetch(index, message);
        break;
      case 'WithdrawArtifact':
        node.slots.delete(`${message.artifactKind}/${toHex(message.id)}`);
        break;
      default:
    }
  }
}

export function beaconOf(height: number): Uint8Array {
  return concatBytes(sha256(utf8(`beacon ${height}`)), new Uint8Array(16));
}

export function tapeOf(height: number): Uint8Array {
  return concatBytes(sha256(utf8(`tape ${height}`)), new Uint8Array(16));
}

/** One pause for all sizes, and short rounds, so that tests of several members are as quick as of one. */
function pacesOf(parameters: Partial<SubnetParameters> = {}): Partial<SubnetParameters> {
  const { idleBlockMs = LOCAL_PARAMETERS.idleBlockMs } = parameters;
  return { idleBlockOfSeveralMs: idleBlockMs, minBlockMs: 20, ...parameters };
}

function voteSecretOf(secret: Uint8Array): Uint8Array {
  const voteSecret = sha256(concatBytes(secret, utf8('votes')));
  voteSecret[0] = 0;
  return voteSecret;
}
