// A network of consensus cores in one thread, with virtual time: artifacts reach everyone, beacon and execution are
// played by functions with fixed answers. What it can lose, repeat, delay and crash is up to the test.
import type { Effect, Instant } from '@internode/actor';
import type { ArtifactKind, BatchReady, BlockFinalized, Message } from '@internode/contracts';
import { CONTRACTS } from '@internode/contracts';
import { selfAuthenticating, sha256 } from '@internode/encoding';
import { nodeSignatures } from '@internode/crypto/fast';
import { utf8 } from '@internode/prelude';
import { INGRESS } from '../src/core/artifact.ts';
import { ConsensusCore, type ConsensusAnswer, type ConsensusEvent, type ConsensusTask, LOCAL_PARAMETERS, solveConsensus, type SubnetParameters, type SubnetRecord } from '../src/index.ts';

type Fx = Effect<ConsensusTask, ConsensusEvent>;

export interface TestNode {
  readonly index: number;
  readonly nodeId: Uint8Array;
  readonly secret: Uint8Array;
  core: ConsensusCore;
  journal: Uint8Array[];
  said: Message[];
  events: ConsensusEvent[];
  timers: Map<string, number>;
  up: boolean;
  /** Bumped at each crash, so that what was on its way is lost. */
  life: number;
}

export interface WorldOptions {
  readonly n: number;
  readonly parameters?: Partial<SubnetParameters>;
  /** Milliseconds that a delivery takes, by message; undefined = lost. */
  readonly delay?: (message: Message, from: number, to: number) => number | undefined;
  /** Whether execution and state follow. */
  readonly executes?: boolean;
}

const START_NANOS = 1_785_000_000_000_000_000n;

