// Wire forms of this room's artifacts and journal entries, and what must hold of them before anything is known.
import {
  type ArtifactKind,
  type CatchUpContent,
  contract,
  decodeBeaconEntry,
  decodeCatchUpContent,
  decodeCatchUpPackage,
  decodeComplaint,
  decodeDealing,
  decodeSharingAnswer,
  decodeSharingQuestion,
  decodeThresholdShare,
  decodeThresholdValue,
  encodeBeaconEntry,
  encodeCatchUpContent,
  encodeCatchUpPackage,
  encodeComplaint,
  encodeDealing,
  encodeSharingAnswer,
  encodeSharingQuestion,
  encodeThresholdShare,
  encodeThresholdValue,
  type ThresholdShare,
  type ThresholdValue,
} from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { invalid, type Verdict, valid } from '@internode/prelude';
import type { RoundKind, Signed } from './round.ts';

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
export const ENTRY = contract(
  'BeaconEntry',
  'types',
  'beacon_entry',
  encodeBeaconEntry,
  decodeBeaconEntry,
);

export const DEALING = contract('Dealing', 'types', 'dealing', encodeDealing, decodeDealing);
export const COMPLAINT = contract(
  'Complaint',
  'types',
  'complaint',
  encodeComplaint,
  decodeComplaint,
);
export const CATCH_UP_CONTENT = contract(
  'CatchUpContent',
  'types',
  'catch_up_content',
  encodeCatchUpContent,
  decodeCatchUpContent,
);
export const CATCH_UP = contract(
  'CatchUpPackage',
  'types',
  'catch_up_package',
  encodeCatchUpPackage,
  decodeCatchUpPackage,
);

export const QUESTION = contract(
  'SharingQuestion',
  'types',
  'sharing_question',
  encodeSharingQuestion,
  decodeSharingQuestion,
);
export const ANSWER = contract(
  'SharingAnswer',
  'types',
  'sharing_answer',
  encodeSharingAnswer,
  decodeSharingAnswer,
);

export const CONTENT_BYTES: Readonly<Record<RoundKind, number>> = {
  beacon: 32,
  tape: 0,
  certification: 32,
  catch_up: 32,
};
const SIGNATURE_BYTES = 48;

function faultOf(kind: RoundKind, signed: Signed): string | undefined {
  if (signed.content.length !== CONTENT_BYTES[kind]) return 'content length';
  return signed.signature.length === SIGNATURE_BYTES ? undefined : 'signature length';
}

export function kindOf(artifactKind: ArtifactKind): RoundKind | undefined {
  switch (artifactKind) {
    case 'beacon':
    case 'beacon_share':
      return 'beacon';
    case 'tape':
    case 'tape_share':
      return 'tape';
    case 'certification':
    case 'certification_share':
      return 'certification';
    case 'catch_up':
    case 'catch_up_share':
      return 'catch_up';
    default:
      return undefined;
  }
}

/** What an artifact claims: a share with its signer, or a finished value. */
export function readArtifact(
  kind: RoundKind,
  artifactKind: ArtifactKind,
  body: Uint8Array,
): Verdict<ThresholdShare | ThresholdValue> {
  const decoded = readForm(kind, artifactKind, body);
  if (decoded.kind !== 'valid') return decoded;
  const fault = faultOf(kind, decoded.value);
  return fault === undefined ? decoded : invalid(fault);
}

function readForm(
  kind: RoundKind,
  artifactKind: ArtifactKind,
  body: Uint8Array,
): Verdict<ThresholdShare | ThresholdValue> {
  if (artifactKind !== kind) return SHARE.decode(body);
  if (kind !== 'catch_up') return VALUE.decode(body);
  const decoded = CATCH_UP.decode(body);
  if (decoded.kind !== 'valid') return decoded;
  const { content, signature } = decoded.value;
  return valid({ height: content.block.height, content: contentHashOf(content), signature });
}

/** What shares of a catch-up package sign. */
export function contentHashOf(content: CatchUpContent): Uint8Array {
  return sha256(CATCH_UP_CONTENT.encode(content));
}
