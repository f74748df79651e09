// Keys of a whole subnet from one dealer, for development and tests: whoever deals knows every secret. Subnets whose
// nodes do not trust a dealer generate their keys together instead; what a node holds afterwards has the same form.
import type { NodeRecord, SubnetRecord, Summary, Transcript } from '@internode/contracts';
import {
  type BlsEngine,
  blsPublicKeyToDer,
  dealShares,
  generateBlsKey,
  generateReceiverKey,
  provePossession,
  type SignatureEngine,
} from '@internode/crypto';
import { selfAuthenticating, separator, sha256 } from '@internode/encoding';
import { assert, compareBytes, concatBytes } from '@internode/prelude';
import { type BeaconSubnet, faultsTolerated, type ThresholdKey } from './subnet.ts';

/** What is published about a subnet. Members are sorted by node id; shares are counted in that order. */
export interface DealtSubnet extends BeaconSubnet {
  /** Principal derived from the subnet's key. */
  readonly subnetId: Uint8Array;
  /** The high key's group key in DER: what certificates verify under. */
  readonly publicKeyDer: Uint8Array;
  readonly registryVersion: number;
  readonly members: readonly { readonly nodeId: Uint8Array; readonly publicKey: Uint8Array }[];
}

/** What one node keeps to itself. */
export interface NodeKeys {
  readonly nodeId: Uint8Array;
  /** Ed25519, 32 bytes. */
  readonly nodeSecret: Uint8Array;
  /** BLS, for multi-signatures. */
  readonly voteSecret: Uint8Array;
  /** 32 bytes from which the key is made that shares are encrypted to. */
  readonly receiverSecret: Uint8Array;
  readonly lowShare: Uint8Array;
  readonly highShare: Uint8Array;
}

export interface SubnetDealing {
  readonly subnet: DealtSubnet;
  /** Of height 0, with the keys dealt here. */
  readonly summary: Summary;
  /** In the order of `subnet.members`. */
  readonly nodes: readonly NodeKeys[];
}

/** Deals for `nodes` members, as a function of `entropy` (at least 32 unpredictable bytes). */
export function dealSubnet(options: {
  readonly nodes: number;
  readonly entropy: Uint8Array;
  readonly bls: BlsEngine;
  readonly signatures: SignatureEngine;
  /** Heights from summary to summary; absent: no epochs, the keys stay for ever. */
  readonly epochLength?: number;
}): SubnetDealing {
  const { nodes: count, entropy, bls, signatures, epochLength = 0 } = options;
  assert(count >= 1 && entropy.length >= 32, 'dealSubnet: options');
  const derive = (label: string): Uint8Array =>
    sha256(concatBytes(separator('internode-dealing'), separator(label), entropy));
  const faults = faultsTolerated(count);
  const low = dealShares(bls, { threshold: faults + 1, count, entropy: derive('low') });
  const high = dealShares(bls, { threshold: 2 * faults + 1, count, entropy: derive('high') });
  const identities = Array.from({ length: count }, (_, i) => {
    const nodeSecret = derive(`node ${i}`);
    const publicKey = signatures.ed25519PublicKey(nodeSecret);
    const { secretKey: voteSecret } = generateBlsKey(bls, derive(`vote ${i}`));
    const receiverSecret = derive(`receiver ${i}`);
    const nodeId = selfAuthenticating(publicKey);
    return { nodeSecret, voteSecret, receiverSecret, publicKey, nodeId };
  }).sort((a, b) => compareBytes(a.nodeId, b.nodeId));
  const publicKeyDer = blsPublicKeyToDer(high.groupPublicKey);
  const subnet = {
    subnetId: selfAuthenticating(publicKeyDer),
    publicKeyDer,
    registryVersion: 1,
    members: identities.map(({ nodeId, publicKey }) => ({ nodeId, publicKey })),
    low: publicHalf(low, faults + 1),
    high: publicHalf(high, 2 * faults + 1),
  };
  const nodes = identities.map(({ nodeId, nodeSecret, voteSecret, receiverSecret }, index) => ({
    nodeId,
    nodeSecret,
    voteSecret,
    receiverSecret,
    lowShare: secretAt(low, index),
    highShare: secretAt(high, index),
  }));
  const record = {
    version: subnet.registryVersion,
    nodes: nodes.map((node) => recordOf(node, { bls, signatures })),
    controller: new Uint8Array(0),
    replicaVersion: '',
    halted: false,
    epochLength,
  };
  return { subnet, summary: genesisSummary(subnet, record), nodes };
}

/** The public half of a node. */
function recordOf(
  { nodeId, nodeSecret, voteSecret, receiverSecret }: Omit<NodeKeys, 'lowShare' | 'highShare'>,
  { bls, signatures }: { readonly bls: BlsEngine; readonly signatures: SignatureEngine },
): NodeRecord {
  return {
    nodeId,
    publicKey: signatures.ed25519PublicKey(nodeSecret),
    voteKey: bls.publicKey(voteSecret),
    voteKeyProof: provePossession(bls, voteSecret),
    receiverKey: generateReceiverKey(receiverSecret).publicKey,
    address: '',
  };
}

/** The summary of a subnet that begins: its keys are those that were dealt, and nothing has been generated. */
export function genesisSummary(subnet: DealtSubnet, record: SubnetRecord): Summary {
  const members = subnet.members.map(({ nodeId }) => nodeId);
  const transcript = (key: 'low' | 'high'): Transcript => ({
    target: { summaryHeight: 0, key },
    threshold: subnet[key].threshold,
    members,
    groupKey: subnet[key].groupPublicKey,
    shareKeys: subnet[key].sharePublicKeys,
    dealers: [],
    sharingHash: new Uint8Array(0),
  });
  const keys = { record, low: transcript('low'), high: transcript('high') };
  const { epochLength: nextHeight } = record;
  return { height: 0, nextHeight, current: keys, next: keys, configs: [], record };
}

type Dealt = ReturnType<typeof dealShares>;

function publicHalf(dealt: Dealt, threshold: number): ThresholdKey {
  const sharePublicKeys = dealt.shares.map((share) => share.publicKey);
  return { threshold, groupPublicKey: dealt.groupPublicKey, sharePublicKeys };
}

function secretAt(dealt: Dealt, index: number): Uint8Array {
  const share = dealt.shares[index];
  assert(share !== undefined && share.index === index, 'dealSubnet: shares are in order');
  return share.secretKey;
}
