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
  hashOfStripped,
  type Ingress,
  keyOf,
  STRIPPED_PROPOSAL,
  type StrippedProposal,
  sizeOfIngress,
  stripProposal,
  VOTE,
  type VoteCertificate,
  type VotePurpose,
} from './artifact.ts';
import type { Epochs } from './epochs.ts';
import { faultOfForm, MULTI_SIGNATURE_BYTES } from './multi-votes.ts';
import type { BlockRecord } from './pool.ts';
import type { Subnet } from './subnet.ts';
import type { Artifact } from './view.ts';

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** Members of that height are not known before a summary is final: may be right, is offered again. */
const OF_NO_KNOWN_EPOCH = undecided('its epoch is not known yet');

export type Received =
  | { readonly kind: 'artifact'; readonly artifact: Artifact }
  /** Of a kind that is not for consensus, or ingress, which has a message of its own. */
  | { readonly kind: 'foreign' };

export function receive(epochs: Epochs, message: ArtifactReceived): Verdict<Received> {
  switch (message.artifactKind) {
    case 'block_proposal':
      return readProposal(epochs, message.body);
    case 'notarization_share':
      return readShare(epochs, 'notarization', message);
    case 'finalization_share':
      return readShare(epochs, 'finalization', message);
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
export function recordOf(
  subnet: Subnet,
  proposal: BlockProposal,
  hash: Uint8Array,
  ids?: readonly Uint8Array[],
): BlockRecord {
  return completed(strippedRecordOf(subnet, stripProposal(proposal, ids), hash), proposal);
}

/** The form of a proposal whose bodies are not here yet. */
export function strippedRecordOf(
  subnet: Subnet,
  stripped: StrippedProposal,
  hash: Uint8Array,
): BlockRecord {
  return {
    key: keyOf(hash),
    hash,
    parentKey: keyOf(stripped.block.parent),
    block: stripped.block,
    proposal: undefined,
    stripped,
    maker: subnet.indexOf(stripped.maker) ?? -1,
    ingressKeys: [],
  };
}

/** With the bodies that the ids of the record name. */
export function completed(record: BlockRecord, proposal: BlockProposal): BlockRecord {
  const ingressKeys = proposal.payload.ingress.map((ingress) => keyOf(ingress.requestId));
  return { ...record, proposal, ingressKeys };
}

export function faultOfIngress(ingress: Ingress): string | undefined {
  if (ingress.requestId.length !== HASH_BYTES) return 'request id length';
  if (sizeOfIngress(ingress) > CONSENSUS_LIMITS.payloadBytesMax)
    return 'ingress larger than a block';
  return undefined;
}

function readProposal(epochs: Epochs, body: Uint8Array): Verdict<Received> {
  const decoded = STRIPPED_PROPOSAL.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  return artifactOfProposal(epochs, decoded.value);
}

export function artifactOfProposal(epochs: Epochs, stripped: StrippedProposal): Verdict<Received> {
  const { block } = stripped;
  const subnet = epochs.at(block.height)?.subnet;
  if (subnet === undefined) return OF_NO_KNOWN_EPOCH;
  const fault = faultOfStripped(subnet, stripped);
  if (fault !== undefined) return invalid(fault);
  const record = strippedRecordOf(subnet, stripped, hashOfBlock(block));
  return valid({
    kind: 'artifact',
    artifact: { kind: 'block_proposal', height: block.height, record },
  });
}

function faultOfStripped(subnet: Subnet, stripped: StrippedProposal): string | undefined {
  const { block, payload, maker, signature } = stripped;
  if (subnet.indexOf(maker) === undefined) return 'maker is not a member';
  if (signature.length !== SIGNATURE_BYTES) return 'signature length';
  if (block.height === 0 || block.parent.length !== HASH_BYTES) return 'parent';
  const { ingressIds } = payload;
  if (ingressIds.length > CONSENSUS_LIMITS.payloadMessagesMax) return 'too many messages';
  if (ingressIds.some((id) => id.length !== HASH_BYTES)) return 'ingress id length';
  if (new Set(ingressIds.map(keyOf)).size !== ingressIds.length) return 'ingress twice in a block';
  return bytesEqual(hashOfStripped(payload), block.payloadHash) ? undefined : 'payload hash';
}

function readShare(
  epochs: Epochs,
  purpose: VotePurpose,
  { body, fromNode }: ArtifactReceived,
): Verdict<Received> {
  const decoded = VOTE.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const vote = decoded.value;
  const subnet = epochs.at(vote.height)?.subnet;
  if (subnet === undefined) return OF_NO_KNOWN_EPOCH;
  const signer = subnet.indexOf(vote.signer);
  if (signer === undefined) return invalid('signer is not a member');
  if (vote.blockHash.length !== HASH_BYTES) return invalid('hash length');
  const multi = subnet.scheme === 'multi';
  const bytes = multi ? MULTI_SIGNATURE_BYTES : SIGNATURE_BYTES;
  if (vote.signature.length !== bytes) return invalid('signature length');
  // Votes that are added up are not signed by Ed25519: the link says whose they are.
  if (multi && !bytesEqual(vote.signer, fromNode)) return invalid('not from its signer');
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
  return artifactOfCertificate(epochs, purpose, decoded.value);
}

export function artifactOfCertificate(
  epochs: Epochs,
  purpose: VotePurpose,
  certificate: VoteCertificate,
): Verdict<Received> {
  if (certificate.blockHash.length !== HASH_BYTES) return invalid('hash length');
  const subnet = epochs.at(certificate.height)?.subnet;
  if (subnet === undefined) return OF_NO_KNOWN_EPOCH;
  const fault = faultOfForm(subnet, certificate);
  if (fault !== undefined) return invalid(fault);
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
