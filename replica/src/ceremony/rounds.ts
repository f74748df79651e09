// The rounds of a genesis without a dealer. Each is a function of files, and checks every byte that others made:
//
//   node        each operator: keys, and their public half
//   record      one of them: all public halves, signed by the ceremony key (whoever may change the record later)
//   deal        each: a share of both keys for everybody
//   complain    each: opens its shares, accuses who cheated, and says which dealings it has seen
//   finish      each: the keys that follow, if all have seen the same dealings
//
// Files are no broadcast: a cheater may give different dealings to different operators. That is why `complain` signs a digest
// of all dealings and `finish` wants this digest of everybody. All members take part; who does not is left out of the record.
import type {
  Complaint,
  Dealing,
  NodeRecord,
  SubnetRecord,
  Summary,
  Transcript,
} from '@internode/contracts';
import {
  type BlsEngine,
  checkReceiverKey,
  complain as complainOf,
  type DkgConfig,
  deal as dealOf,
  generateReceiverKey,
  openDealing,
  secretShareOf,
  transcriptOf,
  verifyComplaint,
  verifyDealing,
  verifyPossession,
} from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { principalToText, selfAuthenticating, sha256 } from '@internode/encoding';
import {
  bytesEqual,
  compareBytes,
  invalid,
  joinBytes,
  type Verdict,
  valid,
} from '@internode/prelude';
import { faultsTolerated } from '../faults.ts';
import { RECORD } from '../forms.ts';
import { nodeRecordOf } from '../genesis.ts';
import { type KeyShares, type NodeSecrets, nodeIdOf } from '../member.ts';
import {
  COMPLAINT,
  DEALING,
  type Document,
  NODE,
  partsOf,
  signDocument,
  signerOf,
} from './documents.ts';

/** Above it the threshold of the subnet's key is that of one honest node (protocol 8.3). */
const SMALL_SUBNET_MAX = 40;
const MEMBERS_MAX = 512;
/** No summary orders key generation at this height: dealings of a ceremony can never pass for those of an epoch. */
const CEREMONY_HEIGHT = Number.MAX_SAFE_INTEGER;
const KEYS = ['low', 'high'] as const;

export interface Operator {
  readonly secrets: NodeSecrets;
  readonly bls: BlsEngine;
  /** 32 unpredictable bytes at each call. */
  readonly random: () => Uint8Array;
}

export function describeNode({ secrets, bls }: Operator, address: string): Document {
  const part = NODE.encode(nodeRecordOf(secrets, address, bls));
  return signDocument(secrets.node, { kind: 'node', about: [], parts: [part] });
}

export interface RecordTerms {
  readonly nodes: readonly NodeRecord[];
  readonly replicaVersion: string;
  readonly epochLength: number;
}

/** The record, signed by the ceremony key: an Ed25519 secret. */
export function makeRecord(
  ceremonySecret: Uint8Array,
  terms: RecordTerms,
  bls: BlsEngine,
): Verdict<Document> {
  const record: SubnetRecord = {
    version: 1,
    nodes: [...terms.nodes].sort((a, b) => compareBytes(a.nodeId, b.nodeId)),
    controller: selfAuthenticating(nodeSignatures.ed25519PublicKey(ceremonySecret)),
    replicaVersion: terms.replicaVersion,
    halted: false,
    epochLength: terms.epochLength,
  };
  const checked = checkRecord(record, bls);
  if (checked.kind !== 'valid') return checked;
  const parts = [RECORD.encode(record)];
  return valid(signDocument(ceremonySecret, { kind: 'record', about: [], parts }));
}

/** Everything that a record claims of its nodes and that can be proven. */
export function checkRecord(record: SubnetRecord, bls: BlsEngine): Verdict<void> {
  const { nodes } = record;
  if (nodes.length < 1 || nodes.length > MEMBERS_MAX) return invalid('number of nodes');
  for (const [index, node] of nodes.entries()) {
    const before = nodes[index - 1];
    if (before !== undefined && compareBytes(before.nodeId, node.nodeId) >= 0)
      return invalid('a node comes twice, or nodes are not in order');
    const fault = faultOfNode(node, bls);
    if (fault !== undefined) return invalid(`node ${nameOf(node.nodeId)}: ${fault}`);
  }
  const addresses = new Set(nodes.map(({ address }) => address));
  return addresses.size === nodes.length ? valid() : invalid('two nodes have the same address');
}

/** What a node says of itself and can prove. */
export function faultOfNode(node: NodeRecord, bls: BlsEngine): string | undefined {
  if (!bytesEqual(selfAuthenticating(node.publicKey), node.nodeId)) return 'its id is not its key';
  if (verifyPossession(bls, node.voteKey, node.voteKeyProof).kind !== 'valid')
    return 'it has not proven that it holds its vote key';
  if (checkReceiverKey(node.receiverKey).kind !== 'valid') return 'its receiver key is no key';
  return /^[^\s:]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/.test(node.address)
    ? undefined
    : `its address ${node.address} is not host:port`;
}

