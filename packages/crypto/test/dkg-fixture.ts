// Nodes, configurations and honest runs of key generation.
import {
  type DkgComplaint,
  type DkgConfig,
  type DkgDealing,
  type DkgEngines,
  type DkgTranscript,
  deal,
  generateReceiverKey,
  openDealing,
  secretShareOf,
  transcriptOf,
} from '@internode/crypto';
import { loadFastBls, nodeSignatures } from '@internode/crypto/fast';
import { selfAuthenticating, sha256 } from '@internode/encoding';
import { compareBytes, concatBytes, utf8 } from '@internode/prelude';
import { scalarFromEntropy, scalarToBytes } from '../src/bls-scalar.ts';
import { contextOf, digest } from '../src/dkg/context.ts';
import { dealingMessage, proofMessage } from '../src/dkg/deal.ts';
import { encryptShare } from '../src/dkg/envelope.ts';
import { sharedPoint } from '../src/dkg/ristretto.ts';

export const engines: DkgEngines = { bls: await loadFastBls(), signatures: nodeSignatures };

export interface TestNode {
  readonly nodeId: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly nodeSecret: Uint8Array;
  readonly receiver: { readonly secretKey: Uint8Array; readonly publicKey: Uint8Array };
}

export function entropyOf(label: string): Uint8Array {
  return sha256(utf8(label));
}

export function nodesOf(count: number, label = 'node'): readonly TestNode[] {
  return Array.from({ length: count }, (_, i) => {
    const nodeSecret = entropyOf(`${label} ${i}`);
    const publicKey = nodeSignatures.ed25519PublicKey(nodeSecret);
    const receiver = generateReceiverKey(sha256(nodeSecret));
    return { nodeId: selfAuthenticating(publicKey), publicKey, nodeSecret, receiver };
  }).sort((a, b) => compareBytes(a.nodeId, b.nodeId));
}

/** A key as its holders have it. */
export interface Generated {
  readonly nodes: readonly TestNode[];
  readonly transcript: DkgTranscript;
  /** By member. */
  readonly secrets: readonly Uint8Array[];
}

export function freshConfig(nodes: readonly TestNode[], threshold: number, height = 0): DkgConfig {
  return {
    target: { summaryHeight: height, key: 'low' },
    threshold,
    dealers: nodes.map(({ nodeId }) => nodeId),
    receivers: nodes.map(({ nodeId }) => nodeId),
    receiverKeys: nodes.map(({ receiver }) => receiver.publicKey),
    dealerShareKeys: [],
    dealerIndices: [],
    dealingsNeeded: Math.floor((nodes.length - 1) / 3) + 1,
  };
}

export function reshareConfig(
  old: Generated,
  nodes: readonly TestNode[],
  options: { readonly threshold: number; readonly height: number },
): DkgConfig {
  return {
    target: { summaryHeight: options.height, key: 'high' },
    threshold: options.threshold,
    dealers: old.transcript.members,
    receivers: nodes.map(({ nodeId }) => nodeId),
    receiverKeys: nodes.map(({ receiver }) => receiver.publicKey),
    dealerShareKeys: old.transcript.shareKeys,
    dealerIndices: old.transcript.members.map((_, i) => i),
    dealingsNeeded: old.transcript.threshold,
  };
}

export function dealBy(
  config: DkgConfig,
  node: TestNode,
  options: { readonly oldShare?: Uint8Array; readonly label?: string } = {},
): DkgDealing {
  const { oldShare, label = 'dealing' } = options;
  const dealt = deal(engines, {
    config,
    dealer: node.nodeId,
    nodeSecret: node.nodeSecret,
    ...(oldShare === undefined ? {} : { oldShare }),
    entropy: sha256(concatBytes(utf8(label), node.nodeSecret)),
  });
  if (dealt.kind !== 'valid') throw new Error(dealt.reason);
  return dealt.value;
}

export function open(
  config: DkgConfig,
  dealing: DkgDealing,
  node: TestNode,
): Uint8Array | undefined {
  const { nodeId: receiver, receiver: key } = node;
  return openDealing(engines, { config, dealing, receiver, receiverSecret: key.secretKey });
}

