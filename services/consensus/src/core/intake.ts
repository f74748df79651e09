// The door for artifacts: bytes from anybody in, something the rules can judge out. Checks all that needs no pool: shape,
// lengths, membership, hash integrity, payload limits.
import type { ArtifactReceived } from '@internode/contracts';
import { bytesEqual, invalid, type Verdict, valid } from '@internode/prelude';
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
import type { BlockRecord } from './pool.ts';
import type { Subnet } from './subnet.ts';
import type { Artifact } from './view.ts';

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;

export type Received =
  | { readonly kind: 'ingress'; readonly ingress: Ingress }
  | { readonly kind: 'artifact'; readonly artifact: Artifact }
  /** Of a kind that is not for consensus. */
  | { readonly kind: 'foreign' };

export function receive(subnet: Subnet, message: ArtifactReceived): Verdict<Received> {
  switch (message.artifactKind) {
    case 'ingress':
      return readIngress(message.body);
    case 'block_proposal':
      return readProposal(subnet, message.body);
    case 'notarization_share':
      return readShare(subnet, 'notarization', message.body);
    case 'finalization_share':
      return readShare(subnet, 'finalization', message.body);
    case 'notarization':
      return readCertificate(subnet, 'notarization', message.body);
    case 'finalization':
      return readCertificate(subnet, 'finalization', message.body);
    case 'equivocation_proof':
      return readEquivocation(subnet, message.body);
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

function readProposal(subnet: Subnet, body: Uint8Array): Verdict<Received> {
  const decoded = PROPOSAL.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const proposal = decoded.value;
  const { block, payload } = proposal;
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

function readShare(subnet: Subnet, purpose: VotePurpose, body: Uint8Array): Verdict<Received> {
  const decoded = VOTE.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const vote = decoded.value;
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
  subnet: Subnet,
  purpose: VotePurpose,
  body: Uint8Array,
): Verdict<Received> {
  const decoded = CERTIFICATE.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const certificate = decoded.value;
  if (certificate.blockHash.length !== HASH_BYTES) return invalid('hash length');
  if (certificate.signatures.length !== subnet.quorum) return invalid('not exactly a quorum');
  const { height } = certificate;
  const key = keyOf(certificate.blockHash);
  return valid({
    kind: 'artifact',
    artifact: { kind: 'certificate', purpose, height, key, certificate },
  });
}

function readEquivocation(subnet: Subnet, body: Uint8Array): Verdict<Received> {
  const decoded = EQUIVOCATION.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const proof = decoded.value;
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