export function configOf({ nodes }: SubnetRecord, key: 'low' | 'high'): DkgConfig {
  const ids = nodes.map(({ nodeId }) => nodeId);
  const faults = faultsTolerated(nodes.length);
  const isHigh = key === 'high' && nodes.length <= SMALL_SUBNET_MAX;
  return {
    target: { summaryHeight: CEREMONY_HEIGHT, key },
    threshold: isHigh ? 2 * faults + 1 : faults + 1,
    dealers: ids,
    receivers: ids,
    receiverKeys: nodes.map(({ receiverKey }) => receiverKey),
    dealerShareKeys: [],
    dealerIndices: [],
    dealingsNeeded: faults + 1,
  };
}

/** Throws nothing; a dealing is made once and kept, since two of one dealer would be a lie. */
export function makeDealings(operator: Operator, record: SubnetRecord): Verdict<Document> {
  const { secrets, bls, random } = operator;
  const own = checkOwn(operator, record);
  if (own.kind !== 'valid') return own;
  const parts: Uint8Array[] = [];
  for (const key of KEYS) {
    const dealt = dealOf(
      { bls, signatures: nodeSignatures },
      {
        config: configOf(record, key),
        dealer: nodeIdOf(secrets),
        nodeSecret: secrets.node,
        entropy: random(),
      },
    );
    if (dealt.kind !== 'valid') return dealt;
    parts.push(DEALING.encode(dealt.value));
  }
  const about = [digestOf(record)];
  return valid(signDocument(secrets.node, { kind: 'dealings', about, parts }));
}

/** The record must name this operator's node, with the keys that it has. */
export function checkOwn({ secrets, bls }: Operator, record: SubnetRecord): Verdict<void> {
  const own = record.nodes.find((node) => bytesEqual(node.nodeId, nodeIdOf(secrets)));
  if (own === undefined)
    return invalid(`your node ${nameOf(nodeIdOf(secrets))} is not in the record`);
  const expected = NODE.encode(nodeRecordOf(secrets, own.address, bls));
  return bytesEqual(NODE.encode(own), expected)
    ? valid()
    : invalid('the record names other keys for your node than you have');
}

/** All dealings of a ceremony, checked. */
export interface Dealt {
  readonly record: SubnetRecord;
  readonly dealings: Readonly<Record<'low' | 'high', readonly Dealing[]>>;
  /** What all have to have seen. */
  readonly digest: Uint8Array;
}

export function readDealings(
  record: SubnetRecord,
  documents: readonly Document[],
  bls: BlsEngine,
): Verdict<Dealt> {
  const dealings: Record<'low' | 'high', Dealing[]> = { low: [], high: [] };
  const bodies: Uint8Array[] = [];
  for (const node of record.nodes) {
    const document = onlyOf(documents, 'dealings', node, record);
    if (document.kind !== 'valid') return document;
    const decoded = partsOf(document.value, DEALING);
    if (decoded.kind !== 'valid') return decoded;
    if (decoded.value.length !== KEYS.length)
      return invalid(`${nameOf(node.nodeId)}: not two dealings`);
    for (const [index, key] of KEYS.entries()) {
      const dealing = decoded.value[index] as Dealing;
      const { publicKey } = node;
      const isOwn = bytesEqual(dealing.dealer, node.nodeId);
      const request = { config: configOf(record, key), dealing, publicKey };
      const verdict = isOwn
        ? verifyDealing({ bls, signatures: nodeSignatures }, request)
        : invalid('of another dealer');
      if (verdict.kind !== 'valid')
        return invalid(`the ${key} dealing of ${nameOf(node.nodeId)} is bad: ${verdict.reason}`);
      dealings[key].push(dealing);
    }
    bodies.push(...document.value.parts.map((part) => sha256(part)));
  }
  return valid({ record, dealings, digest: sha256(joinBytes([digestOf(record), ...bodies])) });
}

/** What this node found in its envelopes: complaints about those that do not hold what was promised. */
export function makeComplaints(operator: Operator, dealt: Dealt): Verdict<Document> {
  const { secrets, bls, random } = operator;
  const own = checkOwn(operator, dealt.record);
  if (own.kind !== 'valid') return own;
  const engines = { bls, signatures: nodeSignatures };
  const receiver = nodeIdOf(secrets);
  const parts: Uint8Array[] = [];
  for (const key of KEYS) {
    const config = configOf(dealt.record, key);
    for (const dealing of dealt.dealings[key]) {
      const request = { config, dealing, receiver, receiverSecret: receiverSecretOf(secrets) };
      if (openDealing(engines, request) !== undefined) continue;
      const complaint = complainOf(engines, {
        ...request,
        nodeSecret: secrets.node,
        entropy: random(),
      });
      parts.push(COMPLAINT.encode(complaint));
    }
  }
  const about = [digestOf(dealt.record), dealt.digest];
  return valid(signDocument(secrets.node, { kind: 'complaints', about, parts }));
}

