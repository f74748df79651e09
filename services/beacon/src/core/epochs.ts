// Which keys are in force at which height, and who holds a share of them.
import type { EpochKeys, Summary, Transcript } from '@internode/contracts';
import { bytesEqual, toHex } from '@internode/prelude';
import type { BeaconSubnet, ThresholdKey } from './subnet.ts';
import type { KeyName } from './task.ts';

/** A threshold key as one node sees it. */
export interface Keyring extends ThresholdKey {
  /** Position of a holder, by node id in hex. */
  readonly indexOf: ReadonlyMap<string, number>;
  readonly holders: readonly Uint8Array[];
  /** The own position; undefined when this node holds no share of it. */
  readonly self: number | undefined;
}

export type Keyrings = Readonly<Record<KeyName, Keyring>>;

/** A span of heights with the same keys. */
export interface Epoch extends Keyrings {
  readonly from: number;
  /** First height of the next; Infinity when there is none. */
  readonly end: number;
}

export class Epochs {
  readonly #nodeId: Uint8Array;
  /** Keys from configuration: in force until a summary names others. */
  readonly #configured: Keyrings;
  /** Ascending, without gaps. */
  #epochs: readonly Epoch[];
  #learnt: number | undefined;

  constructor(subnet: BeaconSubnet, nodeId: Uint8Array) {
    this.#nodeId = nodeId;
    const holders = subnet.members.map((member) => member.nodeId);
    const ring = (key: ThresholdKey) => keyringOf(key, holders, nodeId);
    this.#configured = { low: ring(subnet.low), high: ring(subnet.high) };
    this.#epochs = [{ from: 0, end: Number.POSITIVE_INFINITY, ...this.#configured }];
  }

  /** Height of the newest summary; undefined before the first. */
  get learnt(): number | undefined {
    return this.#learnt;
  }

  /** This node is the only holder of every key: there is nobody to talk to. */
  get alone(): boolean {
    return this.#epochs.every(({ low, high }) => isAlone(low) && isAlone(high));
  }

  at(height: number): Epoch | undefined {
    for (let i = this.#epochs.length - 1; i >= 0; i -= 1) {
      const epoch = this.#epochs[i];
      if (epoch !== undefined && height >= epoch.from)
        return height < epoch.end ? epoch : undefined;
    }
    return undefined;
  }

  /** Whether a peer holds a share of any key in sight. */
  knows(peer: string): boolean {
    return this.#epochs.some(({ low, high }) => low.indexOf.has(peer) || high.indexOf.has(peer));
  }

  /** The public keys, in hex, of the own shares of all keys in sight. */
  ownShareKeys(): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const { low, high } of this.#epochs) {
      for (const ring of [low, high]) {
        const key = ownShareKey(ring);
        if (key !== undefined) keys.add(toHex(key));
      }
    }
    return keys;
  }

  /** Answers whether the summary is newer than what was known. */
  learn(summary: Summary): boolean {
    const { height, nextHeight, current, next } = summary;
    if (this.#learnt !== undefined && height <= this.#learnt) return false;
    const end = nextHeight === 0 ? Number.POSITIVE_INFINITY : nextHeight;
    // Keys from configuration are those of genesis: of heights just below a later summary they say nothing.
    const before = (this.#learnt === undefined ? [] : this.#epochs)
      .filter(({ from }) => from < height)
      .map((epoch) => (epoch.end > height ? { ...epoch, end: height } : epoch));
    const now = { from: height, end, ...this.#keyrings(current) };
    const after = nextHeight === 0 ? [] : [this.#following(nextHeight, next)];
    this.#epochs = [...before, now, ...after];
    this.#learnt = height;
    return true;
  }

  /** Nothing is asked of heights below any more. Answers whether keys went out of sight. */
  forgetBelow(height: number): boolean {
    const kept = this.#epochs.filter(({ end }) => end > height);
    const forgot = kept.length < this.#epochs.length;
    this.#epochs = kept;
    return forgot;
  }

  /** The keys of the epoch after the running one; what follows that depends on a summary that is not final. */
  #following(from: number, keys: EpochKeys): Epoch {
    const { epochLength } = keys.record;
    const end = epochLength === 0 ? Number.POSITIVE_INFINITY : from + epochLength;
    return { from, end, ...this.#keyrings(keys) };
  }

  #keyrings({ low, high }: EpochKeys): Keyrings {
    return { low: this.#keyring('low', low), high: this.#keyring('high', high) };
  }

  #keyring(name: KeyName, transcript: Transcript): Keyring {
    const { threshold, groupKey, shareKeys, members } = transcript;
    // A summary without keys: they are in the configuration.
    if (groupKey.length === 0) return this.#configured[name];
    const key = { threshold, groupPublicKey: groupKey, sharePublicKeys: shareKeys };
    return keyringOf(key, members, this.#nodeId);
  }
}

function keyringOf(key: ThresholdKey, holders: readonly Uint8Array[], nodeId: Uint8Array): Keyring {
  const indexOf = new Map(holders.map((holder, index) => [toHex(holder), index]));
  return { ...key, holders, indexOf, self: indexOf.get(toHex(nodeId)) };
}

function isAlone({ holders, self }: Keyring): boolean {
  return holders.length === 1 && self !== undefined;
}

/** Names the own share; undefined when there is none. */
export function ownShareKey({ self, sharePublicKeys }: Keyring): Uint8Array | undefined {
  return self === undefined ? undefined : sharePublicKeys[self];
}

/** Whether shares of one are shares of the other. */
export function sameSharing(left: Keyring, right: Keyring): boolean {
  if (left === right) return true;
  const { sharePublicKeys: keys } = right;
  return (
    left.threshold === right.threshold &&
    left.sharePublicKeys.length === keys.length &&
    left.sharePublicKeys.every((key, i) => bytesEqual(key, keys[i] as Uint8Array)) &&
    left.holders.every((holder, i) => bytesEqual(holder, right.holders[i] as Uint8Array))
  );
}