export class World {
  readonly nodes: TestNode[];
  readonly subnet: SubnetRecord;
  readonly options: WorldOptions;
  nowMs = 0;
  #agenda: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    const keys = Array.from({ length: options.n }, (_, i) => {
      const secret = sha256(utf8(`node ${i}`));
      const publicKey = nodeSignatures.ed25519PublicKey(secret);
      return { secret, publicKey, nodeId: selfAuthenticating(publicKey) };
    });
    this.subnet = { subnetId: utf8('test subnet'), registryVersion: 1, members: keys };
    this.nodes = keys.map(({ nodeId, secret }, index) => ({
      index, nodeId, secret, core: this.#newCore(nodeId), journal: [], said: [], events: [], timers: new Map(), up: false, life: 0,
    }));
  }

  start(): void {
    for (const node of this.nodes) this.startNode(node.index);
  }

  startNode(index: number): void {
    const node = this.node(index);
    node.core = this.#newCore(node.nodeId);
    node.up = true;
    for (const entry of node.journal) {
      if (node.core.step(this.now(), { kind: 'replayed', entry }).length > 0) throw new Error('replay has effects');
    }
    this.#step(node, () => node.core.step(this.now(), { kind: 'started' }));
    this.tell(index, { kind: 'BeaconValue', height: node.core.view().pool.notarized, value: beaconOf(node.core.view().pool.notarized) });
    if (this.options.executes !== false) {
      const { committed } = node.core.view();
      this.tell(index, { kind: 'RequestBatches', fromHeight: committed + 1 });
    }
  }

  /** Stops a node, keeping the first `entries` of its journal (default: all). */
  crash(index: number, entries?: number): void {
    const node = this.node(index);
    node.up = false;
    node.life += 1;
    node.timers.clear();
    if (entries !== undefined) node.journal = node.journal.slice(0, entries);
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
    this.#agenda.push({ atMs: this.nowMs + delayMs, order: this.#order, run });
    this.#order += 1;
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (;;) {
      let next = -1;
      for (const [i, item] of this.#agenda.entries()) {
        const best = this.#agenda[next];
        if (best === undefined || item.atMs < best.atMs || (item.atMs === best.atMs && item.order < best.order)) next = i;
      }
      const item = this.#agenda[next];
      if (item === undefined || item.atMs > endMs) break;
      this.#agenda.splice(next, 1);
      this.nowMs = Math.max(this.nowMs, item.atMs);
      item.run();
    }
    this.nowMs = endMs;
  }

  submit(index: number, name: string, expiryMs = 240_000): void {
    const ingress = this.ingress(name, expiryMs);
    this.tell(index, {
      kind: 'ArtifactReceived', artifactKind: 'ingress', id: ingress.requestId, body: INGRESS.encode(ingress), fromNode: this.node(index).nodeId,
    });
  }

  ingress(name: string, expiryMs = 240_000) {
    const expiryNanos = START_NANOS + BigInt(Math.round(this.nowMs + expiryMs)) * 1_000_000n;
    return { requestId: sha256(utf8(name)), envelope: utf8(`envelope ${name}`), expiryNanos, effectiveCanisterId: utf8('c') };
  }

  artifact(to: number, from: number, artifactKind: ArtifactKind, body: Uint8Array): void {
    this.tell(to, { kind: 'ArtifactReceived', artifactKind, id: sha256(body), body, fromNode: this.node(from).nodeId });
  }

  tell(index: number, message: Message, from = index): void {
    const node = this.node(index);
    const delayMs = this.options.delay === undefined ? 0.1 : this.options.delay(message, from, index);
    if (delayMs === undefined) return;
    const { life } = node;
    this.at(delayMs, () => {
      if (!node.up || node.life !== life) return;
      const contract = CONTRACTS[message.kind] as { encode(m: Message): Uint8Array; decode(b: Uint8Array): { kind: string; value?: Message } };
      const decoded = contract.decode(contract.encode(message)).value as Message;
      this.#step(node, () => node.core.step(this.now(), { kind: 'message', message: decoded, sender: 'test' }));
    });
  }

  batches(index: number): readonly BatchReady[] {
    return this.node(index).said.filter((m) => m.kind === 'BatchReady');
  }

  finals(index: number): readonly BlockFinalized[] {
    return this.node(index).said.filter((m) => m.kind === 'BlockFinalized');
  }

  #newCore(nodeId: Uint8Array): ConsensusCore {
    return new ConsensusCore({ subnet: this.subnet, nodeId, parameters: { ...LOCAL_PARAMETERS, ...this.options.parameters } });
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
          this.at(0.5, alive(() => this.#perform(node, effect.then)));
          break;
        case 'compact':
          node.journal = [...effect.entries];
          break;
        case 'wait': {
          const atMs = this.nowMs + effect.delayMs;
          node.timers.set(effect.token, atMs);
          this.at(effect.delayMs, alive(() => {
            if (node.timers.get(effect.token) !== atMs) return;
            node.timers.delete(effect.token);
            this.#step(node, () => node.core.step(this.now(), { kind: 'timer', token: effect.token }));
          }));
          break;
        }
        case 'cancel':
          node.timers.delete(effect.token);
          break;
        case 'solve': {
          const answer: ConsensusAnswer = solveConsensus({ signatures: nodeSignatures, secret: node.secret }, effect.task);
          this.at(0.1, alive(() => this.#step(node, () => node.core.step(this.now(), { kind: 'solved', id: effect.id, answer }))));
          break;
        }
        case 'observe':
          node.events.push(effect.event);
          break;
      }
    }
  }

  /** Beacon, execution and state of the node, and the network. */
  #hear(node: TestNode, message: Message): void {
    const { index } = node;
    switch (message.kind) {
      case 'BlockNotarized':
        this.tell(index, { kind: 'BeaconValue', height: message.height, value: beaconOf(message.height) });
        break;
      case 'RequestBeacon':
        this.tell(index, { kind: 'BeaconValue', height: message.height, value: beaconOf(message.height) });
        break;
      case 'BlockFinalized':
        this.tell(index, { kind: 'TapeValue', height: message.height + 1, value: tapeOf(message.height + 1) });
        break;
      case 'RequestTape':
        this.tell(index, { kind: 'TapeValue', height: message.height, value: tapeOf(message.height) });
        break;
      case 'BatchReady':
        if (this.options.executes === false) break;
        this.tell(index, { kind: 'TipAdvanced', height: message.height, workPending: false });
        this.tell(index, { kind: 'StateCertified', height: message.height, root: new Uint8Array(32), timeNanos: 0n, completedRequests: [] });
        this.tell(index, { kind: 'StateCommitted', height: message.height, durable: true });
        break;
      case 'PublishArtifact': {
        const { artifactKind, id, body } = message;
        for (const other of this.nodes) {
          if (other !== node) this.tell(other.index, { kind: 'ArtifactReceived', artifactKind, id, body, fromNode: node.nodeId }, index);
        }
        break;
      }
      default:
    }
  }
}

export function beaconOf(height: number): Uint8Array {
  return sha256(utf8(`beacon ${height}`));
}

export function tapeOf(height: number): Uint8Array {
  return sha256(utf8(`tape ${height}`));
}
