// Who is a member at which height. The newest final summary says it for its own epoch and for the next one (protocol 2.1,
// 2.6); heights beyond wait until the next summary is final, so members never depend on a block that may not stay.
import type { EpochKeys, Summary } from '@internode/contracts';
import { assert } from '@internode/prelude';
import { Subnet, type SubnetRecord } from './subnet.ts';

/** A span of heights with the same members and keys. */
export interface Epoch {
  readonly from: number;
  /** First height of the next epoch; Infinity when there is none. */
  readonly end: number;
  readonly keys: EpochKeys;
  readonly subnet: Subnet;
}

export class Epochs {
  readonly subnetId: Uint8Array;
  readonly nodeId: Uint8Array;
  readonly #listVotesMax: number | undefined;
  /** Ascending, without gaps. The last two come from the newest final summary. */
  #epochs: readonly Epoch[] = [];
  #summary: Summary;

  constructor(
    identity: { readonly subnetId: Uint8Array; readonly nodeId: Uint8Array },
    genesis: Summary,
    listVotesMax?: number,
  ) {
    this.subnetId = identity.subnetId;
    this.nodeId = identity.nodeId;
    this.#listVotesMax = listVotesMax;
    this.#summary = genesis;
    this.learn(genesis);
  }

  /** The newest final summary. */
  get summary(): Summary {
    return this.#summary;
  }

  /** Nobody but this node is a member, now or in the next epoch: there is nobody to offer artifacts to. */
  get alone(): boolean {
    return this.#epochs.every(({ subnet }) => subnet.n === 1 && subnet.self !== undefined);
  }

  at(height: number): Epoch | undefined {
    // Nearly always the last or the one before.
    for (let index = this.#epochs.length - 1; index >= 0; index -= 1) {
      const epoch = this.#epochs[index];
      if (epoch !== undefined && height >= epoch.from)
        return height < epoch.end ? epoch : undefined;
    }
    return undefined;
  }

  /** The members at a height that rules have judged before. */
  subnetOf(height: number): Subnet {
    const epoch = this.at(height);
    assert(epoch !== undefined, 'epochs: height of no known epoch');
    return epoch.subnet;
  }

  /** A summary that is final. What older ones said of heights before it stays. */
  learn(summary: Summary): void {
    const { height, nextHeight, current, next } = summary;
    const before = this.#epochs
      .filter(({ from }) => from < height)
      .map((epoch) => (epoch.end > height ? { ...epoch, end: height } : epoch));
    const now = this.#epoch(current, height, endOf(nextHeight));
    const after =
      nextHeight === 0
        ? []
        : [this.#epoch(next, nextHeight, endOf(nextSummaryHeight(nextHeight, next)))];
    this.#epochs = [...before, now, ...after];
    this.#summary = summary;
  }

  /** Heights below are not asked for any more. */
  forgetBelow(height: number): void {
    if (this.#epochs.some(({ end }) => end <= height))
      this.#epochs = this.#epochs.filter(({ end }) => end > height);
  }

  #epoch(keys: EpochKeys, from: number, end: number): Epoch {
    const { version, nodes } = keys.record;
    const record = { subnetId: this.subnetId, registryVersion: version, members: nodes };
    return { from, end, keys, subnet: new Subnet(record, this.nodeId, this.#listVotesMax) };
  }
}

/** Where the epoch that begins at `height` ends; 0 = never. */
export function nextSummaryHeight(height: number, keys: EpochKeys): number {
  const { epochLength } = keys.record;
  return epochLength === 0 ? 0 : height + epochLength;
}

/** The summary at height 0: members from configuration. Keys that it does not name live in beacon's own configuration. */
export function summaryAtGenesis(subnet: SubnetRecord, epochLength = 0): Summary {
  const members = new Subnet(subnet).members;
  const none = new Uint8Array(0);
  const nodes = members.map(({ nodeId, publicKey, voteKey = none, voteKeyProof = none }) => ({
    nodeId,
    publicKey,
    voteKey,
    voteKeyProof,
    receiverKey: none,
    address: '',
  }));
  const record = {
    version: subnet.registryVersion,
    nodes,
    controller: none,
    replicaVersion: '',
    halted: false,
    epochLength,
  };
  const ids = nodes.map(({ nodeId }) => nodeId);
  const transcript = (key: 'low' | 'high') => ({
    target: { summaryHeight: 0, key },
    threshold: 0,
    members: ids,
    groupKey: none,
    shareKeys: [],
    dealers: [],
    sharingHash: none,
  });
  const keys = { record, low: transcript('low'), high: transcript('high') };
  return { height: 0, nextHeight: epochLength, current: keys, next: keys, configs: [], record };
}

function endOf(nextHeight: number): number {
  return nextHeight === 0 ? Number.POSITIVE_INFINITY : nextHeight;
}
