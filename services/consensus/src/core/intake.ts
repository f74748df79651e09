// The door for artifacts: bytes from anybody in, something the rules can judge out. Checks all that needs no pool: shape,
// lengths, membership, hash integrity, payload limits.
import type { ArtifactReceived } from '@internode/contracts';
import { bytesEqual, invalid, undecided, type Verdict, valid } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import {
  type BlockProposal,
  CERTIFICATE,
  EQUIVOCATION,
  hashOfBlock,
  hashOfPayload,
  INGRESS,
  type Ingress,
  keyOf,
  PROPOSAL,
  sizeOfIngress,
  VOTE,
  type VotePurpose,
} from './artifact.ts';
import type { Epochs } from './epochs.ts';
import type { BlockRecord } from './pool.ts';
import type { Subnet } from './subnet.ts';
import type { Artifact } from './view.ts';

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** Members of that height are not known before a summary is final: may be right, is offered again. */
const OF_NO_KNOWN_EPOCH = undecided('its epoch is not known yet');

export type Received =
  | { readonly kind: 'ingress'; readonly ingress: Ingress }
  | { readonly kind: 'artifact'; readonly artifact: Artifact }
  /** Of a kind that is not for consensus. */
  | { readonly kind: 'foreign' };

export function receive(epochs: Epochs, message: ArtifactReceived): Verdict<Received> {
  switch (message.artifactKind) {
    case 'ingress':
      return readIngress(message.body);
    case 'block_proposal':
      return readProposal(epochs, message.body);
    case 'notarization_share':
      return readShare(epochs, 'notarization', message.body);
    case 'finalization_share':
      return readShare(epochs, 'finalization', message.body);
    case 'notarization':
      return readCertificate(epochs, 'notarization', message.body);
    case 'finalization':
      return readCertificate(epochs, 'finalization', message.body);
    case 'equivocation_proof':
      return readEquivocation(epochs, message.body);
    default:
      return valid({ kind: 'foreign' });
  }
}

/** The pool's form of a proposal whose hashes are known to fit. */
export function recordOf(subnet: Subnet, proposal: BlockProposal, hash: Uint8Array): BlockRecord {
  const { block, payload } = proposal;
  return {
    key: keyOf(hash),
    hash,
    parentKey: keyOf(block.parent),
    block,
    proposal,
    maker: subnet.indexOf(proposal.maker) ?? -1,
    ingressKeys: payload.ingress.map((ingress) => keyOf(ingress.requestId)),
  };
}

function readIngress(body: Uint8Array): Verdict<Received> {
  const decoded = INGRESS.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const fault = faultOfIngress(decoded.value);
  return fault === undefined ? valid({ kind: 'ingress', ingress: decoded.value }) : invalid(fault);
}

function faultOfIngress(ingress: Ingress): string | undefined {
  if (ingress.requestId.length !== HASH_BYTES) return 'request id length';
  if (sizeOfIngress(ingress) > CONSENSUS_LIMITS.payloadBytesMax)
    return 'ingress larger than a block';
  return undefined;
}

function readProposal(epochs: Epochs, body: Uint8Array): Verdict<Received> {
  const decoded = PROPOSAL.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const proposal = decoded.value;
  const { block, payload } = proposal;
  const subnet = epochs.at(block.height)?.subnet;
  if (subnet === undefined) return OF_NO_KNOWN_EPOCH;
  if (subnet.indexOf(proposal.maker) === undefined) return invalid('maker is not a member');
  if (proposal.signature.length !== SIGNATURE_BYTES) return invalid('signature length');
  if (block.height === 0 || block.parent.length !== HASH_BYTES) return invalid('parent');
  if (payload.ingress.length > CONSENSUS_LIMITS.payloadMessagesMax)
    return invalid('too many messages');
  let bytes = 0;
  for (const ingress of payload.ingress) {
    const fault = faultOfIngress(ingress);
    if (fault !== undefined) return invalid(fault);
    bytes += sizeOfIngress(ingress);
  }
  if (bytes > CONSENSUS_LIMITS.payloadBytesMax) return invalid('payload too large');
  if (!bytesEqual(hashOfPayload(payload), block.payloadHash)) return invalid('payload hash');
  const record = recordOf(subnet, proposal, hashOfBlock(block));
  return valid({
    kind: 'artifact',
    artifact: { kind: 'block_proposal', height: block.height, record },
  });
}

function readShare(epochs: Epochs, purpose: VotePurpose, body: Uint8Array): Verdict<Received> {
  const decoded = VOTE.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const vote = decoded.value;
  const subnet = epochs.at(vote.height)?.subnet;
  if (subnet === undefined) return OF_NO_KNOWN_EPOCH;
  const signer = subnet.indexOf(vote.signer);
  if (signer === undefined) return invalid('signer is not a member');
  if (vote.blockHash.length !== HASH_BYTES) return invalid('hash length');
  if (vote.signature.length !== SIGNATURE_BYTES) return invalid('signature length');
  const { height } = vote;
  const key = keyOf(vote.blockHash);
  return valid({
    kind: 'artifact',
    artifact: { kind: 'share', purpose, height, key, signer, vote },
  });
}

function readCertificate(
  epochs: Epochs,
  purpose: VotePurpose,
  body: Uint8Array,
): Verdict<Received> {
  const decoded = CERTIFICATE.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const certificate = decoded.value;
  if (certificate.blockHash.length !== HASH_BYTES) return invalid('hash length');
  const subnet = epochs.at(certificate.height)?.subnet;
  if (subnet === undefined) return OF_NO_KNOWN_EPOCH;
  if (certificate.signatures.length !== subnet.quorum) return invalid('not exactly a quorum');
  const { height } = certificate;
  const key = keyOf(certificate.blockHash);
  return valid({
    kind: 'artifact',
    artifact: { kind: 'certificate', purpose, height, key, certificate },
  });
}

function readEquivocation(epochs: Epochs, body: Uint8Array): Verdict<Received> {
  const decoded = EQUIVOCATION.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const proof = decoded.value;
  const subnet = epochs.at(proof.height)?.subnet;
  if (subnet === undefined) return OF_NO_KNOWN_EPOCH;
  const maker = subnet.indexOf(proof.maker);
  if (maker === undefined) return invalid('maker is not a member');
  if (proof.firstHash.length !== HASH_BYTES || proof.secondHash.length !== HASH_BYTES)
    return invalid('hash length');
  if (bytesEqual(proof.firstHash, proof.secondHash)) return invalid('one block is no equivocation');
  if (proof.firstSignature.length !== SIGNATURE_BYTES) return invalid('signature length');
  if (proof.secondSignature.length !== SIGNATURE_BYTES) return invalid('signature length');
  const { height } = proof;
  return valid({
    kind: 'artifact',
    artifact: { kind: 'equivocation_proof', height, maker, proof },
  });
}