/** Complaints of everybody, each of them justified, all of them about the same dealings. */
export function readComplaints(
  { record, dealings, digest }: Dealt,
  documents: readonly Document[],
  bls: BlsEngine,
): Verdict<readonly Complaint[]> {
  const engines = { bls, signatures: nodeSignatures };
  const complaints: Complaint[] = [];
  for (const node of record.nodes) {
    const name = nameOf(node.nodeId);
    const document = onlyOf(documents, 'complaints', node, record);
    if (document.kind !== 'valid') return document;
    const seen = document.value.about[1];
    if (seen === undefined || !bytesEqual(seen, digest))
      return invalid(
        `${name} has seen other dealings than you: compare your files, a dealer may have sent two`,
      );
    const decoded = partsOf(document.value, COMPLAINT);
    if (decoded.kind !== 'valid') return decoded;
    for (const complaint of decoded.value) {
      const { key } = complaint.target;
      const dealing = dealings[key].find(({ dealer }) => bytesEqual(dealer, complaint.dealer));
      if (dealing === undefined || !bytesEqual(complaint.receiver, node.nodeId))
        return invalid(`${name} complains about nobody, or for somebody else`);
      const config = configOf(record, key);
      const { publicKey } = node;
      const verdict = verifyComplaint(engines, { config, dealing, complaint, publicKey });
      if (verdict.kind !== 'valid')
        return invalid(
          `the complaint of ${name} about ${nameOf(complaint.dealer)} is false: leave ${name} out of the record`,
        );
      complaints.push(complaint);
    }
  }
  return valid(complaints);
}

export interface Outcome {
  readonly summary: Summary;
  readonly shares: KeyShares;
  /** Dealers that cheated and whose dealings do not count. */
  readonly disqualified: readonly Uint8Array[];
}

/** The keys of height 0 and this node's shares of them. Everybody comes to the same summary. */
export function finish(
  { secrets, bls }: Operator,
  { record, dealings }: Dealt,
  complaints: readonly Complaint[],
): Verdict<Outcome> {
  const engines = { bls, signatures: nodeSignatures };
  const receiver = nodeIdOf(secrets);
  const transcripts: Transcript[] = [];
  const shares: Uint8Array[] = [];
  for (const key of KEYS) {
    const config = configOf(record, key);
    const about = complaints.filter(({ target }) => target.key === key);
    const transcript = transcriptOf(engines, {
      config,
      dealings: dealings[key],
      complaints: about,
    });
    if (transcript === undefined)
      return invalid('too many dealers cheated: make a record without them and begin again');
    const opened = dealings[key].flatMap((dealing) => {
      const request = { config, dealing, receiver, receiverSecret: receiverSecretOf(secrets) };
      const share = openDealing(engines, request);
      return share === undefined ? [] : [{ dealer: dealing.dealer, share }];
    });
    const share = secretShareOf(bls, { config, transcript, receiver, opened });
    if (share.kind !== 'valid') return share;
    transcripts.push({ ...transcript, target: { summaryHeight: 0, key } });
    shares.push(share.value);
  }
  const [low, high] = transcripts as [Transcript, Transcript];
  const keys = { record, low, high };
  const counted = (id: Uint8Array): boolean =>
    transcripts.every(({ dealers }) => dealers.some((dealer) => bytesEqual(dealer, id)));
  return valid({
    summary: genesisSummary(keys),
    shares: { low: shares[0] as Uint8Array, high: shares[1] as Uint8Array },
    disqualified: record.nodes.map(({ nodeId }) => nodeId).filter((id) => !counted(id)),
  });
}

function receiverSecretOf({ receiver }: NodeSecrets): Uint8Array {
  return generateReceiverKey(receiver).secretKey;
}

function genesisSummary(keys: Summary['current']): Summary {
  const { record } = keys;
  const nextHeight = record.epochLength;
  return { height: 0, nextHeight, current: keys, next: keys, configs: [], record };
}

/** The document of this kind by this node about this record. */
function onlyOf(
  documents: readonly Document[],
  kind: Document['kind'],
  { nodeId }: NodeRecord,
  record: SubnetRecord,
): Verdict<Document> {
  const own = documents.filter(
    (document) => document.kind === kind && bytesEqual(signerOf(document), nodeId),
  );
  const [first] = own;
  if (first === undefined) return invalid(`the ${kind} of ${nameOf(nodeId)} are missing`);
  if (own.some(({ signature }) => !bytesEqual(signature, first.signature)))
    return invalid(
      `${nameOf(nodeId)} has made two different files of ${kind}: it cheats, or was copied`,
    );
  const about = first.about[0];
  return about !== undefined && bytesEqual(about, digestOf(record))
    ? valid(first)
    : invalid(`the ${kind} of ${nameOf(nodeId)} belong to another record`);
}

export function digestOf(record: SubnetRecord): Uint8Array {
  return sha256(RECORD.encode(record));
}

function nameOf(nodeId: Uint8Array): string {
  return principalToText(nodeId);
}
