// The artifacts of consensus: wire forms, hashes, and the bytes that are signed. Every hash and signature has a domain of
// its own. A hash is taken over our own encoding of decoded fields, so one block has one hash.
import {
  type Block,
  type BlockProposal,
  type ChainAnswer,
  type ChainLink,
  type ChainQuestion,
  type ConsensusEntry,
  contract,
  decodeBlock,
  decodeBlockProposal,
  decodeChainAnswer,
  decodeChainQuestion,
  decodeConsensusEntry,
  decodeEquivocationProof,
  decodeIngress,
  decodeStrippedPayload,
  decodeStrippedProposal,
  decodeThresholdValue,
  decodeVote,
  decodeVoteCertificate,
  type EquivocationProof,
  encodeBlock,
  encodeBlockProposal,
  encodeChainAnswer,
  encodeChainQuestion,
  encodeConsensusEntry,
  encodeEquivocationProof,
  encodeIngress,
  encodeStrippedPayload,
  encodeStrippedProposal,
  encodeThresholdValue,
  encodeVote,
  encodeVoteCertificate,
  type Ingress,
  type Payload,
  type StrippedPayload,
  type StrippedProposal,
  type Vote,
  type VoteCertificate,
} from '@internode/contracts';
import { separator, sha256 } from '@internode/encoding';
import { concatBytes, toKey } from '@internode/prelude';

export const BLOCK = contract('Block', 'types', 'block', encodeBlock, decodeBlock);
export const STRIPPED_PAYLOAD = contract(
  'StrippedPayload',
  'types',
  'stripped_payload',
  encodeStrippedPayload,
  decodeStrippedPayload,
);
export const STRIPPED_PROPOSAL = contract(
  'StrippedProposal',
  'types',
  'stripped_proposal',
  encodeStrippedProposal,
  decodeStrippedProposal,
);
export const PROPOSAL = contract(
  'BlockProposal',
  'types',
  'block_proposal',
  encodeBlockProposal,
  decodeBlockProposal,
);
export const VOTE = contract('Vote', 'types', 'vote', encodeVote, decodeVote);
export const CERTIFICATE = contract(
  'VoteCertificate',
  'types',
  'vote_certificate',
  encodeVoteCertificate,
  decodeVoteCertificate,
);
export const EQUIVOCATION = contract(
  'EquivocationProof',
  'types',
  'equivocation_proof',
  encodeEquivocationProof,
  decodeEquivocationProof,
);
export const INGRESS = contract('Ingress', 'types', 'ingress', encodeIngress, decodeIngress);
export const THRESHOLD_VALUE = contract(
  'ThresholdValue',
  'types',
  'threshold_value',
  encodeThresholdValue,
  decodeThresholdValue,
);
export const ENTRY = contract(
  'ConsensusEntry',
  'types',
  'consensus_entry',
  encodeConsensusEntry,
  decodeConsensusEntry,
);

export const QUESTION = contract(
  'ChainQuestion',
  'types',
  'chain_question',
  encodeChainQuestion,
  decodeChainQuestion,
);
export const ANSWER = contract(
  'ChainAnswer',
  'types',
  'chain_answer',
  encodeChainAnswer,
  decodeChainAnswer,
);

export type {
  Block,
  BlockProposal,
  ChainAnswer,
  ChainLink,
  ChainQuestion,
  ConsensusEntry,
  EquivocationProof,
  Ingress,
  Payload,
  StrippedPayload,
  StrippedProposal,
  Vote,
  VoteCertificate,
};

export type VotePurpose = 'notarization' | 'finalization';

/** A hash as text, `toKey`: what maps are keyed by. */
export type HashKey = string;

const BLOCK_DOMAIN = separator('internode-block');
const PAYLOAD_DOMAIN = separator('internode-payload');
const PROPOSAL_DOMAIN = separator('internode-proposal');
const VOTE_DOMAINS = {
  notarization: separator('internode-notarization'),
  finalization: separator('internode-finalization'),
} as const;

/** The payload of a block between summaries. */
export function payloadOf(ingress: readonly Ingress[]): Payload {
  return { ingress, summary: undefined, dealings: [], complaints: [] };
}

/** What a message is known by in blocks: the SHA-256 of all its bytes, the signature among them. */
export function idOfIngress(ingress: Ingress): Uint8Array {
  return sha256(INGRESS.encode(ingress));
}

/** The payload as it travels and is hashed. `ids` spares hashing bodies whose ids are known. */
export function stripPayload(payload: Payload, ids?: readonly Uint8Array[]): StrippedPayload {
  const { ingress, summary, dealings, complaints } = payload;
  return { ingressIds: ids ?? ingress.map(idOfIngress), summary, dealings, complaints };
}

export function stripProposal(
  proposal: BlockProposal,
  ids?: readonly Uint8Array[],
): StrippedProposal {
  return { ...proposal, payload: stripPayload(proposal.payload, ids) };
}

export function hashOfStripped(payload: StrippedPayload): Uint8Array {
  return sha256(concatBytes(PAYLOAD_DOMAIN, STRIPPED_PAYLOAD.encode(payload)));
}

export function hashOfPayload(payload: Payload): Uint8Array {
  return hashOfStripped(stripPayload(payload));
}

export function hashOfBlock(block: Block): Uint8Array {
  return sha256(concatBytes(BLOCK_DOMAIN, BLOCK.encode(block)));
}

/** Signed by the maker: {height, hash, subnet} (protocol 2.2), so that evidence of equivocation is small. */
export function bytesOfProposal(
  subnetId: Uint8Array,
  height: number,
  hash: Uint8Array,
): Uint8Array {
  return concatBytes(PROPOSAL_DOMAIN, subnetId, heightBytes(height), hash);
}

export function bytesOfVote(
  purpose: VotePurpose,
  subnetId: Uint8Array,
  vote: { readonly height: number; readonly blockHash: Uint8Array },
): Uint8Array {
  return concatBytes(VOTE_DOMAINS[purpose], subnetId, heightBytes(vote.height), vote.blockHash);
}

/** The block from which a subnet's chain starts: the same for all, never made, already final. */
export function genesisOf(subnetId: Uint8Array, registryVersion: number): Block {
  return {
    height: 0,
    parent: sha256(concatBytes(separator('internode-genesis'), subnetId)),
    rank: 0,
    registryVersion,
    certifiedHeight: 0,
    timeNanos: 0n,
    payloadHash: hashOfPayload(payloadOf([])),
  };
}

/** What one message of a payload counts against the block's limit. */
export function sizeOfIngress(ingress: Ingress): number {
  return (
    ingress.envelope.length + ingress.requestId.length + ingress.effectiveCanisterId.length + 24
  );
}

export function keyOf(hash: Uint8Array): HashKey {
  return toKey(hash);
}

function heightBytes(height: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(height));
  return bytes;
}
