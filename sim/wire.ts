// What travels between nodes, as checkers read it and adversaries write it: the wire forms of the contracts, and the bytes
// that are signed. Written from docs and contracts, not shared with the cores, so that a core cannot be wrong unnoticed.
import {
  type Block,
  contract,
  decodeBlock,
  decodeEquivocationProof,
  decodeStrippedProposal,
  decodeThresholdShare,
  decodeThresholdValue,
  decodeVote,
  decodeVoteCertificate,
  encodeBlock,
  encodeEquivocationProof,
  encodeStrippedProposal,
  encodeThresholdShare,
  encodeThresholdValue,
  encodeVote,
  encodeVoteCertificate,
} from '@internode/contracts';
import { separator, sha256 } from '@internode/encoding';
import { concatBytes } from '@internode/prelude';

const BLOCK = contract('Block', 'types', 'block', encodeBlock, decodeBlock);
export const PROPOSAL = contract(
  'StrippedProposal',
  'types',
  'stripped_proposal',
  encodeStrippedProposal,
  decodeStrippedProposal,
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
export const SHARE = contract(
  'ThresholdShare',
  'types',
  'threshold_share',
  encodeThresholdShare,
  decodeThresholdShare,
);
export const VALUE = contract(
  'ThresholdValue',
  'types',
  'threshold_value',
  encodeThresholdValue,
  decodeThresholdValue,
);

export type VotePurpose = 'notarization' | 'finalization';

const VOTE_DOMAINS = {
  notarization: separator('internode-notarization'),
  finalization: separator('internode-finalization'),
} as const;
const PROPOSAL_DOMAIN = separator('internode-proposal');
const BLOCK_DOMAIN = separator('internode-block');
const THRESHOLD_DOMAINS = {
  beacon: separator('internode-random-beacon'),
  tape: separator('internode-random-tape'),
} as const;
const ROOT_DOMAIN = separator('ic-state-root');

export function hashOfBlock(block: Block): Uint8Array {
  return sha256(concatBytes(BLOCK_DOMAIN, BLOCK.encode(block)));
}

export function bytesOfVote(
  purpose: VotePurpose,
  subnetId: Uint8Array,
  { height, blockHash }: { readonly height: number; readonly blockHash: Uint8Array },
): Uint8Array {
  return concatBytes(VOTE_DOMAINS[purpose], subnetId, heightBytes(height), blockHash);
}

export function bytesOfProposal(subnetId: Uint8Array, block: Block): Uint8Array {
  return concatBytes(PROPOSAL_DOMAIN, subnetId, heightBytes(block.height), hashOfBlock(block));
}

export function bytesOfValue(
  kind: 'beacon' | 'tape',
  subnetId: Uint8Array,
  { height, content }: { readonly height: number; readonly content: Uint8Array },
): Uint8Array {
  return concatBytes(THRESHOLD_DOMAINS[kind], subnetId, heightBytes(height), content);
}

export function bytesOfRoot(root: Uint8Array): Uint8Array {
  return concatBytes(ROOT_DOMAIN, root);
}

function heightBytes(height: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(height));
  return bytes;
}
