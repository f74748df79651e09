// A world whose nodes generate keys: beacons are played with the real mathematics of key generation, execution with a
// subnet record that tests change, state with checkpoints that become catch-up packages.
import {
  type CatchUpPackage,
  type Complaint,
  contract,
  type Dealing,
  type DkgConfig,
  decodeCatchUpContent,
  encodeCatchUpContent,
  type KeyName,
  type Message,
  type NodeRecord,
  type SubnetRecord,
  type Summary,
  type Transcript,
} from '@internode/contracts';
import {
  catchUpMessage,
  complain,
  deal,
  dealShares,
  generateReceiverKey,
  openDealing,
  secretShareOf,
} from '@internode/crypto';
import { loadFastBls, nodeSignatures } from '@internode/crypto/fast';
import { selfAuthenticating, sha256 } from '@internode/encoding';
import { bytesEqual, compareBytes, toHex, utf8 } from '@internode/prelude';
import { COMPLAINT, DEALING } from '../src/core/key-generation.ts';
import { PACKAGE } from '../src/core/packages.ts';
import { highThreshold } from '../src/core/summary.ts';
import { beaconOf, type TestNode, World, type WorldOptions } from './world.ts';

export const bls = await loadFastBls();
const ENGINES = { bls, signatures: nodeSignatures };
const NOTHING = new Uint8Array(0);
const CONTENT = contract(
  'CatchUpContent',
  'types',
  'catch_up_content',
  encodeCatchUpContent,
  decodeCatchUpContent,
);

export interface EpochOptions extends Omit<WorldOptions, 'n' | 'genesis' | 'bls' | 'hears'> {
  /** Members at genesis: the first of `nodes`. */
  readonly members: number;
  readonly nodes?: number;
  readonly epochLength: number;
}

interface Secrets {
  readonly receiver: { readonly secretKey: Uint8Array; readonly publicKey: Uint8Array };
  /** By public half, in hex. */
  readonly shares: Map<string, Uint8Array>;
  /** What was found in dealings, by key in hex of the target. */
  readonly opened: Map<string, { dealer: Uint8Array; share: Uint8Array }[]>;
}

export class EpochWorld {
  readonly world: World;
  readonly genesis: Summary;
  readonly groupSecret: Uint8Array;
  /** Records in force by height, as every execution has them. */
  readonly records: { sinceHeight: number; record: SubnetRecord }[];
  /** Indices of nodes that do not deal. */
  readonly silent = new Set<number>();
  /** Whether checkpoints become packages. */
  makesPackages = true;
  readonly #secrets: readonly Secrets[];
  readonly #configs = new Map<string, DkgConfig>();
  readonly #publicKeys: readonly Uint8Array[];

