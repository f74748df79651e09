// Wire forms of this room's artifacts and journal entries, and what must hold of them before anything is known.
import {
  type ArtifactKind,
  contract,
  decodeBeaconEntry,
  decodeThresholdShare,
  decodeThresholdValue,
  encodeBeaconEntry,
  encodeThresholdShare,
  encodeThresholdValue,
} from '@internode/contracts';
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

export const CONTENT_BYTES: Readonly<Record<RoundKind, number>> = {
  beacon: 32,
  tape: 0,
  certification: 32,
};
const SIGNATURE_BYTES = 48;

export function faultOf(kind: RoundKind, signed: Signed): string | undefined {
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
    default:
      return undefined;
  }
}
