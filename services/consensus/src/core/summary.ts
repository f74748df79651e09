// What a summary block says, as a pure function of the summary before it, of the keys that the chain has generated since
// and of the subnet record in the state that its block calls certified (protocol 2.6). Maker and validators compute it alike.
import {
  contract,
  type DkgConfig,
  decodeSummary,
  type EpochKeys,
  encodeSummary,
  type KeyName,
  type SubnetRecord,
  type Summary,
  type Transcript,
} from '@internode/contracts';
import { bytesEqual } from '@internode/prelude';
import { nextSummaryHeight } from './epochs.ts';
import { faultsTolerated, shuffle } from './membership.ts';

export const SUMMARY = contract('Summary', 'types', 'summary', encodeSummary, decodeSummary);

/** Above so many members dealers are sampled, and the permanent key has a lower threshold (protocol 8.3). */
const MEMBERS_SMALL_MAX = 40;
/** Sampled dealers of a fresh key: none is honest once in 2^54. */
const DEALERS_SAMPLED = 32;
const RECEIVER_KEY_BYTES = 32;

export interface SummaryFacts {
  readonly height: number;
  /** In the state of the block's certified height; absent: in a subnet that nobody controls. */
  readonly record: SubnetRecord | undefined;
  /** By key that was to be generated: what came out; absent = too few dealings. */
  readonly generated: ReadonlyMap<KeyName, Transcript | undefined>;
  /** Hash of the parent block: who deals, where not all do. */
  readonly seed: Uint8Array;
}

export function summaryAfter(previous: Summary, facts: SummaryFacts): Summary {
  const { height, generated, seed } = facts;
  const current = previous.next;
  const planned = keysOf(previous, generated);
  const record = facts.record ?? planned.record;
  // What needs no new keys (halting, versions, addresses) does not wait for any.
  const next = sameReceivers(planned.record, record) ? { ...planned, record } : planned;
  const configs = configsOf({ height, current, next, record, seed });
  return { height, nextHeight: nextSummaryHeight(height, current), current, next, configs, record };
}

export function sameSummary(a: Summary, b: Summary): boolean {
  return bytesEqual(SUMMARY.encode(a), SUMMARY.encode(b));
}

/** Members and keys decided by the dealings of an epoch. All or nothing: a failed generation leaves all as it is. */
function keysOf(
  previous: Summary,
  generated: ReadonlyMap<KeyName, Transcript | undefined>,
): EpochKeys {
  const { next, record, configs } = previous;
  const made = (key: KeyName): Transcript | undefined =>
    configs.some(({ target }) => target.key === key) ? generated.get(key) : next[key];
  const low = made('low');
  const high = made('high');
  if (low === undefined || high === undefined) return next;
  const reshared = configs.some(({ target }) => target.key === 'high');
  if (!reshared && !sameReceivers(record, next.record)) return next;
  return { record, low, high };
}

interface Wanted {
  readonly height: number;
  readonly current: EpochKeys;
  readonly next: EpochKeys;
  readonly record: SubnetRecord;
  readonly seed: Uint8Array;
}

/** The keys to be generated in an epoch: for the members of `record`, by those of the epoch. */
function configsOf({ height, current, next, record, seed }: Wanted): DkgConfig[] {
  const { nodes } = record;
  // Without receiver keys (a subnet set up for development) nothing can be dealt: the keys stay as they are.
  if (nodes.some(({ receiverKey }) => receiverKey.length !== RECEIVER_KEY_BYTES)) return [];
  const changes = !sameReceivers(record, next.record);
  const configs: DkgConfig[] = [];
  if (nodes.length > 1 || changes) configs.push(freshKey({ height, current, record, seed }));
  if (changes) configs.push(resharedKey({ height, current, record, seed }));
  return configs;
}

function receiversOf({ nodes }: SubnetRecord) {
  return {
    receivers: nodes.map(({ nodeId }) => nodeId),
    receiverKeys: nodes.map(({ receiverKey }) => receiverKey),
  };
}

function freshKey({ height, current, record, seed }: Omit<Wanted, 'next'>): DkgConfig {
  const members = current.record.nodes.map(({ nodeId }) => nodeId);
  const dealers = sample(members.length, DEALERS_SAMPLED, seed).map(
    (i) => members[i] as Uint8Array,
  );
  return {
    target: { summaryHeight: height, key: 'low' },
    threshold: faultsTolerated(record.nodes.length) + 1,
    dealers,
    ...receiversOf(record),
    dealerShareKeys: [],
    dealerIndices: [],
    dealingsNeeded: faultsTolerated(dealers.length) + 1,
  };
}

function resharedKey({ height, current, record, seed }: Omit<Wanted, 'next'>): DkgConfig {
  const { members, shareKeys, threshold } = current.high;
  // Of so many, a threshold is honest whoever fails.
  const enough = threshold + faultsTolerated(members.length);
  const indices = sample(members.length, enough, seed);
  return {
    target: { summaryHeight: height, key: 'high' },
    threshold: highThreshold(record.nodes.length),
    dealers: indices.map((i) => members[i] as Uint8Array),
    ...receiversOf(record),
    dealerShareKeys: indices.map((i) => shareKeys[i] as Uint8Array),
    dealerIndices: indices,
    dealingsNeeded: threshold,
  };
}

/** Shares that the permanent key needs: certification and catch-up packages. */
export function highThreshold(members: number): number {
  const faults = faultsTolerated(members);
  return members > MEMBERS_SMALL_MAX ? faults + 1 : 2 * faults + 1;
}

/** Ascending indices: all of a small subnet, else so many by lot. */
function sample(members: number, many: number, seed: Uint8Array): number[] {
  const all = Array.from({ length: members }, (_, i) => i);
  if (members <= MEMBERS_SMALL_MAX || many >= members) return all;
  return [...shuffle(members, seed, 'dealers')].slice(0, many).sort((a, b) => a - b);
}

/** Whether the keys of one serve the other: the same nodes with the same keys to receive shares by. */
export function sameReceivers(a: SubnetRecord, b: SubnetRecord): boolean {
  return (
    a.nodes.length === b.nodes.length &&
    a.nodes.every((node, i) => {
      const other = b.nodes[i];
      return (
        other !== undefined &&
        bytesEqual(node.nodeId, other.nodeId) &&
        bytesEqual(node.receiverKey, other.receiverKey)
      );
    })
  );
}