/** What the chain's record makes of it, at every receiver. */
export function finish(
  nodes: readonly TestNode[],
  record: {
    readonly config: DkgConfig;
    readonly dealings: readonly DkgDealing[];
    readonly complaints?: readonly DkgComplaint[];
  },
): Generated {
  const { config, dealings, complaints = [] } = record;
  const transcript = transcriptOf(engines, { config, dealings, complaints });
  if (transcript === undefined) throw new Error('key generation failed');
  const secrets = nodes.map((node) => {
    const opened = dealings.flatMap((dealing) => {
      const share = open(config, dealing, node);
      return share === undefined ? [] : [{ dealer: dealing.dealer, share }];
    });
    const receiver = node.nodeId;
    const secret = secretShareOf(engines.bls, { config, transcript, receiver, opened });
    if (secret.kind !== 'valid') throw new Error(secret.reason);
    return secret.value;
  });
  return { nodes, transcript, secrets };
}

export function generate(nodes: readonly TestNode[], threshold: number, height = 0): Generated {
  const config = freshConfig(nodes, threshold, height);
  return finish(nodes, { config, dealings: nodes.map((node) => dealBy(config, node)) });
}

export function reshare(
  old: Generated,
  nodes: readonly TestNode[],
  options: { readonly threshold: number; readonly height: number },
): Generated {
  const config = reshareConfig(old, nodes, options);
  const dealings = old.nodes.map((node, i) =>
    dealBy(config, node, { oldShare: old.secrets[i] as Uint8Array }),
  );
  return finish(nodes, { config, dealings });
}

/** Whether these members' shares sign for the group. */
export function signs(key: Generated, members: readonly number[]): boolean {
  return combines(
    key.transcript.groupKey,
    members.map((index) => ({ index, secret: key.secrets[index] as Uint8Array })),
  );
}

export function combines(
  groupKey: Uint8Array,
  shares: readonly { readonly index: number; readonly secret: Uint8Array }[],
): boolean {
  const message = utf8('message');
  const combined = engines.bls.combineShares(
    shares.map(({ index }) => index),
    shares.map(({ secret }) => engines.bls.sign(secret, message)),
  );
  if (combined.kind !== 'valid') return false;
  const signed = { publicKey: groupKey, message, signature: combined.value };
  return engines.bls.verify(signed).kind === 'valid';
}

/** What a dealer that is not honest publishes: it knows its secret and its node key, so proof and signature cover anything. */
export function dealTampered(
  config: DkgConfig,
  node: TestNode,
  tamper: (dealing: DkgDealing) => DkgDealing,
): DkgDealing {
  const entropy = sha256(concatBytes(utf8('dealing'), node.nodeSecret));
  const source = digest('internode-dkg-entropy', [entropy, contextOf(config), node.nodeId]);
  const dealing = tamper(dealBy(config, node));
  const constant = scalarToBytes(scalarFromEntropy(source, 0));
  const proof = engines.bls.sign(constant, proofMessage(config, dealing));
  return resign(config, node, { ...dealing, proof });
}

export function resign(config: DkgConfig, node: TestNode, dealing: DkgDealing): DkgDealing {
  const message = dealingMessage(config, dealing);
  return { ...dealing, signature: nodeSignatures.signEd25519(node.nodeSecret, message) };
}

/** All that is public is in order, but one receiver's envelope holds something else. */
export function dealCheating(config: DkgConfig, node: TestNode, victim: number): DkgDealing {
  return dealTampered(config, node, (dealing) => ({
    ...dealing,
    ciphertexts: dealing.ciphertexts.map((bytes, i) =>
      i === victim ? bytes.map((byte) => byte ^ 1) : bytes,
    ),
  }));
}

/** As `dealCheating`, with an authentic envelope: the share in it lies on another polynomial. */
export function dealOffPolynomial(config: DkgConfig, node: TestNode, victim: number): DkgDealing {
  const entropy = sha256(concatBytes(utf8('dealing'), node.nodeSecret));
  const source = digest('internode-dkg-entropy', [entropy, contextOf(config), node.nodeId]);
  const ephemeral = generateReceiverKey(digest('internode-dkg-ephemeral', [source]));
  const receiver = config.receivers[victim] as Uint8Array;
  const receiverKey = config.receiverKeys[victim] as Uint8Array;
  const point = sharedPoint(ephemeral.secretKey, receiverKey) as Uint8Array;
  const envelope = {
    context: contextOf(config),
    dealer: node.nodeId,
    receiver,
    ephemeralKey: ephemeral.publicKey,
    receiverKey,
  };
  const wrong = encryptShare(envelope, point, scalarToBytes(12345n));
  return dealTampered(config, node, (dealing) => ({
    ...dealing,
    ciphertexts: dealing.ciphertexts.map((bytes, i) => (i === victim ? wrong : bytes)),
  }));
}
