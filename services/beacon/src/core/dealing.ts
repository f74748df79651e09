// Keys of a whole subnet from one dealer, for development and tests: whoever deals knows every secret. Subnets whose
// nodes do not trust a dealer generate their keys together instead; what a node holds afterwards has the same form.
import {
  type BlsEngine,
  blsPublicKeyToDer,
  dealShares,
  type SignatureEngine,
} from '@internode/crypto';
import { selfAuthenticating, separator, sha256 } from '@internode/encoding';
import { assert, compareBytes, concatBytes } from '@internode/prelude';
import type { BeaconSubnet, ThresholdKey } from './subnet.ts';

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
  readonly lowShare: Uint8Array;
  readonly highShare: Uint8Array;
}

export interface SubnetDealing {
  readonly subnet: DealtSubnet;
  /** In the order of `subnet.members`. */
  readonly nodes: readonly NodeKeys[];
}

/** Deals for `nodes` members, as a function of `entropy` (at least 32 unpredictable bytes). */
export function dealSubnet(options: {
  readonly nodes: number;
  readonly entropy: Uint8Array;
  readonly bls: BlsEngine;
  readonly signatures: SignatureEngine;
}): SubnetDealing {
  const { nodes: count, entropy, bls, signatures } = options;
  assert(count >= 1 && entropy.length >= 32, 'dealSubnet: options');
  const derive = (label: string): Uint8Array =>
    sha256(concatBytes(separator('internode-dealing'), separator(label), entropy));
  const faults = Math.floor((count - 1) / 3);
  const low = dealShares(bls, { threshold: faults + 1, count, entropy: derive('low') });
  const high = dealShares(bls, { threshold: 2 * faults + 1, count, entropy: derive('high') });
  const identities = Array.from({ length: count }, (_, i) => {
    const nodeSecret = derive(`node ${i}`);
    const publicKey = signatures.ed25519PublicKey(nodeSecret);
    return { nodeSecret, publicKey, nodeId: selfAuthenticating(publicKey) };
  }).sort((a, b) => compareBytes(a.nodeId, b.nodeId));
  const publicKeyDer = blsPublicKeyToDer(high.groupPublicKey);
  return {
    subnet: {
      subnetId: selfAuthenticating(publicKeyDer),
      publicKeyDer,
      registryVersion: 1,
      members: identities.map(({ nodeId, publicKey }) => ({ nodeId, publicKey })),
      low: publicHalf(low, faults + 1),
      high: publicHalf(high, 2 * faults + 1),
    },
    nodes: identities.map(({ nodeId, nodeSecret }, index) => ({
      nodeId,
      nodeSecret,
      lowShare: secretAt(low, index),
      highShare: secretAt(high, index),
    })),
  };
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
