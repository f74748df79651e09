// The hands of adversaries: what they say, signed with the keys that they have.
import type { ArtifactKind, Message } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import {
  bytesOfProposal,
  bytesOfVote,
  hashOfBlock,
  PROPOSAL,
  VOTE,
  type VotePurpose,
} from '../wire.ts';
import type { Evil } from './behaviour.ts';

type Offer = Extract<Message, { kind: 'PublishArtifact' }>;
type Proposal = Parameters<typeof PROPOSAL.encode>[0];

export function offerOf(artifactKind: ArtifactKind, body: Uint8Array): Offer {
  return { kind: 'PublishArtifact', artifactKind, id: sha256(body), body };
}

/** The same, to these members only. */
export function directOf({ artifactKind, id, body }: Offer, toNodes: Uint8Array[]): Message {
  return { kind: 'SendArtifact', artifactKind, id, body, toNodes };
}

/** Two parts of the other members. */
export function twoSides({ subnet, node, random }: Evil): [Uint8Array[], Uint8Array[]] {
  const sides: [Uint8Array[], Uint8Array[]] = [[], []];
  for (const { nodeId } of subnet.members) {
    if (nodeId !== node.nodeId) sides[random.chance(0.5) ? 0 : 1].push(nodeId);
  }
  return sides;
}

/** Another block of the same height, signed by this node. */
export function signedProposal(
  { subnet, node, crypto }: Evil,
  proposal: Proposal,
  change: Partial<Proposal['block']>,
): Offer {
  const block = { ...proposal.block, ...change };
  const message = bytesOfProposal(subnet.subnetId, block);
  const signature = crypto.signatures.signEd25519(node.nodeSecret, message);
  const body = PROPOSAL.encode({ ...proposal, block, maker: node.nodeId, signature });
  return offerOf('block_proposal', body);
}

export function signedVote(
  { subnet, node, crypto }: Evil,
  purpose: VotePurpose,
  { height, blockHash }: { readonly height: number; readonly blockHash: Uint8Array },
): Offer {
  const message = bytesOfVote(purpose, subnet.subnetId, { height, blockHash });
  const signature = crypto.signatures.signEd25519(node.nodeSecret, message);
  const body = VOTE.encode({ height, blockHash, signer: node.nodeId, signature });
  return offerOf(`${purpose}_share`, body);
}

/** Of an offered proposal, when it is one. */
export function proposalIn(message: Message): Proposal | undefined {
  if (message.kind !== 'PublishArtifact' && message.kind !== 'ArtifactReceived') return undefined;
  if (message.artifactKind !== 'block_proposal') return undefined;
  const decoded = PROPOSAL.decode(message.body);
  return decoded.kind === 'valid' ? decoded.value : undefined;
}

export function blockHashOf({ block }: Proposal): Uint8Array {
  return hashOfBlock(block);
}

/** With one bit wrong. */
export function spoiled(bytes: Uint8Array, { random }: Evil): Uint8Array {
  const wrong = bytes.slice();
  if (wrong.length > 0) {
    const at = random.below(wrong.length);
    wrong[at] = (wrong[at] as number) ^ (1 << random.below(8));
  }
  return wrong;
}

/** Two who answer each other's inventions would fill a life with them: each makes so many. */
const INVENTIONS_MAX = 40;

/** True so many times, at random moments. */
export function inventiveness({ random }: Evil): () => boolean {
  let left = INVENTIONS_MAX;
  return () => {
    if (left === 0 || !random.chance(0.5)) return false;
    left -= 1;
    return true;
  };
}