  constructor(options: EpochOptions) {
    const { members, nodes = members, epochLength, ...rest } = options;
    const identities = Array.from({ length: nodes }, (_, i) => {
      const publicKey = nodeSignatures.ed25519PublicKey(sha256(utf8(`node ${i}`)));
      const receiver = generateReceiverKey(sha256(utf8(`receiver ${i}`)));
      return { publicKey, receiver, nodeId: selfAuthenticating(publicKey) };
    });
    this.#publicKeys = identities.map(({ publicKey }) => publicKey);
    this.#secrets = identities.map(({ receiver }) => ({
      receiver,
      shares: new Map(),
      opened: new Map(),
    }));
    const record: SubnetRecord = {
      version: 1,
      nodes: this.nodesOf(...Array.from({ length: members }, (_, i) => i)),
      controller: utf8('controller'),
      replicaVersion: '',
      halted: false,
      epochLength,
    };
    const dealt = this.#dealt(record, 'high', highThreshold(members));
    const low = this.#dealt(record, 'low', Math.floor((members - 1) / 3) + 1);
    this.groupSecret = dealt.secretKey;
    const keys = { record, low: low.transcript, high: dealt.transcript };
    this.genesis = {
      height: 0,
      nextHeight: epochLength,
      current: keys,
      next: keys,
      configs: [],
      record,
    };
    this.records = [{ sinceHeight: 0, record }];
    this.world = new World({
      ...rest,
      n: nodes,
      genesis: this.genesis,
      bls,
      recordVersion: (height) => this.#recordAt(height).version,
      hears: (node, message) => this.#hear(node, message),
    });
  }

  nodesOf(...indices: readonly number[]): NodeRecord[] {
    return indices
      .map((index) => {
        const publicKey = this.#publicKeys[index] as Uint8Array;
        const { receiver } = this.#secrets[index] as Secrets;
        return {
          nodeId: selfAuthenticating(publicKey),
          publicKey,
          voteKey: NOTHING,
          voteKeyProof: NOTHING,
          receiverKey: receiver.publicKey,
          address: '',
        };
      })
      .sort((a, b) => compareBytes(a.nodeId, b.nodeId));
  }

  /** As an accepted call of the controller; answers the height of the state that has it first. */
  setRecord(changes: Partial<SubnetRecord>): number {
    const { record } = this.records.at(-1) as { record: SubnetRecord };
    const sinceHeight = Math.max(...this.world.nodes.map(({ executed }) => executed)) + 3;
    this.records.push({
      sinceHeight,
      record: { ...record, ...changes, version: record.version + 1 },
    });
    return sinceHeight;
  }

  /** The running epoch as a node has it. */
  epoch(index: number): Summary {
    return this.world.node(index).core.view().epochLog.opening.summary;
  }

  height(index: number): number {
    return this.world.node(index).core.view().delivered;
  }

  package(summary: Summary, block: CatchUpPackage['content']['block']): CatchUpPackage {
    const content = {
      block,
      summaryHash: block.payloadHash,
      beacon: beaconOf(block.height),
      stateRoot: sha256(utf8(`state ${block.height}`)),
      manifestRoot: sha256(utf8(`manifest ${block.height}`)),
    };
    const message = catchUpMessage(this.world.subnet.subnetId, CONTENT.encode(content));
    return { content, summary, signature: bls.sign(this.groupSecret, message) };
  }

  #dealt(record: SubnetRecord, key: KeyName, threshold: number) {
    const count = record.nodes.length;
    const dealing = dealShares(bls, { threshold, count, entropy: sha256(utf8(`genesis ${key}`)) });
    for (const { index, secretKey, publicKey } of dealing.shares) {
      const node = this.#indexOf((record.nodes[index] as NodeRecord).nodeId);
      (this.#secrets[node] as Secrets).shares.set(toHex(publicKey), secretKey);
    }
    const transcript: Transcript = {
      target: { summaryHeight: 0, key },
      threshold,
      members: record.nodes.map(({ nodeId }) => nodeId),
      groupKey: dealing.groupPublicKey,
      shareKeys: dealing.shares.map(({ publicKey }) => publicKey),
      dealers: [],
      sharingHash: new Uint8Array(0),
    };
    return { transcript, secretKey: dealing.secretKey };
  }

  #indexOf(nodeId: Uint8Array): number {
    return this.#publicKeys.findIndex((key) => bytesEqual(selfAuthenticating(key), nodeId));
  }

  #recordAt(height: number): SubnetRecord {
    const found = this.records.findLast(({ sinceHeight }) => sinceHeight <= height);
    return (found ?? (this.records[0] as { record: SubnetRecord })).record;
  }

  #hear(node: TestNode, message: Message): void {
    switch (message.kind) {
      case 'EpochBegan':
        return this.#epochBegan(node, message.summary);
      case 'DealingsFinalized':
        for (const dealing of message.dealings) this.#open(node, dealing);
        return;
      case 'RequestSubnetRecord':
        return this.#sayRecords(node);
      case 'BatchReady':
        // Consensus hears of the height in a moment; what changed with it is said before.
        if (this.records.some(({ sinceHeight }) => sinceHeight === message.height))
          this.#sayRecords(node, message.height);
        return this.#checkpoint(node, message.height);
      case 'SyncState':
        return this.world.at(50, () => this.#synced(node, message.package));
      default:
    }
  }

  #sayRecords(node: TestNode, height = node.executed): void {
    const records = this.records.filter(({ sinceHeight }) => sinceHeight <= height);
    this.world.tell(node.index, { kind: 'SubnetRecordChanged', height, records });
  }

  #synced(node: TestNode, proven: CatchUpPackage): void {
    const { height } = proven.content.block;
    if (!node.up || node.executed >= height) return;
    node.executed = height;
    this.world.sayTip(node);
    this.world.tell(node.index, { kind: 'RequestBatches', fromHeight: height + 1 });
  }

  /** All beacons have signed it as soon as one has executed the height. */
  #checkpoint(node: TestNode, height: number): void {
    const { summary, block } = node.core.view().epochLog.opening;
    if (!this.makesPackages || block === undefined || summary.height !== height) return;
    this.world.tell(node.index, {
      kind: 'CatchUpPackageMade',
      package: this.package(summary, block),
    });
  }

  #epochBegan(node: TestNode, summary: Summary): void {
    const secrets = this.#secrets[node.index] as Secrets;
    for (const key of ['low', 'high'] as const) this.#derive(node, summary.next[key]);
    for (const config of summary.configs) {
      this.#configs.set(targetKey(config), config);
      const position = config.dealers.findIndex((id) => bytesEqual(id, node.nodeId));
      if (position < 0 || this.silent.has(node.index)) continue;
      const oldKey = config.dealerShareKeys[position];
      const oldShare = oldKey && secrets.shares.get(toHex(oldKey));
      if (oldKey !== undefined && oldShare === undefined) continue;
      const dealing = deal(ENGINES, {
        config,
        dealer: node.nodeId,
        nodeSecret: node.secret,
        entropy: sha256(utf8(`${node.index} deals ${targetKey(config)}`)),
        ...(oldShare !== undefined && { oldShare }),
      });
      if (dealing.kind === 'valid') this.publishDealing(node, dealing.value);
    }
  }

  publishDealing(node: TestNode, dealing: Dealing): void {
    this.world.tell(node.index, { kind: 'DealingMade', dealing });
    const body = DEALING.encode(dealing);
    this.world.says(node.index, {
      kind: 'PublishArtifact',
      artifactKind: 'dealing',
      id: sha256(body),
      body,
    });
  }

  /** From a peer to everybody else. */
  publishComplaintOf(from: number, complaint: Complaint): void {
    const body = COMPLAINT.encode(complaint);
    for (const { index } of this.world.nodes)
      if (index !== from) this.world.artifact(index, from, 'complaint', body);
  }

  publishComplaint(node: TestNode, complaint: Complaint): void {
    this.world.tell(node.index, { kind: 'ComplaintMade', complaint });
    const body = COMPLAINT.encode(complaint);
    this.world.says(node.index, {
      kind: 'PublishArtifact',
      artifactKind: 'complaint',
      id: sha256(body),
      body,
    });
  }

  #open(node: TestNode, dealing: Dealing): void {
    const config = this.#configs.get(targetKey(dealing));
    const secrets = this.#secrets[node.index] as Secrets;
    const { secretKey: receiverSecret } = secrets.receiver;
    if (!config?.receivers.some((id) => bytesEqual(id, node.nodeId))) return;
    const receiver = node.nodeId;
    const share = openDealing(ENGINES, { config, dealing, receiver, receiverSecret });
    if (share === undefined) {
      const entropy = sha256(utf8('complaint'));
      const { secret: nodeSecret } = node;
      const request = { config, dealing, receiver, receiverSecret, nodeSecret, entropy };
      return this.publishComplaint(node, complain(ENGINES, request));
    }
    const opened = secrets.opened.get(targetKey(dealing)) ?? [];
    secrets.opened.set(targetKey(dealing), [...opened, { dealer: dealing.dealer, share }]);
  }

  #derive(node: TestNode, transcript: Transcript): void {
    const config = this.#configs.get(targetKey(transcript));
    const secrets = this.#secrets[node.index] as Secrets;
    const opened = secrets.opened.get(targetKey(transcript)) ?? [];
    const position = transcript.members.findIndex((id) => bytesEqual(id, node.nodeId));
    if (config === undefined || position < 0) return;
    const receiver = node.nodeId;
    const share = secretShareOf(bls, { config, transcript, receiver, opened });
    const publicKey = transcript.shareKeys[position] as Uint8Array;
    if (share.kind === 'valid') secrets.shares.set(toHex(publicKey), share.value);
  }

  /** Whether a node can sign with its share of a key. */
  holds(index: number, transcript: Transcript): boolean {
    const position = transcript.members.findIndex((id) =>
      bytesEqual(id, this.world.node(index).nodeId),
    );
    const publicKey = transcript.shareKeys[position];
    return (
      publicKey !== undefined && (this.#secrets[index] as Secrets).shares.has(toHex(publicKey))
    );
  }

  offerPackage(to: number, from: number, offered: CatchUpPackage): void {
    this.world.artifact(to, from, 'catch_up', PACKAGE.encode(offered));
  }
}

function targetKey({ target }: Pick<Dealing, 'target'>): string {
  return `${target.summaryHeight}/${target.key}`;
}
